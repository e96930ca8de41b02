//! Command lines, flags and JSON documents: places where the name of a setting says what its value is the name of.

use serde_json::{Map, Value};

use super::key::{Class, MASK};
use super::vocabulary::{is_given, is_usual_path, is_version, is_well_known, is_word};
use super::words::Words;
use crate::secrets;

/// Flags of kubeprof whose values name nobody.
const PLAIN_FLAGS: [&str; 5] = ["profiles", "output", "o", "color", "way"];

/// Flags of kubeprof without a value.
const SWITCHES: [&str; 11] = [
    "all-nodes",
    "dry-run",
    "quick",
    "full",
    "gc",
    "force",
    "quiet",
    "q",
    "allow-long-cpu",
    "insecure-skip-tls-verify",
    "no-pager",
];

/// Keys of node objects and configurations all of whose strings are names.
const NAMES: [&str; 8] = [
    "labels",
    "annotations",
    "nodeLabels",
    "images",
    "uid",
    "volumesInUse",
    "preloadedImagesVerificationAllowlist",
    "externalID",
];

impl Words<'_> {
    /// A command line of kubeprof.
    pub(super) fn own_command(&mut self, words: &[String]) -> Vec<String> {
        let mut flag: Option<String> = None;
        let mut out = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            let before = flag.take();
            let shown = match word.strip_prefix("--").and_then(|w| w.split_once('=')) {
                Some((name, value)) => format!("--{name}={}", self.own_value(name, value)),
                None if before.is_some() && !word.starts_with('-') => {
                    self.own_value(before.as_deref().unwrap_or_default(), word)
                }
                // `-lLABELS`, `-sURL`
                None if word.len() > 2
                    && word.starts_with('-')
                    && !word.starts_with("--")
                    && word.is_char_boundary(2) =>
                {
                    let value = self.own_value(&word[1..2], &word[2..]);
                    format!("{}{value}", &word[..2])
                }
                None if word.starts_with('-') => {
                    let name = word.trim_start_matches('-');
                    flag = (!SWITCHES.contains(&name)).then(|| name.to_owned());
                    word.clone()
                }
                // `kubeprof capture`
                None if at < 2 && !self.is_node(word) && word.chars().all(|c| c.is_ascii_lowercase()) => word.clone(),
                None => self.label(word),
            };
            out.push(shown);
        }
        out
    }

    fn own_value(&mut self, flag: &str, value: &str) -> String {
        let is_number = value.starts_with(|c: char| c.is_ascii_digit())
            && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
            && value.chars().filter(char::is_ascii_alphabetic).count() <= 3;
        match flag {
            _ if value.is_empty() || value == MASK => value.to_owned(),
            _ if self.is_node(value) => self.node(value),
            "as" | "as-group" | "as-uid" | "user" | "username" => self.key.pseudonym(Class::User, value),
            "context" | "cluster" => self.key.pseudonym(Class::Host, value),
            "token" | "password" => MASK.to_owned(),
            _ if PLAIN_FLAGS.contains(&flag) => value.to_owned(),
            _ if is_number && value.parse::<std::net::IpAddr>().is_err() => value.to_owned(),
            "server" | "s" | "via" => self.told(value),
            _ => self.label(value),
        }
    }

    /// A command line of a kubelet; a value may be the next word.
    pub(super) fn command(&mut self, words: &[String]) -> Vec<String> {
        let mut flag: Option<String> = None;
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            let before = flag.take();
            let shown = match word.strip_prefix('-').map(|w| w.trim_start_matches('-')) {
                Some(name) => match name.split_once('=') {
                    Some((name, value)) => {
                        let head = &word[..word.len() - value.len()];
                        format!("{head}{}", self.setting(name, value))
                    }
                    None => {
                        flag = Some(name.to_owned());
                        word.clone()
                    }
                },
                None => self.setting(before.as_deref().unwrap_or_default(), word),
            };
            out.push(shown);
        }
        out
    }

    /// A page of flags: `name=value` in lines.
    pub(super) fn flags(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (body, end) = line.strip_suffix('\n').map_or((line, ""), |b| (b, "\n"));
            match body.split_once('=') {
                Some((name, value)) if !name.contains(' ') => {
                    out.push_str(&format!("{name}={}", self.setting(name, value)));
                }
                _ => out.push_str(&self.text(body)),
            }
            out.push_str(end);
        }
        out
    }

    /// The value of a flag or of a key of a configuration.
    fn setting(&mut self, name: &str, value: &str) -> String {
        if value.is_empty() || value == MASK || self.key.is_pseudonym(value) {
            return value.to_owned();
        }
        if secrets::holds(name, value) {
            return MASK.to_owned();
        }
        let canonical: String = name
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match canonical.as_str() {
            "nodelabels" | "registerwithtaints" => self.pairs(value),
            "hostnameoverride" | "nodename" => self.key.pseudonym(Class::Node, value),
            "podinfracontainerimage" => self.label(value),
            "clusterdomain" if value != "cluster.local" => self.key.pseudonym(Class::Host, value),
            "providerid" | "externalid" | "machineid" | "systemuuid" | "bootid" => self.machine(value),
            _ if value.starts_with('/') && !is_usual_path(value) => self.label(value),
            _ => self.text(value),
        }
    }

    /// `key=value,key=value:Effect`, between `[` and `]` or not; `map[key:value]` as Go prints it.
    fn pairs(&mut self, text: &str) -> String {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(inner) = inner {
            return format!("[{}]", self.pairs(inner));
        }
        let mut out = Vec::new();
        for pair in text.split(',') {
            let (pair, effect) = match pair.rsplit_once(':') {
                Some((pair, e @ ("NoSchedule" | "NoExecute" | "PreferNoSchedule"))) => (pair, format!(":{e}")),
                _ => (pair, String::new()),
            };
            let shown = match pair.split_once('=') {
                Some((key, value)) => {
                    let key = self.label_key(key);
                    format!("{key}={}", self.label_value(value))
                }
                None => self.label_key(pair),
            };
            out.push(format!("{shown}{effect}"));
        }
        out.join(",")
    }

    /// The key of a label, of an annotation or of a taint: those of Kubernetes say what they are of and not of whom.
    fn label_key(&mut self, key: &str) -> String {
        if key.is_empty() || !is_well_known(key) {
            return self.label(key);
        }
        match key.split_once('/') {
            // Roles are made up by whoever runs the cluster.
            Some((domain @ ("node-role.kubernetes.io" | "node-restriction.kubernetes.io"), role)) if !is_word(role) => {
                format!("{domain}/{}", self.label(role))
            }
            _ => key.to_owned(),
        }
    }

    fn label_value(&mut self, value: &str) -> String {
        let plain = matches!(value, "true" | "false") || (is_word(value) && !self.is_node(value));
        if plain { value.to_owned() } else { self.label(value) }
    }

    /// A document of a node, a configuration or a version.
    pub(super) fn json(&mut self, value: &mut Value) {
        secrets::json(value);
        self.walk(value, "");
    }

    fn walk(&mut self, value: &mut Value, under: &str) {
        match value {
            Value::String(s) => {
                *s = match under {
                    "uid" | "externalID" => self.machine(s),
                    _ if NAMES.contains(&under) => self.label_value(s),
                    "name" | "address" | "hostname" if self.is_node(s) => self.node(s),
                    "gitVersion" | "goVersion" | "buildDate" | "gitCommit" if is_version(s) => s.clone(),
                    _ => self.setting(under, s),
                };
            }
            Value::Array(items) => items.iter_mut().for_each(|v| self.walk(v, under)),
            Value::Object(map) => self.object(map, under),
            _ => {}
        }
    }

    fn object(&mut self, map: &mut Map<String, Value>, under: &str) {
        // Who wrote which field when is nothing of a kubelet's, and holds every key once more.
        map.remove("managedFields");
        let is_taint = map.contains_key("effect") && map.contains_key("key");
        let is_volume = map.contains_key("devicePath");
        let kind = map.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_host = matches!(kind.as_str(), "Hostname" | "InternalDNS" | "ExternalDNS");
        let labels = matches!(under, "labels" | "annotations" | "nodeLabels");
        let inherits = NAMES.contains(&under);
        for (key, mut v) in std::mem::take(map) {
            match (&mut v, key.as_str()) {
                (Value::String(s), "key") if is_taint => *s = self.label_key(s),
                (Value::String(s), "value") if is_taint => *s = self.label_value(s),
                (Value::String(s), "name" | "devicePath") if is_volume => *s = self.label(s),
                (Value::String(s), "address") if is_host && !self.is_node(s) && !self.key.is_pseudonym(s) => {
                    *s = self.key.pseudonym(Class::Host, s);
                }
                (v, _) => self.walk(v, if inherits { under } else { &key }),
            }
            let key = if labels {
                self.label_key(&key)
            } else if is_given(&key) {
                self.label(&key)
            } else {
                key
            };
            map.insert(key, v);
        }
    }
}
