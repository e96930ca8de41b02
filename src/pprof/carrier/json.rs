//! Records in JSON: which of their texts is the log line, who wrote it, and when.
//!
//! The field with the text is found by looking for a dump in it, so its name does not matter; the names under which
//! loggers keep process, container and time are few.

use serde_json::{Map, Value};

use super::sources::{self, About};
use super::stamp;
use crate::model::evidence::{Stamp, Writer};

/// Where a text stands in a record: its keys, `*` for the elements of a list.
type Path = Vec<String>;

/// Fields that hold texts, as they were found.
#[derive(Default)]
pub(super) struct Fields {
    paths: Vec<Path>,
    /// Those of them in which a line has its end: what has none goes on in the next record.
    ended: Vec<(Path, bool)>,
}

/// A text of a record.
pub(super) struct Text {
    pub(super) text: Vec<u8>,
    pub(super) writer: Writer,
    pub(super) at: Option<Stamp>,
    /// Where it stands.
    pub(super) path: String,
    /// The fields around it.
    pub(super) about: About,
    /// Whether its line goes on in the next record.
    pub(super) part: Part,
}

/// Whether a text is a whole line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    /// The line goes on in the next record of its writer.
    Begins,
}

/// How deep records are looked into.
const DEEPEST: usize = 12;

impl Fields {
    /// The texts of a record: those of fields that held dumps before, and those for which `is_dump` or `matters` holds.
    /// `None` when `record` is no JSON.
    pub(super) fn texts(
        &mut self,
        record: &[u8],
        is_dump: &dyn Fn(&[u8]) -> bool,
        matters: &dyn Fn(&[u8]) -> bool,
    ) -> Option<Vec<Text>> {
        let record = record.trim_ascii();
        let record = record.strip_suffix(b",").unwrap_or(record);
        let value: Value = serde_json::from_slice(record).ok()?;
        let mut walk = Walk {
            fields: self,
            is_dump,
            matters,
            path: Vec::new(),
            out: Vec::new(),
        };
        walk.value(&value, &Context::default(), 0);
        Some(walk.out)
    }
}

/// What the objects around a text say.
#[derive(Clone, Default)]
struct Context {
    /// A field says that the line goes on in the next record.
    is_partial: bool,
    /// It is the last of them.
    is_last_part: bool,
    writer: Writer,
    at: Option<Stamp>,
    about: About,
}

impl Context {
    /// Notes the value of a field.
    fn note(&mut self, field: String, value: String) {
        match self.about.iter().position(|(f, _)| *f == field) {
            Some(at) => self.about[at].1 = value,
            None if self.about.len() < sources::MOST => self.about.push((field, value)),
            None => {}
        }
    }
}

struct Walk<'a> {
    fields: &'a mut Fields,
    is_dump: &'a dyn Fn(&[u8]) -> bool,
    matters: &'a dyn Fn(&[u8]) -> bool,
    path: Path,
    out: Vec<Text>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, around: &Context, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        match value {
            Value::String(text) => self.text(text.as_bytes(), around, depth),
            Value::Object(object) => {
                let mut context = around.clone();
                identify(object, &mut context, &self.path.join("."), 0);
                // `{"field": "@message", "value": "the line"}`
                let field = ["field", "key", "name"].iter().find_map(|k| object.get(*k)?.as_str());
                let field = field.filter(|f| f.len() <= 64 && object.contains_key("value"));
                for (key, value) in object {
                    self.path.push(match field {
                        Some(field) => format!("{key}[{field}]"),
                        None => key.clone(),
                    });
                    self.value(value, &context, depth + 1);
                    self.path.pop();
                }
            }
            Value::Array(list) => {
                if let Some(text) = bytes(list) {
                    return self.text(&text, around, depth);
                }
                let mut context = around.clone();
                // `["1773301290123456789", "the line"]`
                if let [first, Value::String(_)] = list.as_slice()
                    && let Some(at) = time(first)
                {
                    context.at = Some(at);
                }
                // A time and a line beside each other are not of one kind.
                let in_list = self.path.last().is_some_and(|p| p.starts_with('*'));
                let is_tuple = (2..=if in_list { COLUMNS } else { 4 }).contains(&list.len())
                    && !list.iter().any(|v| v.is_array() || v.is_object());
                if is_tuple {
                    let path = self.path.join(".");
                    for (i, value) in list.iter().enumerate() {
                        if let Some(value) = scalar(value) {
                            context.note(format!("{path}.*{i}"), value);
                        }
                    }
                }
                for (i, value) in list.iter().enumerate() {
                    self.path.push(if is_tuple { format!("*{i}") } else { "*".to_owned() });
                    self.value(value, &context, depth + 1);
                    self.path.pop();
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &[u8], around: &Context, depth: usize) {
        // A record inside of a record.
        if text.trim_ascii_start().starts_with(b"{")
            && let Ok(inner @ Value::Object(_)) = serde_json::from_slice(text.trim_ascii())
        {
            self.path.push("{}".to_owned());
            self.value(&inner, around, depth + 1);
            self.path.pop();
            return;
        }
        let known = self.fields.paths.contains(&self.path);
        if !known && (self.is_dump)(text) {
            if self.fields.paths.len() < 8 {
                self.fields.paths.push(self.path.clone());
            }
        } else if !known && !(self.matters)(text) {
            return;
        }
        let part = self.part(text, around);
        self.out.push(Text {
            part,
            text: text.to_vec(),
            writer: around.writer.clone(),
            at: around.at.clone(),
            path: self.path.join("."),
            about: around.about.clone(),
        });
    }
}

impl Walk<'_> {
    /// Whether the line of a text goes on in the next record: a field says so, or lines of its field have their ends and
    /// this one has not.
    fn part(&mut self, text: &[u8], around: &Context) -> Part {
        if !self.fields.paths.contains(&self.path) {
            return Part::Whole;
        }
        let has_end = text.ends_with(b"\n");
        let known = self.fields.ended.iter_mut().find(|(path, _)| *path == self.path);
        let ended = match known {
            // A whole line without an end: ends mean nothing here.
            Some((_, ended)) if *ended && !has_end && (self.is_dump)(text) => {
                *ended = false;
                false
            }
            Some((_, ended)) => *ended,
            None => {
                let one = memchr::memchr(b'\n', text).is_none_or(|end| end + 1 == text.len());
                if one {
                    self.fields.ended.push((self.path.clone(), has_end));
                }
                has_end
            }
        };
        match !has_end && ended || around.is_partial && !around.is_last_part {
            true => Part::Begins,
            false => Part::Whole,
        }
    }
}

/// journalctl writes a message that is no plain text as the list of its bytes.
fn bytes(list: &[Value]) -> Option<Vec<u8>> {
    if list.is_empty() {
        return None;
    }
    let byte = |v: &Value| v.as_u64().and_then(|n| u8::try_from(n).ok());
    list.iter().map(byte).collect()
}

/// Takes up what the fields of an object say about writer and time, objects inside of it included.
fn identify(object: &Map<String, Value>, context: &mut Context, path: &str, depth: usize) {
    let mut name_rank = usize::MAX;
    let mut time_rank = usize::MAX;
    for (key, value) in object {
        let plain = sources::plain(key);
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if let Value::Object(inner) = value {
            if depth < 3 {
                identify(inner, context, &path, depth + 1);
            }
            continue;
        }
        if let Value::Array(list) = value {
            attributes(list, context, &path);
            continue;
        }
        if let Some(rank) = TIMES.iter().position(|k| *k == plain)
            && rank < time_rank
            && let Some(at) = time(value)
        {
            (context.at, time_rank) = (Some(at), rank);
        }
        if PARTIALS.contains(&plain.as_str()) {
            context.is_partial |= match value {
                Value::Bool(partial) => *partial,
                Value::String(text) => matches!(text.as_str(), "P" | "true"),
                _ => false,
            };
        }
        // The last part says so in a field of its own.
        if plain == "partiallast" {
            context.is_last_part |= *value == true || *value == "true";
        }
        let Some(text) = scalar(value) else { continue };
        context.note(path, text.clone());
        name(&plain, text, context, &mut name_rank);
    }
}

/// A value that may tell a writer.
fn scalar(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty() && text.len() <= 256).then_some(text)
}

/// Takes up fields that are written as a list: `[{"key": "pod", "value": {"stringValue": "web"}}]`, `["pod:web"]`.
fn attributes(list: &[Value], context: &mut Context, path: &str) {
    let mut name_rank = usize::MAX;
    for value in list.iter().take(COLUMNS) {
        let pair = match value {
            Value::Object(object) => (|| {
                let key = ["key", "field", "name"].iter().find_map(|k| object.get(*k)?.as_str())?;
                let value = object.get("value")?;
                let value = match value {
                    Value::Object(inner) if inner.len() == 1 => scalar(inner.values().next()?)?,
                    value => scalar(value)?,
                };
                Some((key.to_owned(), value))
            })(),
            Value::String(tag) if tag.len() <= 256 => {
                let pair = tag.split_once([':', '=']);
                let pair =
                    pair.filter(|(key, _)| key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/".contains(&b)));
                pair.map(|(key, value)| (key.to_owned(), value.to_owned()))
            }
            _ => None,
        };
        if let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) {
            context.note(format!("{path}.{key}"), value.clone());
            name(&sources::plain(&key), value, context, &mut name_rank);
        }
    }
}

/// Takes up what a field with a well-known name says.
fn name(plain: &str, text: String, context: &mut Context, name_rank: &mut usize) {
    if PIDS.contains(&plain) {
        context.writer.pid = text.parse().ok().or(context.writer.pid);
    } else if let Some(rank) = NAMES.iter().position(|k| *k == plain)
        && rank < *name_rank
    {
        (context.writer.name, *name_rank) = (text, rank);
    } else if HOSTS.contains(&plain) {
        context.writer.host = text;
    } else if RESTS.contains(&plain) {
        if !context.writer.rest.is_empty() {
            context.writer.rest.push(' ');
        }
        context.writer.rest.push_str(&text);
    }
}

/// Columns of a row, and entries of a list of attributes.
const COLUMNS: usize = 64;

/// Names of fields, without marks and in small letters; the best first.
const TIMES: [&str; 9] = [
    "realtimetimestamp",
    "time",
    "timestamp",
    "ts",
    "eventtime",
    "receivetimestamp",
    "sourcerealtimetimestamp",
    "date",
    "t",
];
const NAMES: [&str; 14] = [
    "syslogidentifier",
    "identifier",
    "ident",
    "containername",
    "container",
    "appname",
    "app",
    "program",
    "comm",
    "servicename",
    "k8scontainername",
    "systemdunit",
    "unit",
    "component",
];
/// Fields that say whether a line goes on: of the log of a container, and of Docker and its drivers.
const PARTIALS: [&str; 3] = ["logtag", "partialmessage", "partial"];
const PIDS: [&str; 4] = ["pid", "syslogpid", "processid", "procid"];
const HOSTS: [&str; 4] = ["hostname", "host", "nodename", "node"];
const RESTS: [&str; 5] = ["podname", "pod", "stream", "containerid", "filename"];

fn time(value: &Value) -> Option<Stamp> {
    match value {
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit() || b == b'.') => {
            stamp::of_number(text.as_bytes())
        }
        Value::String(text) => stamp::stamp(text.as_bytes()),
        Value::Number(number) => stamp::of_number(number.to_string().as_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::evidence::Clock;

    fn texts(fields: &mut Fields, record: &str) -> Vec<(String, String, Option<Clock>)> {
        let has_dump = |t: &[u8]| t.starts_with(b"goroutine ");
        let found = fields.texts(record.as_bytes(), &has_dump, &|_| false).expect("JSON");
        (found.into_iter())
            .map(|t| {
                (
                    String::from_utf8(t.text).unwrap(),
                    t.writer.to_string(),
                    t.at.map(|s| s.clock),
                )
            })
            .collect()
    }

    #[test]
    fn the_field_with_the_text_is_found() {
        let second = 1_773_301_290_000_000_000;
        for (dump, next) in [
            (
                r#"{"log":"goroutine 1 [running]:\n","stream":"stderr","time":"2026-03-12T07:41:30Z"}"#,
                r#"{"log":"f","stream":"stderr","time":"2026-03-12T07:41:30Z"}"#,
            ),
            (
                r#"{"__REALTIME_TIMESTAMP":"1773301290000000","MESSAGE":"goroutine 1 [running]:","_PID":"7","SYSLOG_IDENTIFIER":"kubelet"}"#,
                r#"{"__REALTIME_TIMESTAMP":"1773301290000000","MESSAGE":[102],"_PID":"7","SYSLOG_IDENTIFIER":"kubelet"},"#,
            ),
            (
                r#"{"timestamp":"2026-03-12T07:41:30Z","kubernetes":{"container_name":"kubelet"},"x":{"odd name":"goroutine 1 [running]:"}}"#,
                r#"{"timestamp":"2026-03-12T07:41:30Z","kubernetes":{"container_name":"kubelet"},"x":{"odd name":"f"}}"#,
            ),
            (
                r#"{"ts":1773301290,"app":"kubelet","log":"{\"msg\":\"goroutine 1 [running]:\"}"}"#,
                r#"{"ts":1773301290,"app":"kubelet","log":"{\"msg\":\"f\"}"}"#,
            ),
        ] {
            let mut fields = Fields::default();
            let first = texts(&mut fields, dump);
            assert_eq!(first.len(), 1, "{dump}");
            assert!(first[0].0.starts_with("goroutine 1 [running]:"), "{dump}");
            assert_eq!(first[0].2, Some(Clock::Epoch(second)), "{dump}");
            let second = texts(&mut fields, next);
            assert_eq!(second.len(), 1, "{next}");
            assert_eq!((&second[0].0[..], &second[0].1), ("f", &first[0].1), "{next}");
        }
    }

    #[test]
    fn a_list_of_lines_in_one_document() {
        let document = r#"{"data":{"result":[{"stream":{"app":"kubelet"},"values":[
            ["1773301290000000000","goroutine 1 [running]:"],["1773301290000000001","f"]]}]}}"#;
        let found = texts(&mut Fields::default(), document);
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].0.as_str(), found[1].1.as_str()), ("f", "kubelet"));
        assert_eq!(found[1].2, Some(Clock::Epoch(1_773_301_290_000_000_001)));
        assert!(Fields::default().texts(b"{cut", &|_| true, &|_| true).is_none());
    }
}
