//! What a report may not say when it goes to strangers: names of nodes and hosts, addresses, users, pods. Functions stay.
//!
//! Names that are known are replaced wherever they are, as whole words; addresses and identifiers are told by their form.
//! A bundle should be redacted as such first, which knows more (`bundle::redact`); this is the last door.

use std::net::{IpAddr, Ipv6Addr};

use regex::{Captures, Regex};

use super::{Asked, Material, Moment};

/// Hides names in texts.
#[derive(Debug, Default)]
pub struct Redaction {
    known: Vec<(String, String)>,
    words: Option<Regex>,
    forms: Option<Regex>,
}

/// Identifiers, addresses with a port, and values of labels that name something.
const FORMS: &str = concat!(
    r"(?P<uid>[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})",
    r"|(?P<label>\b(?:pod|pod_name|pod_uid|namespace|container|container_id|node|node_name|host|instance|server|address|uid|user|username|hostname|id|image|volume_name|persistentvolumeclaim)=\\?)(?P<value>\x22[^\x22]*\x22|[^\s\x22,}{]+)",
    r"|(?P<v4>\b\d{1,3}(?:\.\d{1,3}){3}\b)",
    r"|(?P<v6>[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?:%\w+)?)",
    r"|(?P<mail>[\w.+-]+@[\w-]+\.[\w.-]+)",
);

impl Redaction {
    /// What the material names.
    pub fn of(material: &Material) -> Self {
        let mut names = Vec::new();
        if let Some(record) = &material.record {
            names.extend(record.nodes.iter().map(|n| (n.node.clone(), "node")));
        }
        for moment in &material.moments {
            of_node(moment, &mut names);
        }
        names.retain(|(name, _)| name.len() > 1);
        // The longer first: a host behind its domain.
        names.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        names.dedup_by(|a, b| a.0 == b.0);
        let mut known: Vec<(String, String)> = Vec::new();
        for (name, class) in names {
            let number = known
                .iter()
                .filter(|(_, pseudonym)| pseudonym.starts_with(class))
                .count()
                + 1;
            known.push((name.to_lowercase(), format!("{class}-{number}")));
        }
        let mut redaction = Self {
            words: None,
            forms: Regex::new(FORMS).ok(),
            known,
        };
        redaction.compile();
        redaction
    }

    /// Hides one more name.
    pub fn know(&mut self, name: &str, pseudonym: &str) {
        self.known.insert(0, (name.to_lowercase(), pseudonym.to_owned()));
        self.compile();
    }

    fn compile(&mut self) {
        let any: Vec<String> = self.known.iter().map(|(name, _)| regex::escape(name)).collect();
        self.words = (!any.is_empty())
            .then(|| Regex::new(&format!("(?i){}", any.join("|"))).ok())
            .flatten();
    }

    /// A text without them.
    pub fn hide(&self, text: &str) -> String {
        let text = match &self.words {
            None => text.to_owned(),
            Some(words) => {
                let replace = |found: &Captures<'_>| {
                    let whole = found.get(0).map_or("", |m| m.as_str());
                    let (start, end) = found.get(0).map_or((0, 0), |m| (m.start(), m.end()));
                    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric());
                    if letter(text[..start].chars().next_back()) || letter(text[end..].chars().next()) {
                        return whole.to_owned();
                    }
                    let lower = whole.to_lowercase();
                    let pseudonym = self.known.iter().find(|(name, _)| *name == lower);
                    pseudonym.map_or_else(|| whole.to_owned(), |(_, pseudonym)| pseudonym.clone())
                };
                words.replace_all(text, replace).into_owned()
            }
        };
        let Some(forms) = &self.forms else { return text };
        let replace = |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |m| m.as_str());
            if found.name("uid").is_some() {
                return "(uid)".to_owned();
            }
            if let Some(label) = found.name("label") {
                return format!("{}(hidden)", label.as_str().trim_end_matches('\\'));
            }
            if found.name("mail").is_some() {
                return "(user)".to_owned();
            }
            let bare = whole.split('%').next().unwrap_or(whole);
            let is_address = bare.parse::<IpAddr>().is_ok() || bare.parse::<Ipv6Addr>().is_ok();
            match is_address && !matches!(bare, "127.0.0.1" | "0.0.0.0" | "::1" | "::") {
                true => "(address)".to_owned(),
                false => whole.to_owned(),
            }
        };
        forms.replace_all(&text, replace).into_owned()
    }
}

impl Asked {
    /// Takes out who asked whom, and what other programs wrote: no form tells which words of it are names.
    pub fn forget_names(&mut self) {
        let Some(missing) = &mut self.missing else { return };
        let d = &mut missing.details;
        for text in [
            &mut d.message,
            &mut d.advice,
            &mut d.title,
            &mut d.server,
            &mut d.proxy,
            &mut d.selector,
            &mut d.path,
        ] {
            text.clear();
        }
        for (text, hidden) in [
            (&mut d.user, "(user)"),
            (&mut d.node, "(node)"),
            (&mut d.other, "(node)"),
            (&mut d.origin, "(path)"),
        ] {
            if !text.is_empty() {
                hidden.clone_into(text);
            }
        }
    }
}

/// The names in a node object.
fn of_node(moment: &Moment, names: &mut Vec<(String, &'static str)>) {
    for place in moment.profiles.iter().map(|p| &p.place) {
        names.push((place.node.clone(), "node"));
    }
    let Some(node) = &moment.node else { return };
    let text = |pointer: &str| {
        node.pointer(pointer)
            .and_then(|v| v.as_str())
            .unwrap_or_default()
            .to_owned()
    };
    names.push((text("/metadata/name"), "node"));
    names.push((text("/metadata/labels/kubernetes.io~1hostname"), "node"));
    names.push((text("/status/nodeInfo/machineID"), "machine"));
    names.push((text("/status/nodeInfo/systemUUID"), "machine"));
    names.push((text("/spec/providerID"), "machine"));
    let addresses = node.pointer("/status/addresses").and_then(|a| a.as_array());
    for address in addresses.into_iter().flatten() {
        let value = address.get("address").and_then(|v| v.as_str()).unwrap_or_default();
        names.push((value.to_owned(), "host"));
        // The domain behind a host's name.
        if let Some((_, domain)) = value.split_once('.').filter(|_| value.parse::<IpAddr>().is_err()) {
            names.push((domain.to_owned(), "domain"));
        }
    }
}

impl Material {
    /// Takes out what no text of the report needs: values of labels.
    pub fn forget_labels(&mut self) {
        use crate::model::goroutine_label;
        for taken in self.moments.iter_mut().flat_map(|m| &mut m.profiles) {
            let p = &mut taken.profile;
            let keep: Vec<_> = goroutine_label::ALL
                .iter()
                .chain(&["bytes"])
                .filter_map(|k| p.strings.find(k))
                .collect();
            p.samples.retain_labels(|l| keep.contains(&l.key));
            p.comments.clear();
        }
    }
}
