//! Metrics of Prometheus: names of metrics and of labels are names of code, values of labels are names of anything.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::names::Names;
use super::vocabulary::{is_plain, is_setting};

static LABEL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)""#).expect("a pattern of this file"));

impl Names<'_> {
    /// A text of metrics.
    pub(super) fn metrics(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (body, end) = line.strip_suffix('\n').map_or((line, ""), |b| (b, "\n"));
            match body.strip_prefix('#') {
                Some(comment) => out.push_str(&self.comment(comment)),
                None => out.push_str(&self.sample(body)),
            }
            out.push_str(end);
        }
        out
    }

    /// `# HELP NAME TEXT` without its text, which may be anything; `# TYPE NAME WORD`.
    fn comment(&mut self, comment: &str) -> String {
        let mut words = comment.split_whitespace();
        match (words.next(), words.next(), words.next()) {
            (Some("HELP"), Some(name), _) if is_name(name) => format!("# HELP {name}"),
            (Some("TYPE"), Some(name), Some(kind)) if is_name(name) => format!("# TYPE {name} {}", self.prose(kind)),
            (Some("EOF"), None, None) => "# EOF".to_owned(),
            _ => format!("#{}", self.prose(comment)),
        }
    }

    /// `NAME{key="value",...} NUMBER`
    fn sample(&mut self, line: &str) -> String {
        let at = line.find(['{', ' ']).unwrap_or(line.len());
        let (metric, rest) = line.split_at(at);
        if !is_name(metric) {
            return self.prose(line);
        }
        let replace = |c: &Captures<'_>| {
            let (key, value) = (&c[1], &c[2]);
            let key_shown = match is_setting(key) || self.is_pseudonym(&key.replace('_', "-")) {
                true => key.to_owned(),
                false => identifier(&self.label(key)),
            };
            if is_plain(metric, key, value) && !self.is_node(value) {
                return format!("{key_shown}=\"{value}\"");
            }
            format!("{key_shown}=\"{}\"", self.label(value))
        };
        let hidden = LABEL.replace_all(rest, replace).into_owned();
        // What is left outside of the labels are numbers.
        let (labels, values) = hidden.split_at(hidden.rfind('}').map_or(0, |end| end + 1));
        let number = |t: &str| t.is_empty() || t.parse::<f64>().is_ok();
        match values.split(' ').all(number) {
            true => format!("{metric}{labels}{values}"),
            false if labels.is_empty() => self.prose(line),
            false => format!("{metric}{labels}{}", self.prose(values)),
        }
    }
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == ':';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// A pseudonym as a name that metrics may have.
fn identifier(pseudonym: &str) -> String {
    pseudonym.replace('-', "_")
}
