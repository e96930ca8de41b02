//! Command lines, pages of flags, labels and taints: places where the name of a setting says what its value is.

use super::key::{Class, MASK};
use super::names::Names;
use super::vocabulary::{NAMING, is_setting, is_term, is_unnamed, is_version, is_well_known};
use crate::secrets;

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

/// Flags of kubeprof whose values are words of kubeprof.
const OF_KUBEPROF: [&str; 5] = ["profiles", "output", "o", "color", "way"];

/// Values of labels that are of every cluster.
const LABEL_VALUES: [&str; 9] = [
    "true", "false", "linux", "windows", "amd64", "arm64", "arm", "s390x", "ppc64le",
];

impl Names<'_> {
    /// A command line of kubeprof.
    pub(super) fn own_command(&mut self, words: &[String]) -> Vec<String> {
        let mut flag: Option<String> = None;
        let mut out = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            let before = flag.take();
            let shown = match word.strip_prefix("--").and_then(|w| w.split_once('=')) {
                Some((name, value)) => format!("--{}={}", self.flag(name), self.own_value(name, value)),
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
                    format!("{}{}", &word[..word.len() - name.len()], self.flag(name))
                }
                None if (at == 0 && word == "kubeprof") || (at == 1 && word == "capture" && !self.is_node(word)) => {
                    word.clone()
                }
                None => self.label(word),
            };
            out.push(shown);
        }
        out
    }

    fn own_value(&mut self, flag: &str, value: &str) -> String {
        let is_number = value.starts_with(|c: char| c.is_ascii_digit())
            && value.len() <= 10
            && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
            && value.chars().filter(char::is_ascii_alphabetic).count() <= 3;
        match flag {
            _ if value.is_empty() || value == MASK => value.to_owned(),
            _ if self.is_node(value) => self.node(value),
            "as" | "as-group" | "as-uid" | "user" | "username" => self.user(value),
            "context" | "cluster" => self.hidden(Class::Host, value),
            "token" | "password" => MASK.to_owned(),
            _ if OF_KUBEPROF.contains(&flag) => self.prose(value),
            _ if is_number && value.parse::<std::net::IpAddr>().is_err() => value.to_owned(),
            "server" | "s" | "via" => self.prose(value),
            _ => self.label(value),
        }
    }

    /// The name of a flag.
    fn flag(&mut self, name: &str) -> String {
        if name.len() == 1 || is_setting(name) {
            return name.to_owned();
        }
        self.label(name)
    }

    /// A command line of a kubelet; a value may be the next word.
    pub(super) fn command(&mut self, words: &[String]) -> Vec<String> {
        let mut flag: Option<String> = None;
        let mut out = Vec::with_capacity(words.len());
        for word in words {
            let before = flag.take();
            let shown = match word.strip_prefix('-').map(|w| w.trim_start_matches('-')) {
                Some(name) => {
                    let dashes = &word[..word.len() - name.len()];
                    match name.split_once('=') {
                        Some((name, value)) => format!("{dashes}{}={}", self.flag(name), self.setting(name, value)),
                        None => {
                            flag = Some(name.to_owned());
                            format!("{dashes}{}", self.flag(name))
                        }
                    }
                }
                None => self.setting(before.as_deref().unwrap_or_default(), word),
            };
            out.push(shown);
        }
        out
    }

    /// A page of flags: `name=value` in lines, or with another separator.
    pub(super) fn flags(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            let (body, end) = line.strip_suffix('\n').map_or((line, ""), |b| (b, "\n"));
            match secrets::flag_line(body) {
                Some((name, is, value)) => {
                    out.push_str(&format!("{}{is}{}", self.flag(name), self.setting(name, value)));
                }
                None => out.push_str(&self.prose(body)),
            }
            out.push_str(end);
        }
        out
    }

    /// The value of a flag or of a key of a configuration.
    pub(super) fn setting(&mut self, name: &str, value: &str) -> String {
        if value.is_empty() || value == MASK || self.is_pseudonym(value) {
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
            "hostnameoverride" | "nodename" => self.endpoint(value).unwrap_or_else(|| self.node(value)),
            "clusterdomain" => self.host(value),
            "providerid" | "externalid" | "machineid" | "systemuuid" | "bootid" | "uid" => self.machine(value),
            "kubeletversion" | "kubeproxyversion" | "gitversion" | "goversion" | "builddate" | "gitcommit"
            | "kernelversion"
                if is_version(value) =>
            {
                value.to_owned()
            }
            // `6.1.0-18-cloud-amd64`: what a build has of its own comes after the number.
            "kernelversion" => match value.split_once('-') {
                Some((number, own)) if is_version(number) => format!("{number}-{}", self.label(own)),
                _ => self.label(value),
            },
            _ if canonical.ends_with("image") && canonical != "osimage" => self.label(value),
            _ if canonical.ends_with("user") || canonical.ends_with("username") => self.user(value),
            _ if NAMING.contains(&canonical.as_str()) && !is_unnamed(value) => self.label(value),
            _ => self.prose(value),
        }
    }

    /// `key=value,key=value:Effect`, between `[` and `]` or not; `map[key:value]` as Go prints it.
    fn pairs(&mut self, text: &str) -> String {
        let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        if let Some(inner) = inner {
            return format!("[{}]", self.pairs(inner));
        }
        if text.contains(['{', '"', ' ']) {
            return self.label(text);
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
    pub(super) fn label_key(&mut self, key: &str) -> String {
        let Some((domain, name)) = key.split_once('/').filter(|_| is_well_known(key)) else {
            return self.label(key);
        };
        // Roles are made up by the operators of the cluster.
        let made_up = matches!(domain, "node-role.kubernetes.io" | "node-restriction.kubernetes.io");
        let known = if made_up { is_term(name) } else { is_setting(name) };
        if known {
            key.to_owned()
        } else {
            format!("{domain}/{}", self.label(name))
        }
    }

    pub(super) fn label_value(&mut self, value: &str) -> String {
        let plain = LABEL_VALUES.contains(&value) && !self.is_node(value);
        if plain { value.to_owned() } else { self.label(value) }
    }
}
