//! What in a text is a name, an address, a user or a secret.
//!
//! Names of nodes are known from the manifest and found wherever they stand. The rest is known by its form: addresses,
//! hosts in URLs, home folders, `User "x"`, bearer tokens, flags and JSON keys whose names speak of secrets. What has no such
//! form is not found: a hostname in a sentence stays.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use serde_json::Value;

use super::key::{Class, Key, MASK};

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

static PEM: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*-----|\z)"));
static BEARER: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\b(bearer|basic)([ :=]+)[A-Za-z0-9._~+/=-]{6,}"));
static JWT: LazyLock<Regex> = LazyLock::new(|| regex(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?"));
static FLAG: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r#"(?i)([A-Za-z0-9_.-]*(?:token|passw(?:or)?d|secret|api[_-]?key|private[_-]?key|credential)[A-Za-z0-9_-]*)(=|\\?":\s*\\?"|: )([^\s"\\,&;]+)"#,
    )
});
static USERINFO: LazyLock<Regex> = LazyLock::new(|| regex(r"://[^/\s@\x22]+@"));
static HOST: LazyLock<Regex> = LazyLock::new(|| regex(r#"(https?://)([A-Za-z0-9][A-Za-z0-9.-]*)"#));
static IPV4: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"));
static IPV6: LazyLock<Regex> = LazyLock::new(|| regex(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}"));
static HOME: LazyLock<Regex> = LazyLock::new(|| regex(r#"(/home/|/Users/|[A-Za-z]:\\Users\\)([^/\\\s"':,;]+)"#));
static USER: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(\b[Uu]ser(?:name)?(?:=\\?"?|\s+\\?"|\\?":\s*\\?"))([A-Za-z0-9_.:@/-]*[A-Za-z0-9_])"#));
static MAIL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[A-Za-z0-9_.+-]+@[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"));
static SECRET_NAME: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)(token|passw(or)?d|secret|api[_-]?key|private[_-]?key|credential)"));
// `configMapAndSecretChangeDetectionStrategy` is none.
static SECRET_KEY: LazyLock<Regex> =
    LazyLock::new(|| regex(r"(?i)(token|passw(or)?d|secret|api[_-]?key|private[_-]?key|credential|authorization)s?$"));
static LABEL_PAIR: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"("(?:[^"\\]|\\.)*"|[^:,{}\s"]+)(\s*:\s*)("(?:[^"\\]|\\.)*"|[^,}\s"]+)"#));
static DUMP_LABELS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(goroutine \d+.*?\]\s*|#\s*labels:\s*)(\{.*\})(:?\s*)$"));
static METRIC_LABEL: LazyLock<Regex> = LazyLock::new(|| regex(r#"([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)""#));

/// Labels of metrics whose values say what was measured and not of whom.
const PLAIN_LABELS: [&str; 40] = [
    "le",
    "quantile",
    "code",
    "status",
    "method",
    "verb",
    "type",
    "operation",
    "operation_type",
    "version",
    "go_version",
    "git_version",
    "git_commit",
    "git_tree_state",
    "build_date",
    "compiler",
    "platform",
    "major",
    "minor",
    "result",
    "reason",
    "grpc_code",
    "grpc_method",
    "grpc_service",
    "grpc_type",
    "stage",
    "mode",
    "resource",
    "group",
    "subresource",
    "scope",
    "state",
    "plugin_name",
    "probe_type",
    "lifecycle",
    "config",
    "static",
    "long_running",
    "server_type",
    "event_type",
];

/// Metrics all of whose labels are words of Kubernetes.
const PLAIN_METRICS: [&str; 6] = [
    "kubernetes_feature_enabled",
    "kubelet_http_",
    "workqueue_",
    "registered_metrics_total",
    "kubelet_metrics_provider",
    "go_",
];

/// Turns names into pseudonyms.
pub(super) struct Words<'a> {
    key: &'a mut Key,
    /// Names of nodes, the longest first.
    nodes: Vec<String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(key: &'a mut Key, mut nodes: Vec<String>) -> Self {
        nodes.sort_by_key(|n| std::cmp::Reverse(n.len()));
        // Nodes that are called like ordinary words are only found where a node's name is bound to stand.
        let ordinary = [
            "node",
            "host",
            "addr",
            "label",
            "user",
            "kubelet",
            "localhost",
            "proxy",
            "master",
            "worker",
        ];
        nodes.retain(|n| n.len() > 2 && !ordinary.contains(&n.as_str()));
        Self { key, nodes }
    }

    pub(super) fn node(&mut self, name: &str) -> String {
        self.key.pseudonym(Class::Node, name)
    }

    pub(super) fn machine(&mut self, id: &str) -> String {
        if id.is_empty() {
            String::new()
        } else {
            self.key.pseudonym(Class::Machine, id)
        }
    }

    /// Names of nodes, where no letter or digit stands before or behind them.
    fn nodes(&mut self, text: String) -> String {
        let mut text = text;
        for name in self.nodes.clone() {
            if !text.contains(&name) {
                continue;
            }
            // Pods of a node end in its name: `etcd-NODE`.
            let word = |c: char| c.is_ascii_alphanumeric();
            let mut out = String::with_capacity(text.len());
            let mut done = 0;
            for (at, _) in text.match_indices(&name) {
                if at < done {
                    continue;
                }
                let alone = !text[..at].ends_with(word) && !text[at + name.len()..].starts_with(word);
                out.push_str(&text[done..at]);
                if alone {
                    out.push_str(&self.key.pseudonym(Class::Node, &name));
                } else {
                    out.push_str(&name);
                }
                done = at + name.len();
            }
            out.push_str(&text[done..]);
            text = out;
        }
        text
    }

    fn class(&mut self, text: String, what: &Regex, group: usize, of: impl Fn(&str) -> Option<Class>) -> String {
        let replace = |c: &Captures<'_>| {
            let whole = c.get(0).map_or("", |m| m.as_str());
            let found = c.get(group).map_or("", |m| m.as_str());
            match of(found) {
                Some(class) => {
                    let at = c.get(group).map_or(0, |m| m.start()) - c.get(0).map_or(0, |m| m.start());
                    let pseudonym = self.key.pseudonym(class, found);
                    format!("{}{pseudonym}{}", &whole[..at], &whole[at + found.len()..])
                }
                None => whole.to_owned(),
            }
        };
        what.replace_all(&text, replace).into_owned()
    }

    /// Any text.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = PEM.replace_all(text, MASK);
        let text = BEARER.replace_all(&text, format!("$1$2{MASK}").as_str());
        let text = JWT.replace_all(&text, MASK);
        let text = FLAG.replace_all(&text, format!("$1$2{MASK}").as_str());
        let text = USERINFO.replace_all(&text, format!("://{MASK}@").as_str()).into_owned();
        let text = self.nodes(text);
        let text = self.class(text, &MAIL, 0, |_| Some(Class::User));
        let text = self.class(text, &USER, 2, user);
        let text = self.class(text, &HOME, 2, |_| Some(Class::User));
        let text = self.class(text, &IPV4, 0, ipv4);
        let text = self.class(text, &IPV6, 0, ipv6);
        self.class(text, &HOST, 2, host)
    }

    /// A path in a profile: folders of users only.
    pub(super) fn path(&mut self, path: &str) -> String {
        self.class(path.to_owned(), &HOME, 2, |_| Some(Class::User))
    }

    /// The value of a label: known names get their own pseudonym, others that of a label.
    pub(super) fn label(&mut self, value: &str) -> String {
        if value.is_empty() {
            return String::new();
        }
        let known = self.text(value);
        if known == value {
            self.key.pseudonym(Class::Label, value)
        } else {
            known
        }
    }

    /// A command line: secrets are masked, users and clusters get pseudonyms; a value may be the next word.
    pub(super) fn command(&mut self, words: &[String]) -> Vec<String> {
        let mut flag: Option<String> = None;
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            let (name, value) = match (word.split_once('='), flag.take()) {
                (Some((name, value)), _) if word.starts_with('-') => (name.to_owned(), Some(value)),
                (_, Some(name)) if !word.starts_with('-') => (name, None),
                _ => {
                    flag = word.starts_with('-').then(|| word.clone());
                    out.push(self.text(word));
                    continue;
                }
            };
            let shown = self.value_of(name.trim_start_matches('-'), value.unwrap_or(word));
            out.push(if value.is_some() {
                format!("{name}={shown}")
            } else {
                shown
            });
        }
        out
    }

    /// The value of a flag.
    fn value_of(&mut self, flag: &str, value: &str) -> String {
        match flag {
            _ if value.is_empty() => String::new(),
            "as" | "as-group" | "as-uid" | "user" | "username" => self.key.pseudonym(Class::User, value),
            "context" | "cluster" => self.key.pseudonym(Class::Host, value),
            _ if SECRET_NAME.is_match(flag) => MASK.to_owned(),
            _ => self.text(value),
        }
    }

    /// Labels of goroutines in a `debug=1` or `debug=2` text, and all else that a text may hold.
    pub(super) fn dump(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (body, end) = line.strip_suffix('\n').map_or((line, ""), |b| (b, "\n"));
            match DUMP_LABELS.captures(body) {
                Some(c) => {
                    out.push_str(&c[1]);
                    out.push_str(&self.label_pairs(&c[2]));
                    out.push_str(&c[3]);
                }
                None => out.push_str(&self.text(body)),
            }
            out.push_str(end);
        }
        out
    }

    fn label_pairs(&mut self, pairs: &str) -> String {
        let replace = |c: &Captures<'_>| {
            let value = &c[3];
            let quoted = value.starts_with('"') && value.ends_with('"') && value.len() > 1;
            let inner = if quoted { &value[1..value.len() - 1] } else { value };
            let label = self.label(inner);
            let quote = if quoted { "\"" } else { "" };
            format!("{}{}{quote}{label}{quote}", &c[1], &c[2])
        };
        LABEL_PAIR.replace_all(pairs, replace).into_owned()
    }

    /// Metrics: labels that name somebody.
    pub(super) fn metrics(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            if line.starts_with('#') {
                out.push_str(line);
                continue;
            }
            let keeps_names = PLAIN_METRICS.iter().any(|m| line.starts_with(m));
            let replace = |c: &Captures<'_>| {
                let (key, value) = (&c[1], &c[2]);
                let plain = keeps_names || PLAIN_LABELS.contains(&key);
                let is_number = value.parse::<f64>().is_ok() || matches!(value, "true" | "false");
                let value = if plain || is_number {
                    self.text(value)
                } else {
                    self.label(value)
                };
                format!("{key}=\"{value}\"")
            };
            out.push_str(&METRIC_LABEL.replace_all(line, replace));
        }
        out
    }

    /// A JSON document: secrets by key, values of labels and annotations, names of images, all other strings as text.
    pub(super) fn json(&mut self, value: &mut Value, under: &str) {
        match value {
            Value::String(s) => {
                *s = match under {
                    "labels" | "annotations" | "images" | "uid" => self.label(s),
                    "machineID" | "systemUUID" | "bootID" => self.machine(s),
                    _ => self.text(s),
                };
            }
            Value::Array(items) => items.iter_mut().for_each(|v| self.json(v, under)),
            Value::Object(map) => {
                for (key, v) in map.iter_mut() {
                    if SECRET_KEY.is_match(key) && v.is_string() {
                        *v = Value::String(MASK.to_owned());
                        continue;
                    }
                    let inherits = matches!(under, "labels" | "annotations" | "images");
                    let under = if inherits { under.to_owned() } else { key.clone() };
                    self.json(v, &under);
                }
            }
            _ => {}
        }
    }
}

fn user(name: &str) -> Option<Class> {
    let known = matches!(name, "system:anonymous" | "id" | "agent" | "name" | "cannot") || name.starts_with("user-");
    let pseudonym = ["node-", "addr-", "host-", "label-"]
        .iter()
        .any(|p| name.starts_with(p));
    (!known && !pseudonym).then_some(Class::User)
}

fn host(name: &str) -> Option<Class> {
    let pseudonym = ["node-", "addr-", "host-"].iter().any(|p| name.starts_with(p));
    let local = matches!(name, "localhost" | "127.0.0.1" | "0.0.0.0");
    // Documentation that everybody has.
    let public = [
        "golang.org",
        "go.dev",
        "k8s.io",
        "kubernetes.io",
        "github.com",
        "pprof.me",
    ];
    let is_public = public.iter().any(|p| name == *p || name.ends_with(&format!(".{p}")));
    (!pseudonym && !local && !is_public).then_some(Class::Host)
}

fn ipv4(text: &str) -> Option<Class> {
    let address: Ipv4Addr = text.parse().ok()?;
    (!address.is_loopback() && !address.is_unspecified()).then_some(Class::Address)
}

fn ipv6(text: &str) -> Option<Class> {
    let address: Ipv6Addr = text.parse().ok()?;
    (!address.is_loopback() && !address.is_unspecified()).then_some(Class::Address)
}
