//! Figures of a diagnosis for people: numbers, sizes, durations, times, names of functions.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A time to the second.
pub(in crate::render) fn time(t: Timestamp) -> String {
    t.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// A number without decimals that say nothing, thousands apart.
pub(in crate::render) fn number(v: f64) -> String {
    let rounded = v.round();
    if v.abs() < 10.0 && (v - rounded).abs() > 0.05 {
        return format!("{v:.1}");
    }
    let digits = format!("{:.0}", rounded.abs());
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if rounded < 0.0 { format!("-{out}") } else { out }
}

/// A number to so many digits: what is estimated has no more.
pub(in crate::render) fn rounded(v: f64, digits: i32) -> f64 {
    if v == 0.0 || !v.is_finite() {
        return v;
    }
    let unit = 10f64.powi(v.abs().log10().floor() as i32 + 1 - digits);
    if unit > 1.0 { (v / unit).round() * unit } else { v }
}

/// Bytes in binary units.
pub(in crate::render) fn bytes(v: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = v.abs();
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let sign = if v < 0.0 { "-" } else { "" };
    let decimals = usize::from(value < 10.0 && unit > 0);
    format!("{sign}{value:.decimals$} {}", UNITS[unit])
}

/// `3 min`, `2 h 5 min`, `3 d 4 h`.
pub(in crate::render) fn minutes(m: u64) -> String {
    match m {
        0..60 => format!("{m} min"),
        60..1440 if m.is_multiple_of(60) => format!("{} h", m / 60),
        60..1440 => format!("{} h {} min", m / 60, m % 60),
        _ if m % 1440 < 60 => format!("{} d", m / 1440),
        _ => format!("{} d {} h", m / 1440, m % 1440 / 60),
    }
}

/// `45 s`, else as [`minutes`].
pub(in crate::render) fn seconds(s: u64) -> String {
    if s < 120 { format!("{s} s") } else { minutes(s / 60) }
}

pub(super) fn waits(w: (u64, u64)) -> String {
    if w.0 == w.1 {
        minutes(w.1)
    } else {
        format!("{} to {}", minutes(w.0), minutes(w.1))
    }
}

/// A function without the path of its package.
pub(in crate::render) fn short(name: &str) -> String {
    let head = name.find(['[', '(', '{', ' ']).unwrap_or(name.len());
    match name[..head].rfind('/') {
        Some(slash) => name[slash + 1..].to_owned(),
        None => name.to_owned(),
    }
}

pub(in crate::render) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        // Abbreviations and names that begin small stay as they are.
        Some(first) if !text.starts_with("cAdvisor") => first.to_uppercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times() {
        assert_eq!(number(0.0), "0");
        assert_eq!(number(1234567.0), "1,234,567");
        assert_eq!(number(-999.6), "-1,000");
        assert_eq!(number(3.26), "3.3");
        assert_eq!(number(rounded(131_090.0, 2)), "130,000");
        assert_eq!(number(rounded(-286_029.0, 3)), "-286,000");
        assert_eq!(number(rounded(42.4, 3)), "42");
        assert_eq!(number(rounded(0.0, 3)), "0");
        assert_eq!(bytes(1536.0), "1.5 KiB");
        assert_eq!(bytes(12.0), "12 B");
        assert_eq!(minutes(59), "59 min");
        assert_eq!(minutes(1140), "19 h");
        assert_eq!(minutes(1441), "1 d");
        assert_eq!(minutes(1540), "1 d 1 h");
        assert_eq!(seconds(45), "45 s");
        assert_eq!(
            short("k8s.io/kubernetes/pkg/kubelet.(*podWorkers).startPodSync"),
            "kubelet.(*podWorkers).startPodSync"
        );
    }
}
