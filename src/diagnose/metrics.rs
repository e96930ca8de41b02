//! Prometheus text: the samples of one scrape, by name and labels.
//!
//! Only what `diagnose` asks for is looked up, so samples stay in one flat text; a scrape of a kubelet has some 3,000.
//! Lines that are no samples are counted, never an error.

/// One scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    samples: Vec<Sample>,
    /// Lines that are neither comments nor samples.
    pub damaged: usize,
}

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name of the metric.
    pub name: String,
    /// Labels in the order of the text.
    pub labels: Vec<(String, String)>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// The value of a label, `""` where it has none.
    pub fn label(&self, key: &str) -> &str {
        self.labels.iter().find(|(k, _)| k == key).map_or("", |(_, v)| v)
    }
}

impl Metrics {
    /// Whether a text looks like a scrape: `# HELP` or `# TYPE` and samples.
    pub fn looks_like(text: &str) -> bool {
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty()).take(20);
        lines.any(|l| l.starts_with("# HELP ") || l.starts_with("# TYPE "))
    }

    /// Reads a scrape.
    pub fn parse(text: &str) -> Self {
        let mut metrics = Self::default();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match sample(line) {
                Some(sample) => metrics.samples.push(sample),
                None => metrics.damaged += 1,
            }
        }
        metrics.samples.sort_by(|a, b| a.name.cmp(&b.name));
        metrics
    }

    /// All samples of a metric.
    pub fn all(&self, name: &str) -> &[Sample] {
        let start = self.samples.partition_point(|s| s.name.as_str() < name);
        let end = self.samples.partition_point(|s| s.name.as_str() <= name);
        &self.samples[start..end]
    }

    /// The value of a metric without labels, or of its first series.
    pub fn get(&self, name: &str) -> Option<f64> {
        self.all(name).first().map(|s| s.value)
    }

    /// The sum over the series of a metric that pass.
    pub fn sum(&self, name: &str, pass: impl Fn(&Sample) -> bool) -> Option<f64> {
        let mut found = None;
        for s in self.all(name).iter().filter(|s| pass(s)) {
            *found.get_or_insert(0.0) += s.value;
        }
        found
    }

    /// Names with the number of their series, most first.
    pub fn series(&self) -> Vec<(&str, u64)> {
        let mut counts: Vec<(&str, u64)> = Vec::new();
        for s in &self.samples {
            match counts.last_mut() {
                Some((name, n)) if *name == s.name => *n += 1,
                _ => counts.push((&s.name, 1)),
            }
        }
        counts.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        counts
    }

    /// A quantile of a histogram over all series that pass: the upper bound of the bucket in which it falls. `since` is
    /// the scrape from which on observations count. None without observations.
    pub fn quantile(
        &self,
        histogram: &str,
        q: f64,
        since: Option<&Metrics>,
        pass: impl Fn(&Sample) -> bool,
    ) -> Option<f64> {
        let name = format!("{histogram}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        let mut add = |m: &Metrics, sign: f64| {
            for s in m.all(&name).iter().filter(|s| pass(s)) {
                let Some(bound) = number(s.label("le")) else { continue };
                match buckets.iter_mut().find(|(b, _)| *b == bound) {
                    Some((_, n)) => *n += sign * s.value,
                    None => buckets.push((bound, sign * s.value)),
                }
            }
        };
        add(self, 1.0);
        if let Some(before) = since {
            add(before, -1.0);
        }
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total = buckets.last().map_or(0.0, |(_, n)| *n);
        if total <= 0.0 {
            return None;
        }
        buckets.iter().find(|(_, n)| *n >= q * total).map(|(bound, _)| *bound)
    }
}

fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))?;
    let name = &line[..end];
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let mut rest = &line[end..];
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = label_list(inside, &mut labels)?;
    }
    // A time stamp may follow.
    let value = number(rest.split_whitespace().next()?)?;
    Some(Sample {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Reads `key="value",...}` and gives what follows.
fn label_list<'t>(mut text: &'t str, labels: &mut Vec<(String, String)>) -> Option<&'t str> {
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some(rest);
        }
        let (key, rest) = text.split_once('=')?;
        let mut value = String::new();
        let mut chars = rest.strip_prefix('"')?.char_indices();
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => match chars.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.push((key.trim().to_owned(), value));
        text = &rest[1 + end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    const TEXT: &str = "# HELP up x\n# TYPE up gauge\nup 1\n\
        requests_total{code=\"200\",host=\"a:1\"} 5\nrequests_total{code=\"<error>\",host=\"a\\\"}:1\"} 2 1700000000000\n\
        lat_bucket{le=\"0.1\"} 90\nlat_bucket{le=\"1\"} 99\nlat_bucket{le=\"+Inf\"} 100\nbad line here{\n";

    #[test]
    fn samples_labels_and_quantiles() {
        let m = Metrics::parse(TEXT);
        assert_eq!(m.damaged, 1);
        assert_eq!(m.get("up"), Some(1.0));
        assert_eq!(m.get("missing"), None);
        assert_eq!(m.all("requests_total")[1].label("host"), "a\"}:1");
        assert_eq!(m.sum("requests_total", |s| s.label("code") == "200"), Some(5.0));
        assert_eq!(m.sum("requests_total", |s| s.label("code") == "500"), None);
        assert_eq!(m.quantile("lat", 0.9, None, |_| true), Some(0.1));
        assert_eq!(m.quantile("lat", 0.99, None, |_| true), Some(1.0));
        assert_eq!(m.quantile("lat", 0.999, None, |_| true), Some(f64::INFINITY));
        assert_eq!(m.quantile("lat", 0.9, Some(&m), |_| true), None);
        assert_eq!(m.series()[0], ("lat_bucket", 3));
        assert!(Metrics::looks_like(TEXT));
        assert!(!Metrics::looks_like("goroutine 1 [running]:"));
    }
}
