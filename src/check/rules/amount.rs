//! Numbers with units as people write them: `64MiB`, `20%`, `10m`.

/// What a number counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unit {
    /// Things, and what metrics count.
    Plain,
    /// Bytes.
    Bytes,
    /// Minutes.
    Minutes,
    /// Seconds.
    Seconds,
    /// A share from 0 to 1.
    Share,
}

impl Unit {
    /// How it is written.
    pub(super) fn written(self) -> &'static str {
        match self {
            Self::Plain => "a number",
            Self::Bytes => "a number of bytes, or \"64MiB\", \"1.5GB\"",
            Self::Minutes => "a number of minutes, or \"90s\", \"10m\", \"2h\"",
            Self::Seconds => "a number of seconds, or \"500ms\", \"10s\", \"2m\"",
            Self::Share => "a share from 0 to 1, or \"20%\"",
        }
    }

    fn factor(self, unit: &str) -> Option<f64> {
        let minutes = |unit: &str| match unit {
            "ms" => Some(1e-3 / 60.0),
            "s" => Some(1.0 / 60.0),
            "m" | "min" => Some(1.0),
            "h" => Some(60.0),
            "d" => Some(24.0 * 60.0),
            _ => None,
        };
        match (self, unit) {
            (_, "") => Some(1.0),
            (Self::Plain, _) => None,
            (Self::Share, "%") => Some(0.01),
            (Self::Share, _) => None,
            (Self::Minutes, unit) => minutes(unit),
            (Self::Seconds, unit) => minutes(unit).map(|m| 60.0 * m),
            (Self::Bytes, unit) => match unit {
                "B" => Some(1.0),
                "kB" | "KB" | "k" => Some(1e3),
                "MB" | "M" => Some(1e6),
                "GB" | "G" => Some(1e9),
                "TB" | "T" => Some(1e12),
                "KiB" | "Ki" => Some(1024.0),
                "MiB" | "Mi" => Some(1024f64.powi(2)),
                "GiB" | "Gi" => Some(1024f64.powi(3)),
                "TiB" | "Ti" => Some(1024f64.powi(4)),
                _ => None,
            },
        }
    }
}

/// The number in a text.
pub(super) fn amount(text: &str, unit: Unit) -> Option<f64> {
    let text = text.trim();
    let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | '+' | '-');
    let end = text.find(|c: char| !number(c)).unwrap_or(text.len());
    let value: f64 = text[..end].replace('_', "").parse().ok()?;
    let value = value * unit.factor(text[end..].trim())?;
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::{Unit, amount};

    #[test]
    fn units_of_people() {
        for (text, unit, expected) in [
            ("64MiB", Unit::Bytes, Some(67_108_864.0)),
            ("1.5 GB", Unit::Bytes, Some(1.5e9)),
            ("1_000", Unit::Plain, Some(1000.0)),
            ("20%", Unit::Share, Some(0.2)),
            ("0.2", Unit::Share, Some(0.2)),
            ("90s", Unit::Minutes, Some(1.5)),
            ("2h", Unit::Minutes, Some(120.0)),
            ("500ms", Unit::Seconds, Some(0.5)),
            ("64MiB", Unit::Plain, None),
            ("5 apples", Unit::Bytes, None),
            ("MiB", Unit::Bytes, None),
            ("1e5", Unit::Plain, None),
            ("", Unit::Plain, None),
        ] {
            let found = amount(text, unit);
            assert!(
                found
                    .zip(expected)
                    .map_or(found == expected, |(a, b)| (a - b).abs() < 1e-9 * b),
                "{text}: {found:?}"
            );
        }
    }
}
