//! Names that are known, and their pseudonyms.
//!
//! Nodes, their hosts and users are known from fields of the manifest and from the nodes' own objects; they are found wherever
//! they stand. All else is found the other way round: `prose` keeps what the vocabulary knows and hides the rest.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use super::key::{Class, Key, MASK};
use super::vocabulary;
use crate::bundle::names::bare_node;
use crate::secrets;

/// Users that are roles of Kubernetes or of every system, and the mark of an unknown one.
const PUBLIC_USERS: [&str; 5] = ["system:anonymous", "system:unauthenticated", "root", "YOU", MASK];

/// Turns names into pseudonyms.
pub(super) struct Names<'a> {
    key: &'a mut Key,
    /// Names that are found everywhere, the longest first.
    known: Vec<(Class, String)>,
    /// All names of nodes.
    nodes: BTreeSet<String>,
}

impl<'a> Names<'a> {
    pub(super) fn new(key: &'a mut Key, nodes: Vec<String>) -> Self {
        let mut names = Self {
            key,
            known: Vec::new(),
            nodes: nodes.iter().cloned().collect(),
        };
        for node in &nodes {
            names.know(Class::Node, node);
            names.know(Class::Node, bare_node(node));
        }
        names
    }

    /// A name that is to be found wherever it stands, unless it is an ordinary word.
    pub(super) fn know(&mut self, class: Class, name: &str) {
        let ordinary = name.len() <= 2 || vocabulary::is_word(name);
        let public = self.key.is_pseudonym(name) || PUBLIC_USERS.contains(&name);
        let address = name.parse::<IpAddr>().is_ok();
        if ordinary || public || address || self.known.iter().any(|(_, n)| n == name) {
            return;
        }
        self.known.push((class, name.to_owned()));
        self.known.sort_by(|a, b| (b.1.len(), &a.1).cmp(&(a.1.len(), &b.1)));
    }

    /// A host and its short name. One that is the long name of a node is that node, with a domain.
    pub(super) fn know_host(&mut self, name: &str) {
        match name.split_once('.') {
            Some((short, _)) if self.nodes.contains(short) => {}
            Some((short, _)) => {
                self.know(Class::Host, name);
                self.know(Class::Host, short);
            }
            None => self.know(Class::Host, name),
        }
    }

    /// A user that the manifest names.
    pub(super) fn know_user(&mut self, name: &str) {
        if !self.nodes.contains(name) {
            self.know(Class::User, name);
        }
    }

    pub(super) fn is_node(&self, name: &str) -> bool {
        self.nodes.contains(name)
    }

    pub(super) fn node(&mut self, name: &str) -> String {
        self.hidden(Class::Node, name)
    }

    pub(super) fn user(&mut self, name: &str) -> String {
        match PUBLIC_USERS.contains(&name) {
            true => name.to_owned(),
            false => self.hidden(Class::User, name),
        }
    }

    pub(super) fn machine(&mut self, id: &str) -> String {
        self.hidden(Class::Machine, id)
    }

    pub(super) fn is_pseudonym(&self, name: &str) -> bool {
        self.key.is_pseudonym(name)
    }

    /// The pseudonym of a name; nothing stays nothing.
    pub(super) fn hidden(&mut self, class: Class, name: &str) -> String {
        match name {
            "" | MASK => name.to_owned(),
            _ => self.key.pseudonym(class, name),
        }
    }

    /// The class that a name is known by.
    pub(super) fn class_of(&self, name: &str) -> Option<Class> {
        if self.nodes.contains(name) {
            return Some(Class::Node);
        }
        self.known.iter().find(|(_, n)| n == name).map(|(class, _)| *class)
    }

    /// A host: `localhost` and hosts of public documentation stay. One whose first label is known keeps that, so that the
    /// short name and the long one of a node can be told to be one; its domain is a name of its own.
    pub(super) fn host(&mut self, name: &str) -> String {
        if vocabulary::is_public_host(name) || self.key.is_pseudonym(name) {
            return name.to_owned();
        }
        if let Some(class) = self.class_of(name) {
            return self.hidden(class, name);
        }
        if let Some((first, domain)) = name.split_once('.')
            && !domain.is_empty()
        {
            let head = match self.class_of(first) {
                Some(class) => Some(self.hidden(class, first)),
                None => self.key.is_pseudonym(first).then(|| first.to_owned()),
            };
            if let Some(head) = head {
                return format!("{head}.{}", self.host(domain));
            }
        }
        self.hidden(Class::Host, name)
    }

    /// An address of the network; those of every machine stay.
    fn address(&mut self, address: IpAddr) -> String {
        if address.is_loopback() || address.is_unspecified() {
            return address.to_string();
        }
        self.hidden(Class::Address, &address.to_string())
    }

    /// The value of a label, or any other name: what is known gets its own pseudonym, all else that of a label as a whole.
    pub(super) fn label(&mut self, value: &str) -> String {
        if value.is_empty() || value == MASK || self.key.is_pseudonym(value) {
            return value.to_owned();
        }
        // A secret has no pseudonym, and must not be in the key.
        if matches!(secrets::text(value), Cow::Owned(_)) {
            return MASK.to_owned();
        }
        if let Some(address) = self.endpoint(value) {
            return address;
        }
        match self.class_of(value) {
            Some(class) => self.hidden(class, value),
            None => self.hidden(Class::Label, value),
        }
    }

    /// An address or a known name, with or without a port; none for all else.
    pub(super) fn endpoint(&mut self, text: &str) -> Option<String> {
        let bare = |t: &str| {
            let inside = t.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
            inside.unwrap_or(t).parse::<IpAddr>().ok()
        };
        if let Some(address) = bare(text) {
            return Some(self.address(address));
        }
        // `10.244.7.0/24`
        if let Some((address, bits)) = text.split_once('/')
            && bits.parse::<u8>().is_ok()
            && let Some(address) = bare(address)
        {
            return Some(format!("{}/{bits}", self.address(address)));
        }
        if let Some((address, bits)) = text.split_once('/')
            && bits.parse::<u8>().is_ok()
            && self.key.is_pseudonym(address)
        {
            return Some(text.to_owned());
        }
        // `fe80::1%eth0`
        if let Some((address, _)) = text.split_once('%')
            && let Some(address) = bare(address)
        {
            return Some(self.address(address));
        }
        let (name, port) = text.rsplit_once(':').filter(|(_, port)| is_port(port))?;
        if let Some(address) = bare(name) {
            let hidden = self.address(address);
            let hidden = match hidden.contains(':') {
                true => format!("[{hidden}]"),
                false => hidden,
            };
            return Some(format!("{hidden}:{port}"));
        }
        if self.key.is_pseudonym(name) {
            return Some(text.to_owned());
        }
        let class = self.class_of(name)?;
        Some(format!("{}:{port}", self.hidden(class, name)))
    }

    /// Known names in a text, where no letter or digit stands before or after: pods of a node end in its name, `etcd-NODE`.
    pub(super) fn replace_known(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for at in 0..self.known.len() {
            let (class, name) = self.known[at].clone();
            if text.contains(&name) {
                text = self.replace(&text, class, &name);
            }
        }
        text
    }

    fn replace(&mut self, text: &str, class: Class, name: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for (at, _) in text.match_indices(name) {
            let end = at + name.len();
            if text[..at].ends_with(char::is_alphanumeric) || text[end..].starts_with(char::is_alphanumeric) {
                continue;
            }
            out.push_str(&text[done..at]);
            out.push_str(&self.hidden(class, name));
            done = end;
        }
        out.push_str(&text[done..]);
        out
    }
}

pub(super) fn is_port(text: &str) -> bool {
    !text.is_empty() && text.len() <= 5 && text.bytes().all(|b| b.is_ascii_digit())
}
