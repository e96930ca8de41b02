//! Numbers and booleans as Go's flag package reads them (`0x10`, `0b1`, `0o7`, `010`, `1_000`, `0x1p3`, `inf`), and as `fmt` prints them.

/// What Go's flag package takes for a boolean.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// An integer of any base; a leading 0 means octal.
pub(super) fn int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (text.starts_with('-'), digits),
        None => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, number) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        _ if lower.len() > 1 && lower.starts_with('0') => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    let number = without_underscores(number, base != 10)?;
    if number.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(&number, base).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

/// Underscores stand between digits, or behind a prefix.
fn without_underscores(number: &str, behind_prefix: bool) -> Option<String> {
    let misplaced = number.starts_with('_') && !behind_prefix || number.ends_with('_') || number.contains("__");
    (!misplaced).then(|| number.replace('_', ""))
}

/// A float, decimal or hexadecimal.
pub(super) fn float(text: &str) -> Option<f64> {
    let (sign, number) = match text.strip_prefix(['+', '-']) {
        Some(number) => (if text.starts_with('-') { -1.0 } else { 1.0 }, number),
        None => (1.0, text),
    };
    let lower = number.to_ascii_lowercase();
    if lower.starts_with(['+', '-']) {
        return None;
    }
    let value = match lower.strip_prefix("0x") {
        Some(hexadecimal) => hexadecimal_float(&without_underscores(hexadecimal, true)?)?,
        None => without_underscores(&lower, false)?.parse().ok()?,
    };
    Some(sign * value)
}

fn hexadecimal_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut value = 0.0;
    let digits = whole.chars().chain(fraction.chars());
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    for digit in digits {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let exponent: i32 = exponent.parse().ok()?;
    let places = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * 2f64.powi(exponent.checked_sub(places)?))
}

/// A float as Go's `%v` has it: the shortest digits, with an exponent from 1e+06 on and below 0.0001.
pub(super) fn shown(v: f64) -> String {
    if !v.is_finite() {
        return match (v.is_nan(), v > 0.0) {
            (true, _) => "NaN",
            (false, true) => "+Inf",
            (false, false) => "-Inf",
        }
        .to_owned();
    }
    let scientific = format!("{v:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(e) if v != 0.0 && !(-4..6).contains(&e) => {
            let sign = if e < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", e.unsigned_abs())
        }
        _ => v.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{float, int};

    #[test]
    fn integers() {
        for (text, want) in [
            ("10", Some(10)),
            ("-5", Some(-5)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("0b11", Some(3)),
            ("0o17", Some(15)),
            ("1_000", Some(1000)),
            ("0x_1", Some(1)),
            ("_1", None),
            ("1__0", None),
            ("", None),
            ("08", None),
            ("abc", None),
            ("99999999999999999999", None),
            ("--1", None),
        ] {
            assert_eq!(int(text), want, "{text}");
        }
    }

    #[test]
    fn floats() {
        for (text, want) in [
            ("0.5", Some(0.5)),
            (".5", Some(0.5)),
            ("1_0", Some(10.0)),
            ("0x1p3", Some(8.0)),
            ("0x1.8p1", Some(3.0)),
            ("-0x1p-1", Some(-0.5)),
            ("0x1", None),
            ("inf", Some(f64::INFINITY)),
            ("x", None),
            ("+-1", None),
            ("", None),
        ] {
            assert_eq!(float(text), want, "{text}");
        }
    }
}
