//! What in a text is a name, an address, a user or a secret.
//!
//! Names of nodes, of their hosts and of users are known from the manifest and from the nodes, and found wherever they stand;
//! those that are ordinary words (`worker`, `n1`) only where a name is bound to stand: in `nodes/NAME`, in a field of the
//! manifest. The rest is known by its form: addresses, hosts in URLs, home folders, `User "x"` and the phrases of kubeprof's own
//! explanations. What has no such form is not found: a hostname in a sentence stays. What is a secret, [`secrets`] says.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::key::{Class, Key, MASK};
use super::vocabulary;
use crate::secrets;

pub(super) fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

static HOST: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"((?:https?|ssh)://(?:[^@/\s"]+@)?)([A-Za-z0-9][A-Za-z0-9.-]*)"#));
static IPV4: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"));
static IPV6: LazyLock<Regex> = LazyLock::new(|| regex(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.\d{1,3}){0,3}"));
static HOME: LazyLock<Regex> = LazyLock::new(|| regex(r#"(/home/|/Users/|[A-Za-z]:\\Users\\)([^/\\\s"':,;]+)"#));
/// Users in the words of the API server, of kubelets, and of kubeprof (`refusal`): between quotes a name may hold anything.
static QUOTED_USER: LazyLock<Regex> = LazyLock::new(|| {
    regex(r#"(\b(?:[Uu]ser(?:name)?|you are|knows you as|own user|own certificate|whether) \(?\\*")([^"\\]+)(\\*")"#)
});
static USER_OF_FLAG: LazyLock<Regex> = LazyLock::new(|| regex(r"(--user=')([^'\n]+)"));
static ACCOUNT_OF_FLAG: LazyLock<Regex> = LazyLock::new(|| regex(r#"(--serviceaccount=)([^\s'"\\]+)"#));
static USER_OF_KUBELET: LazyLock<Regex> = LazyLock::new(|| regex(r"(\(user=)([^,)]+)([,)])"));
static USER: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(\b[Uu]ser(?:name)?(?:=\\?"?|\\?":\s*\\?"))([A-Za-z0-9_.:@/-]*[A-Za-z0-9_])"#));
/// Behind it, an authorizer says in its own words why.
static REASON: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(at the cluster scope|in the namespace \\*"[^"\\]*\\*"): [^"\\\n]+"#));
static MAIL: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[A-Za-z0-9_.+-]+@[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b"));
/// Where the name of a node is bound to stand.
static PLACE: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(\bnodes?(?:/|%2F| \\*")|\bkubeprof capture )([^/\s"\\?%`]+)"#));
static LABEL_PAIR: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"("(?:[^"\\]|\\.)*"|[^:,{}\s"]+)(\s*:\s*)("(?:[^"\\]|\\.)*"|[^,}\s"]+)"#));
static DUMP_LABELS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(goroutine \d+.*?\]\s*|#\s*labels:\s*)(\{.*\})(:?\s*)$"));
static METRIC_LABEL: LazyLock<Regex> = LazyLock::new(|| regex(r#"([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)""#));

/// Names that are words of sentences too.
const ORDINARY: [&str; 22] = [
    "node",
    "nodes",
    "host",
    "addr",
    "label",
    "user",
    "machine",
    "kubelet",
    "kubeprof",
    "localhost",
    "proxy",
    "api",
    "master",
    "worker",
    "server",
    "capture",
    "admin",
    "viewer",
    "edit",
    "system",
    "root",
    "test",
];

/// Words of ours that a node may be called like and that stay in explanations all the same.
const TECHNICAL: [&str; 8] = [
    "node", "nodes", "proxy", "kubelet", "kubeprof", "api", "capture", "server",
];

/// Turns names into pseudonyms.
pub(super) struct Words<'a> {
    pub(super) key: &'a mut Key,
    /// Names that are found everywhere, the longest first.
    known: Vec<(Class, String)>,
    /// All names of nodes.
    nodes: BTreeSet<String>,
}

impl<'a> Words<'a> {
    pub(super) fn new(key: &'a mut Key, nodes: Vec<String>) -> Self {
        let mut words = Self {
            key,
            known: Vec::new(),
            nodes: nodes.iter().cloned().collect(),
        };
        for node in &nodes {
            words.know(Class::Node, node);
        }
        words
    }

    /// A name that is to be found wherever it stands, unless it is an ordinary word.
    pub(super) fn know(&mut self, class: Class, name: &str) {
        let ordinary = name.len() <= 2 || ORDINARY.contains(&name) || vocabulary::is_word(name);
        let pseudonym = self.key.is_pseudonym(name) || name.starts_with("system:");
        if ordinary || pseudonym || name == MASK || self.known.iter().any(|(_, n)| n == name) {
            return;
        }
        self.known.push((class, name.to_owned()));
        self.known.sort_by(|a, b| (b.1.len(), &a.1).cmp(&(a.1.len(), &b.1)));
    }

    /// Takes note of the users that a text of the manifest names.
    pub(super) fn learn(&mut self, text: &str) {
        for (what, group) in [(&*QUOTED_USER, 2), (&*USER_OF_KUBELET, 2)] {
            let names: Vec<String> = what.captures_iter(text).map(|c| c[group].to_owned()).collect();
            for name in names.iter().filter(|n| user(n).is_some()) {
                if !self.nodes.contains(name) {
                    self.know(Class::User, name);
                }
            }
        }
    }

    /// A user that the manifest names, to be found in all texts.
    pub(super) fn know_user(&mut self, name: &str) {
        if user(name).is_some() && !name.is_empty() && !self.nodes.contains(name) {
            self.know(Class::User, name);
        }
    }

    /// A user; none stays none.
    pub(super) fn user(&mut self, name: &str) -> String {
        match user(name) {
            Some(class) if !name.is_empty() => self.key.pseudonym(class, name),
            _ => name.to_owned(),
        }
    }

    /// A node; none stays none.
    pub(super) fn node_or_none(&mut self, name: &str) -> String {
        if name.is_empty() {
            String::new()
        } else {
            self.node(name)
        }
    }

    pub(super) fn is_node(&self, name: &str) -> bool {
        self.nodes.contains(name)
    }

    pub(super) fn node(&mut self, name: &str) -> String {
        self.key.pseudonym(Class::Node, name)
    }

    pub(super) fn machine(&mut self, id: &str) -> String {
        if id.is_empty() || id == MASK {
            id.to_owned()
        } else {
            self.key.pseudonym(Class::Machine, id)
        }
    }

    /// A name, where no letter or digit stands before or behind it: pods of a node end in its name, `etcd-NODE`.
    fn replace(&mut self, text: String, class: Class, name: &str) -> String {
        if !text.contains(name) {
            return text;
        }
        let word = |c: char| c.is_ascii_alphanumeric();
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (at, _) in text.match_indices(name) {
            if at < done || text[..at].ends_with(word) || text[at + name.len()..].starts_with(word) {
                continue;
            }
            out.push_str(&text[done..at]);
            out.push_str(&self.key.pseudonym(class, name));
            done = at + name.len();
        }
        out.push_str(&text[done..]);
        out
    }

    fn class(&mut self, text: String, what: &Regex, group: usize, of: impl Fn(&Self, &str) -> Option<Class>) -> String {
        let replace = |c: &Captures<'_>| {
            let whole = c.get(0).map_or("", |m| m.as_str());
            let found = c.get(group).map_or("", |m| m.as_str());
            match of(self, found) {
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
        let text = secrets::text(text);
        let text = REASON.replace_all(&text, format!("$1: {MASK}").as_str()).into_owned();
        let mut text = self.class(text, &PLACE, 2, |w, n| w.nodes.contains(n).then_some(Class::Node));
        for what in [&QUOTED_USER, &USER_OF_KUBELET, &USER_OF_FLAG, &ACCOUNT_OF_FLAG] {
            text = self.class(text, what, 2, |_, n| user(n));
        }
        for (class, name) in self.known.clone() {
            text = self.replace(text, class, &name);
        }
        let text = self.class(text, &MAIL, 0, |_, _| Some(Class::User));
        let text = self.class(text, &USER, 2, |_, n| user(n));
        let text = self.class(text, &HOME, 2, |_, n| user(n));
        let text = self.class(text, &IPV4, 0, |_, a| ipv4(a));
        let text = self.class(text, &IPV6, 0, |_, a| ipv6(a));
        self.class(text, &HOST, 2, |_, h| host(h))
    }

    /// A sentence of the manifest: of kubeprof, or of whoever refused. A node is named there even if it is called like an
    /// ordinary word.
    pub(super) fn told(&mut self, text: &str) -> String {
        // A body may be a page of flags.
        let mut text = if text.contains('\n') {
            self.flags(text)
        } else {
            self.text(text)
        };
        for name in self.nodes.clone() {
            if !TECHNICAL.contains(&name.as_str()) {
                text = self.replace(text, Class::Node, &name);
            }
        }
        text
    }

    /// The file of a mapping: a folder that is not on every system is somebody's, the name of the file stays.
    pub(super) fn mapping(&mut self, path: &str) -> String {
        match path.rsplit_once('/') {
            Some((folder, name)) if path.starts_with('/') && !vocabulary::is_usual_path(path) => {
                let folder = folder.trim_start_matches('/');
                let folder = if folder.is_empty() {
                    String::new()
                } else {
                    format!("/{}", self.label(folder))
                };
                format!("{folder}/{name}")
            }
            _ => self.path(path),
        }
    }

    /// A path in a profile: folders of users only.
    pub(super) fn path(&mut self, path: &str) -> String {
        self.class(path.to_owned(), &HOME, 2, |_, n| user(n))
    }

    /// The value of a label, or any other name: what is known gets its own pseudonym, all else that of a label as a whole.
    pub(super) fn label(&mut self, value: &str) -> String {
        let port = value.rfind(':').filter(|&at| {
            let digits = &value[at + 1..];
            !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
        });
        let address: Option<IpAddr> = value.parse().ok();
        let (name, port) = match port {
            Some(at) if address.is_none() => value.split_at(at),
            _ => (value, ""),
        };
        if value.is_empty() || value == MASK || self.key.is_pseudonym(name) {
            return value.to_owned();
        }
        // A secret has no pseudonym, and must not be in the key.
        if matches!(secrets::text(value), std::borrow::Cow::Owned(_)) {
            return MASK.to_owned();
        }
        let bare = name.trim_matches(['[', ']']);
        let known = self.known.iter().find(|(_, n)| n == name).map(|(class, _)| *class);
        let class = match bare.parse::<IpAddr>() {
            Ok(a) if a.is_loopback() || a.is_unspecified() => return value.to_owned(),
            Ok(_) => Some(Class::Address),
            Err(_) if self.nodes.contains(name) => Some(Class::Node),
            Err(_) => known,
        };
        match class {
            Some(class) => format!("{}{port}", self.key.pseudonym(class, bare)),
            None => self.key.pseudonym(Class::Label, value),
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
                // A file of the source, as most lines are.
                None if body.starts_with('\t') => out.push_str(&self.path(body)),
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
            let metric = line.split(['{', ' ']).next().unwrap_or_default();
            let replace = |c: &Captures<'_>| {
                let (key, value) = (&c[1], &c[2]);
                if vocabulary::is_plain(metric, key, value) && !self.nodes.contains(value) {
                    return c[0].to_owned();
                }
                format!("{key}=\"{}\"", self.label(value))
            };
            out.push_str(&METRIC_LABEL.replace_all(line, replace));
        }
        out
    }
}

fn user(name: &str) -> Option<Class> {
    let known = matches!(name, "system:anonymous" | "id" | "agent" | "name" | "cannot" | MASK);
    let pseudonym = ["node-", "addr-", "host-", "label-", "user-"]
        .iter()
        .any(|p| name.starts_with(p));
    (!known && !pseudonym).then_some(Class::User)
}

fn host(name: &str) -> Option<Class> {
    let pseudonym = ["node-", "addr-", "host-", "label-"]
        .iter()
        .any(|p| name.starts_with(p));
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
