//! Units: which text means which unit, scaling between units, and numbers as `go tool pprof` words them.
//!
//! Bytes are 1024-based (`kB`, `MB`); time goes ns, us, ms, s, hrs. The wording of numbers and percentages is pprof's to
//! the byte (its `%.2f` without `.00`, its `%5.2g%%` below one percent), because reports are compared with its output.

use super::decimals::fixed;

/// A unit and the texts that mean it.
struct Unit {
    name: &'static str,
    aliases: &'static [&'static str],
    factor: f64,
}

struct Family {
    units: &'static [Unit],
    /// Units that nothing is scaled to unless they are asked for, under names that only [`native`] gives.
    asked: &'static [Unit],
    default_name: &'static str,
    default_factor: f64,
}

const KI: f64 = 1024.0;

const fn unit(name: &'static str, aliases: &'static [&'static str], factor: f64) -> Unit {
    Unit { name, aliases, factor }
}

static FAMILIES: [Family; 3] = [
    Family {
        units: &[
            unit("B", &["b", "byte"], 1.0),
            unit("kB", &["kb", "kbyte", "kilobyte"], KI),
            unit("MB", &["mb", "mbyte", "megabyte"], KI * KI),
            unit("GB", &["gb", "gbyte", "gigabyte"], KI * KI * KI),
            unit("TB", &["tb", "tbyte", "terabyte"], KI * KI * KI * KI),
            unit("PB", &["pb", "pbyte", "petabyte"], KI * KI * KI * KI * KI),
        ],
        asked: &[],
        default_name: "B",
        default_factor: 1.0,
    },
    Family {
        units: &[
            unit("ns", &["ns", "nanosecond"], 1.0),
            unit("us", &["us", "microsecond"], 1e3),
            unit("ms", &["ms", "millisecond"], 1e6),
            unit("s", &["s", "sec", "second"], 1e9),
            unit("hrs", &["hour", "hr"], 3600e9),
        ],
        asked: &[unit("min", &["kubeprof-minute"], 60e9)],
        default_name: "s",
        default_factor: 1e9,
    },
    Family {
        units: &[
            unit("n*GCU", &["nanogcu"], 1e-9),
            unit("u*GCU", &["microgcu"], 1e-6),
            unit("m*GCU", &["milligcu"], 1e-3),
            unit("GCU", &["gcu"], 1.0),
            unit("k*GCU", &["kilogcu"], 1e3),
            unit("M*GCU", &["megagcu"], 1e6),
            unit("G*GCU", &["gigagcu"], 1e9),
            unit("T*GCU", &["teragcu"], 1e12),
            unit("P*GCU", &["petagcu"], 1e15),
        ],
        asked: &[],
        default_name: "GCU",
        default_factor: 1.0,
    },
];

impl Family {
    /// The unit that `text` means: case does not matter, nor does one plural s.
    fn find(&self, text: &str) -> Option<&'static Unit>
    where
        Self: 'static,
    {
        // Long texts cannot be a unit; most that come here are "count".
        if text.len() > 16 {
            return None;
        }
        let mut units = self.units.iter().chain(self.asked);
        if text.is_ascii() {
            let key = match text.as_bytes() {
                [key @ .., b's' | b'S'] if key.len() > 1 => key,
                key => key,
            };
            return units.find(|u| u.aliases.iter().any(|a| a.as_bytes().eq_ignore_ascii_case(key)));
        }
        let lower = text.to_lowercase();
        let key = if lower.len() > 2 {
            lower.strip_suffix('s').unwrap_or(&lower)
        } else {
            &lower
        };
        units.find(|u| u.aliases.contains(&key))
    }
}

/// A unit that pprof does not know (minutes, `MiB`, `µs`, `h`) under a name that the functions here know; any other text
/// comes back as it is. The dialect of pprof does without this.
pub fn native(unit: &str) -> &str {
    match unit.to_lowercase().as_str() {
        "min" | "mins" | "minute" | "minutes" => "kubeprof-minutes",
        "h" | "hours" | "hrs" => "hr",
        "µs" | "μs" => "us",
        "kib" => "kB",
        "mib" => "MB",
        "gib" => "GB",
        "tib" => "TB",
        "pib" => "PB",
        _ => unit,
    }
}

/// What kind of quantity a unit measures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Dimension {
    /// Bytes and their multiples.
    Bytes,
    /// Nanoseconds and their multiples.
    Time,
    /// Google compute units; only in profiles that are not of Go.
    ComputeUnits,
    /// Anything else: counts, unknown units.
    Count,
}

/// The kind of quantity that `unit` measures.
pub fn dimension(unit: &str) -> Dimension {
    const ALL: [Dimension; 3] = [Dimension::Bytes, Dimension::Time, Dimension::ComputeUnits];
    FAMILIES
        .iter()
        .zip(ALL)
        .find(|(f, _)| f.find(unit).is_some())
        .map_or(Dimension::Count, |(_, d)| d)
}

/// How many of the base unit of its dimension (bytes, nanoseconds) one `unit` is; `None` for counts and unknown units.
pub fn factor(unit: &str) -> Option<f64> {
    FAMILIES.iter().find_map(|f| f.find(unit)).map(|u| u.factor)
}

/// Converts `value` from one unit to another; returns the number and the unit to print behind it (`""` for counts).
/// `to` may be `minimum` or `auto`: the largest unit in which the number is at least 1. A `to` of another family gives
/// the default unit of the family of `from`.
pub fn scale(value: i64, from: &str, to: &str) -> (f64, String) {
    let (v, unit) = scale_ref(value, from, to);
    (v, unit.to_owned())
}

fn scale_ref<'a>(value: i64, from: &str, to: &'a str) -> (f64, &'a str) {
    if value < 0 && value != i64::MIN {
        let (v, u) = scale_ref(-value, from, to);
        return (-v, u);
    }
    for family in &FAMILIES {
        let Some(from) = family.find(from) else { continue };
        let v = value as f64 * from.factor;
        if to == "minimum" || to == "auto" {
            let mut best: Option<&Unit> = None;
            for u in family.units {
                if u.factor >= best.map_or(0.0, |b| b.factor) && v / u.factor >= 1.0 {
                    best = Some(u);
                }
            }
            return match best {
                Some(u) => (v / u.factor, u.name),
                None => (v / family.default_factor, family.default_name),
            };
        }
        return match family.find(to) {
            Some(u) => (v / u.factor, u.name),
            None => (v / family.default_factor, family.default_name),
        };
    }
    match to {
        "count" | "sample" | "unit" | "minimum" | "auto" => (value as f64, ""),
        _ => (value as f64, to),
    }
}

/// A float cut to an integer as pprof's processor does it: what no integer can hold becomes the least one.
pub fn to_int(v: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&v) {
        v as i64
    } else {
        i64::MIN
    }
}

/// A number with its unit: two decimals unless they are `.00`, and a bare `0`.
pub fn label(value: i64, from: &str, to: &str) -> String {
    let (v, unit) = scale_ref(value, from, to);
    let mut text = String::with_capacity(24);
    if v.fract() == 0.0 && v.abs() < 1e15 {
        text.push_str(itoa::Buffer::new().format(v as i64));
    } else {
        fixed(v, 2, &mut text);
    }
    if let Some(short) = text.strip_suffix(".00") {
        text.truncate(short.len());
    }
    if text == "0" || text == "-0" {
        return "0".to_owned();
    }
    text.push_str(unit);
    text
}

/// A count with its noun: `1 file`, `2 files`.
pub fn counted(n: impl std::fmt::Display, one: &str, many: &str) -> String {
    let n = n.to_string();
    let noun = if n == "1" { one } else { many };
    format!("{n} {noun}")
}

/// A share of a total, without its sign, at least 5 wide: `100%` within 0.05, two decimals from 1 %, two significant
/// digits below.
pub fn percentage(value: i64, total: i64) -> String {
    let ratio = if total == 0 {
        0.0
    } else {
        (value as f64 / total as f64).abs() * 100.0
    };
    if (99.95..=100.05).contains(&ratio) {
        "  100%".to_owned()
    } else {
        let digits = if ratio >= 1.0 {
            let mut digits = String::with_capacity(8);
            fixed(ratio, 2, &mut digits);
            digits
        } else {
            two_significant(ratio)
        };
        let mut text = String::with_capacity(8);
        for _ in digits.len()..5 {
            text.push(' ');
        }
        text.push_str(&digits);
        text.push('%');
        text
    }
}

/// C's `%.2g` of what is below one.
fn two_significant(v: f64) -> String {
    if v == 0.0 || !v.is_finite() {
        return if v == 0.0 { "0".to_owned() } else { "NaN".to_owned() };
    }
    // What is rounded up to the next power of ten ends in zeros, which are cut.
    let decimals = match v {
        0.1..1.0 => 2,
        0.01..0.1 => 3,
        0.001..0.01 => 4,
        0.0001..0.001 => 5,
        _ => return scientific(v),
    };
    let mut text = String::with_capacity(8);
    fixed(v, decimals, &mut text);
    let cut = text.trim_end_matches('0').trim_end_matches('.').len();
    text.truncate(cut);
    text
}

/// The same of what is below 0.0001, unless it is rounded up to that.
fn scientific(v: f64) -> String {
    let text = format!("{v:.1e}");
    let (mantissa, exponent) = text.split_once("e-").unwrap_or((&text, "0"));
    if exponent == "4" {
        return "0.0001".to_owned();
    }
    format!("{}e-{exponent:0>2}", mantissa.strip_suffix(".0").unwrap_or(mantissa))
}

/// Whether two units can be brought to one: they are equal, or of one family.
pub fn compatible(a: &str, b: &str) -> bool {
    a == b || FAMILIES.iter().any(|f| f.find(a).is_some() && f.find(b).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        for (value, from, to, want) in [
            (1_100_000_000, "nanoseconds", "auto", "1.10s"),
            (1536, "bytes", "minimum", "1.50kB"),
            (1 << 20, "bytes", "auto", "1MB"),
            (0, "bytes", "auto", "0"),
            (-1536, "bytes", "auto", "-1.50kB"),
            (1100, "count", "auto", "1100"),
            (1100, "count", "bogus", "1100bogus"),
            (1_000_000, "ns", "minutes", "0"),
            (5_000_000_000, "ns", "bogus", "5s"),
            (1 << 20, "bytes", "KB", "1024kB"),
            (7_200_000_000_000, "ns", "auto", "2hrs"),
            (i64::MIN, "count", "auto", "-9223372036854775808"),
        ] {
            assert_eq!(label(value, from, to), want, "{value} {from} -> {to}");
        }
    }

    #[test]
    fn percentages() {
        for (value, total, want) in [
            (1, 1, "  100%"),
            (9996, 10000, "  100%"),
            (9994, 10000, "99.94%"),
            (-50, 100, "50.00%"),
            (5, 1000, "  0.5%"),
            (17, 100_000, "0.017%"),
            (999, 100_000, "    1%"),
            (1, 100_000_000, "1e-06%"),
            (12, 10_000_000, "0.00012%"),
            (12, 100_000_000, "1.2e-05%"),
            (9_994, 10_000_000_000, "0.0001%"),
            (9_949, 10_000_000_000, "9.9e-05%"),
            (1, 1_000_000, "0.0001%"),
            (1, 100_000, "0.001%"),
            (12, 1_000_000, "0.0012%"),
            (12, 100_000, "0.012%"),
            (12, 10_000, " 0.12%"),
            (1, i64::MAX, "1.1e-17%"),
            (0, 100, "    0%"),
            (3, 0, "    0%"),
            (106, 1, "10600.00%"),
        ] {
            assert_eq!(percentage(value, total), want, "{value}/{total}");
        }
    }

    #[test]
    fn units_that_pprof_does_not_know() {
        assert_eq!(label(90_000_000_000, "ns", native("minutes")), "1.50min");
        assert_eq!(label(90_000_000_000, "ns", "minutes"), "90s");
        assert_eq!(label(1 << 20, "bytes", native("MiB")), "1MB");
        assert_eq!(label(1_500, "ns", native("µs")), "1.50us");
        assert_eq!(label(7_200_000_000_000, "ns", native("h")), "2hrs");
        assert_eq!(native("kB"), "kB");
    }

    #[test]
    fn families() {
        assert_eq!(dimension("bytes"), Dimension::Bytes);
        assert_eq!(dimension("Nanoseconds"), Dimension::Time);
        assert_eq!(dimension("count"), Dimension::Count);
        assert!(compatible("ms", "seconds"));
        assert!(!compatible("ms", "bytes"));
    }
}
