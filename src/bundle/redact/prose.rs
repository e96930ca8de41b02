//! Free text: messages of API servers and kubelets, conditions, bodies, pages, values of settings.
//!
//! Names in such a text have no form that they could be found by, so it works the other way round: a text is cut into tokens,
//! and a token stays only when it is known to be no name: a word of the vocabulary, a number, a path of every system. All
//! else gets a pseudonym. What follows a word that announces a name (`user=`, `pod "..."`, `nodes/...`) is not looked up at all.

use std::net::IpAddr;
use std::sync::LazyLock;

use regex::Regex;

use super::key::{Class, MASK};
use super::names::{Names, is_port};
use super::vocabulary::{
    self, NAMING, is_code, is_public_host, is_segment, is_setting, is_term, is_unnamed, is_version, is_word,
};
use crate::secrets;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a pattern of this file")
}

/// Users in the words of API servers and of kubelets, who write them between quotes and without: a name may hold anything.
static QUOTED_USER: LazyLock<Regex> = LazyLock::new(|| regex(r#"\b[Uu]ser(?:name)? \\*"([^"\\]+)\\*""#));
static USER_OF_KUBELET: LazyLock<Regex> = LazyLock::new(|| regex(r"\(user=([^,)]+)[,)]"));
/// After it, an authorizer says in its own words why.
static REASON: LazyLock<Regex> =
    LazyLock::new(|| regex(r#"(at the cluster scope|in the namespace \\*"[^"\\]*\\*"): [^"\\\n]+"#));
/// `2m0s`, `100Mi`, `85%`, `1.5`, `0x1f`, `-999`, `10ms`, `1e+06`
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^[+-]?(?:0x[0-9a-fA-F]{1,16}|\d{1,10}(?:\.\d{1,12})?(?:[eE][+-]?\d{1,3})?(?:[numkKMGTPE]i?B?|[µu]s|ns|ms|s|m|h|d|B|%|x|th|st|nd)?|(?:\d{1,6}(?:\.\d+)?(?:h|ms|m|s|us|µs|ns|d))+)$",
    )
});
/// `2026-11-24T02:38:00.5Z`, `2026/11/24`, `02:38:00.123456`, `E1124`, `GMT+2`
static TIME: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        r"^(?:\d{4}[-/]\d{2}[-/]\d{2}(?:[T ]?\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)?|\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?|[IWEF]\d{4}|[+-]\d{4})$",
    )
});
static MAC: LazyLock<Regex> = LazyLock::new(|| regex(r"^(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}$"));
/// A place in a source file, as klog writes it: `reflector.go:227`
static CODE_FILE: LazyLock<Regex> = LazyLock::new(|| regex(r"^[a-z0-9_]{1,64}\.(?:go|s|c|h)(?::\d{1,6})?$"));

/// What opens and closes a name between quotes.
const QUOTES: [char; 3] = ['"', '\'', '`'];

/// What separates tokens besides white space.
const SEPARATORS: [char; 12] = ['(', ')', '{', '}', '<', '>', ',', ';', '|', '[', ']', '\0'];

impl Names<'_> {
    /// Takes note of the users that the words of API servers and kubelets name.
    pub(super) fn learn_users(&mut self, text: &str) {
        for pattern in [&*QUOTED_USER, &*USER_OF_KUBELET] {
            let found: Vec<String> = pattern.captures_iter(text).map(|c| c[1].to_owned()).collect();
            found.iter().for_each(|name| self.know_user(name));
        }
    }

    /// Any text, line by line.
    pub(super) fn prose(&mut self, text: &str) -> String {
        let text = secrets::text(text);
        let text = REASON.replace_all(&text, format!("$1: {MASK}").as_str());
        let text = self.users_of_kubelets(&text);
        let text = self.replace_known(&text);
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            self.line(line, &mut out);
        }
        out
    }

    /// `(user=Any Thing, verb=get`: without quotes, a name ends at the comma.
    fn users_of_kubelets(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for c in USER_OF_KUBELET.captures_iter(text) {
            let Some(found) = c.get(1) else { continue };
            out.push_str(&text[done..found.start()]);
            out.push_str(&self.user(found.as_str()));
            done = found.end();
        }
        out.push_str(&text[done..]);
        out
    }

    fn line(&mut self, line: &str, out: &mut String) {
        let mut before = String::new();
        let mut rest = line;
        while let Some(c) = rest.chars().next() {
            if c.is_whitespace() || SEPARATORS.contains(&c) {
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
            if let Some((open, content, close, after)) = quoted(rest) {
                let is_key = after.trim_start().starts_with(':');
                out.push_str(open);
                out.push_str(&self.quoted(content, &before, is_key));
                out.push_str(close);
                before = if is_key {
                    content.to_ascii_lowercase()
                } else {
                    String::new()
                };
                rest = after;
                continue;
            }
            let end = token_end(rest);
            let (token, after) = rest.split_at(end);
            out.push_str(&self.token(token, &before));
            before = token.trim_end_matches([':', '=']).to_ascii_lowercase();
            rest = after;
        }
    }

    /// What stands between quotes is a name unless it is known to be none; `before` is the word before it.
    fn quoted(&mut self, content: &str, before: &str, is_key: bool) -> String {
        let trimmed = content.trim();
        if trimmed.is_empty() || trimmed == MASK || self.is_pseudonym(trimmed) {
            return content.to_owned();
        }
        match before {
            "user" | "users" | "username" | "serviceaccount" => return self.user(content),
            "node" | "nodes" => return self.node_or_resource(content),
            "host" | "hostname" => return self.host(content),
            _ if NAMING.contains(&before) => return self.label(content),
            _ => {}
        }
        if trimmed.contains(char::is_whitespace) {
            let mut out = String::new();
            self.line(content, &mut out);
            return out;
        }
        let single = trimmed.chars().all(|c| c.is_ascii_lowercase());
        match () {
            () if is_key && is_setting(trimmed) => content.to_owned(),
            () if single && !is_term(trimmed) => self.label(content),
            () => self.token(content, ""),
        }
    }

    fn node_or_resource(&mut self, content: &str) -> String {
        if is_term(content) && !self.is_node(content) {
            return content.to_owned();
        }
        self.endpoint(content).unwrap_or_else(|| self.node(content))
    }

    /// A run of characters without white space.
    pub(super) fn token(&mut self, token: &str, before: &str) -> String {
        let core = token.trim_end_matches(['.', ':', '!', '?', '=', '…']);
        let core = core.trim_start_matches(['*', '#', '+', '!', '=', '~', '@', '&', '^', '•']);
        if core.is_empty() {
            return token.to_owned();
        }
        let at = token.find(core).unwrap_or(0);
        let hidden = self.core(core, before);
        format!("{}{hidden}{}", &token[..at], &token[at + core.len()..])
    }

    fn core(&mut self, core: &str, before: &str) -> String {
        if core == MASK || self.is_pseudonym(core) {
            return core.to_owned();
        }
        let is_plain_word = core.chars().all(|c| c.is_ascii_alphabetic() || c == '\'');
        if is_plain_word {
            return if is_word(core) || is_code(core) {
                core.to_owned()
            } else {
                self.named(core, before)
            };
        }
        if core.chars().all(|c| !c.is_alphanumeric() || c == '_') && core.is_ascii() && !core.contains('/') {
            return core.to_owned();
        }
        if MAC.is_match(core) {
            return self.machine(core);
        }
        if NUMBER.is_match(core) || TIME.is_match(core) || CODE_FILE.is_match(core) || is_term(core) {
            return core.to_owned();
        }
        if let Some((scheme, rest)) = core.split_once("://") {
            return self.url(scheme, rest);
        }
        if let Some(address) = self.endpoint(core) {
            return address;
        }
        if core.starts_with('/') || core.starts_with("./") || core.starts_with("~/") {
            return self.path(core);
        }
        if let Some((flag, value)) = core.strip_prefix("--").and_then(|f| f.split_once('=')) {
            let flag = if is_setting(flag) {
                flag.to_owned()
            } else {
                self.label(flag)
            };
            return format!("--{flag}={}", self.setting(&flag, value));
        }
        if let Some(flag) = core.strip_prefix("--").or_else(|| core.strip_prefix('-')) {
            let dashes = &core[..core.len() - flag.len()];
            return format!(
                "{dashes}{}",
                if is_setting(flag) {
                    flag.to_owned()
                } else {
                    self.token(flag, "")
                }
            );
        }
        if core.contains("@sha256:") || core.contains('\\') {
            return self.label(core);
        }
        if let Some((left, right)) = core.split_once('=') {
            return self.pair(left, '=', right);
        }
        if let Some((left, right)) = core.split_once(':') {
            return self.pair(left, ':', right);
        }
        if let Some((name, domain)) = core.split_once('@')
            && domain.contains('.')
            && !name.contains('/')
        {
            return self.hidden(Class::User, core);
        }
        if core.contains('/') {
            return self.relative(core);
        }
        let short_hash = core.len() < 16 && core.chars().any(|c| c.is_ascii_alphabetic());
        if is_version(core) && core.chars().any(|c| c.is_ascii_digit()) && (core.contains('.') || short_hash) {
            return core.to_owned();
        }
        if core.contains('.') {
            return self.dotted(core);
        }
        if is_code(core) {
            return core.to_owned();
        }
        self.named(core, before)
    }

    /// Something that has to be hidden, as what the word before says it is.
    fn named(&mut self, name: &str, before: &str) -> String {
        match self.class_of(name) {
            Some(class) => self.hidden(class, name),
            None => match before {
                "user" | "username" | "serviceaccount" => self.user(name),
                "node" | "nodes" => self.node(name),
                "host" | "hostname" => self.host(name),
                _ => self.label(name),
            },
        }
    }

    /// `key=value`, `reason:Word`, `host:port`: what is left of the mark says what is right of it.
    fn pair(&mut self, left: &str, mark: char, right: &str) -> String {
        let name = left
            .rsplit(['.', '-', '_', '/'])
            .next()
            .unwrap_or(left)
            .to_ascii_lowercase();
        let key = if is_setting(left) && !self.is_node(left) {
            left.to_owned()
        } else {
            self.token(left, "")
        };
        let value = match name.as_str() {
            _ if right == MASK || self.is_pseudonym(right) || is_unnamed(right) => right.to_owned(),
            _ if mark == ':' && is_port(right) => right.to_owned(),
            "user" | "username" | "serviceaccount" => self.user(right),
            "node" | "nodes" => self.node_or_resource(right),
            _ if NAMING.contains(&name.as_str()) => self.label(right),
            _ => match secrets::holds(left, right) && mark == '=' {
                true => MASK.to_owned(),
                false => self.token(right, ""),
            },
        };
        format!("{key}{mark}{value}")
    }

    /// `nodes/proxy`, `kubernetes.io/csi`, `pods/web-0`, `registry.k8s.io/pause`.
    fn relative(&mut self, text: &str) -> String {
        let mut out = Vec::new();
        let mut before = "";
        let last = text.split('/').count() - 1;
        for (at, part) in text.split('/').enumerate() {
            out.push(if at == 0 && part.contains('.') {
                self.dotted(part)
            } else {
                self.segment(part, before, at == last)
            });
            before = part;
        }
        out.join("/")
    }

    /// A name with dots: a host, a file, a setting.
    fn dotted(&mut self, text: &str) -> String {
        const ENDINGS: [&str; 22] = [
            "conf",
            "yaml",
            "yml",
            "json",
            "toml",
            "sock",
            "service",
            "socket",
            "scope",
            "slice",
            "mount",
            "crt",
            "key",
            "pem",
            "log",
            "txt",
            "gz",
            "pb",
            "sh",
            "html",
            "kubeconfig",
            "env",
        ];
        let ending = text.rsplit('.').next().unwrap_or_default();
        if is_public_host(text) || (ENDINGS.contains(&ending) && is_segment(text)) {
            return text.to_owned();
        }
        // `k8s.io.api.core.v1.Node`, `sync.Mutex.Lock`: types and functions have capitals at the end, hosts have not.
        let is_type = ending.starts_with(|c: char| c.is_ascii_uppercase()) && text.split('.').all(is_setting);
        if is_type { text.to_owned() } else { self.host(text) }
    }

    /// A URL; of what is after its host, each part.
    pub(super) fn url(&mut self, scheme: &str, rest: &str) -> String {
        const SCHEMES: [&str; 21] = [
            "http",
            "https",
            "ssh",
            "unix",
            "npipe",
            "tcp",
            "udp",
            "tls",
            "file",
            "containerd",
            "docker",
            "cri-o",
            "crio",
            "grpc",
            "dns",
            "passthrough",
            "aws",
            "gce",
            "azure",
            "openstack",
            "ws",
        ];
        let scheme = if SCHEMES.contains(&scheme) {
            scheme.to_owned()
        } else {
            self.token(scheme, "")
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        if is_version(authority) && authority.contains('.') && tail.is_empty() && authority.parse::<IpAddr>().is_err() {
            return format!("{scheme}://{authority}");
        }
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (format!("{}@", self.login(login)), host),
            None => (String::new(), authority),
        };
        let host = self.authority(host);
        let (path, query) = match tail.find(['?', '#']) {
            Some(at) => tail.split_at(at),
            None => (tail, ""),
        };
        let path = self.path(path);
        let mut shown = format!("{scheme}://{login}{host}{path}");
        for pair in query.split_inclusive(['&', '#', '?']) {
            let (pair, mark) = match pair.strip_suffix(['&', '#', '?']) {
                Some(bare) => (bare, &pair[bare.len()..]),
                None => (pair, ""),
            };
            shown.push_str(&match pair.split_once('=') {
                Some((key, value)) => self.pair(key, '=', value),
                None => self.token(pair, ""),
            });
            shown.push_str(mark);
        }
        shown
    }

    fn login(&mut self, login: &str) -> String {
        login
            .split(':')
            .map(|part| self.user(part))
            .collect::<Vec<_>>()
            .join(":")
    }

    /// `host`, `host:port`, `[v6]:port`.
    fn authority(&mut self, text: &str) -> String {
        if text.is_empty() || text == MASK {
            return text.to_owned();
        }
        if let Some(address) = self.endpoint(text) {
            return address;
        }
        match text.rsplit_once(':').filter(|(_, port)| is_port(port)) {
            Some((host, port)) => format!("{}:{port}", self.host(host)),
            None => self.host(text),
        }
    }

    /// A path: parts that every system has stay.
    pub(super) fn path(&mut self, path: &str) -> String {
        let mut before = "";
        let mut out = Vec::new();
        let last = path.split('/').count() - 1;
        for (at, part) in path.split('/').enumerate() {
            out.push(self.segment(part, before, at == last));
            before = part;
        }
        out.join("/")
    }

    /// A part of a path, by the part before it; the last one may be a file.
    pub(super) fn segment(&mut self, part: &str, before: &str, is_last: bool) -> String {
        if part.is_empty() || part == "." || part == ".." || part == MASK || self.is_pseudonym(part) {
            return part.to_owned();
        }
        let decoded = part
            .replace("%3A", ":")
            .replace("%3a", ":")
            .replace("%2F", "/")
            .replace("%2f", "/");
        match before {
            "home" | "Users" => return self.user(part),
            "nodes" | "node" if !is_term(part) || self.is_node(part) => {
                return self.endpoint(&decoded).unwrap_or_else(|| self.node(&decoded));
            }
            "pods" | "namespaces" | "secrets" | "configmaps" | "serviceaccounts" | "containers" if !is_term(part) => {
                return self.label(part);
            }
            _ => {}
        }
        if self.class_of(&decoded).is_some() || decoded.parse::<IpAddr>().is_ok() {
            return self.label(&decoded);
        }
        let version = part.starts_with('v') && is_version(part) && part.len() <= 16;
        let kept =
            is_segment(part) || vocabulary::is_of_kubernetes(part) || version || (is_last && CODE_FILE.is_match(part));
        if kept { part.to_owned() } else { self.label(part) }
    }
}

/// A text between quotes at the beginning of `text`: what opens, what is inside, what closes, and the rest. Quotes may be
/// escaped, as in a string of JSON inside a message.
fn quoted(text: &str) -> Option<(&str, &str, &str, &str)> {
    let slashes = text.len() - text.trim_start_matches('\\').len();
    let quote = text[slashes..].chars().next().filter(|c| QUOTES.contains(c))?;
    let open = &text[..slashes + 1];
    let rest = &text[slashes + 1..];
    let line = rest.split('\n').next().unwrap_or(rest);
    let mut from = 0;
    loop {
        let at = from + line.get(from..)?.find(open)?;
        // A quote that is escaped again is a part of the content; an apostrophe is one.
        let escaped = slashes == 0 && line[..at].ends_with('\\');
        let after = line[at + open.len()..].chars().next();
        let apostrophe = quote == '\'' && after.is_some_and(char::is_alphanumeric);
        if !escaped && !apostrophe {
            return Some((open, &rest[..at], &rest[at..at + open.len()], &rest[at + open.len()..]));
        }
        from = at + open.len();
    }
}

/// Where a token ends.
fn token_end(text: &str) -> usize {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let quote = matches!(c, '"' | '`') || (c == '\'' && !before.is_alphanumeric()) || c == '\\';
        if at > 0 && (c.is_whitespace() || SEPARATORS.contains(&c) || quote) {
            return at;
        }
        before = c;
    }
    text.len()
}
