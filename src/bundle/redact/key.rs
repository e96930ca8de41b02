//! Pseudonyms: stable, so that equal names stay equal in all that is redacted with one key, and kept apart, so that only
//! the holder of the key can turn them back.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::bundle::names;

/// What stands in place of a secret. Secrets have no pseudonym: they must not be recoverable.
pub use crate::secrets::MASK;

/// What a name is the name of; part of its pseudonym.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// A node.
    Node,
    /// An address of the network.
    Address,
    /// A host.
    Host,
    /// A user, a service account, the owner of a home folder.
    User,
    /// The value of a label.
    Label,
    /// A machine or a boot.
    Machine,
}

impl Class {
    fn as_str(self) -> &'static str {
        match self {
            Class::Node => "node",
            Class::Address => "addr",
            Class::Host => "host",
            Class::User => "user",
            Class::Label => "label",
            Class::Machine => "machine",
        }
    }
}

/// The secret of the pseudonyms, and what they stand for. To be kept apart from what was redacted with it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Key {
    /// `kubeprof/redaction-key/1`.
    schema: String,
    /// 32 random bytes in hex.
    secret: String,
    /// Pseudonym to name.
    names: BTreeMap<String, String>,
}

const SCHEMA: &str = "kubeprof/redaction-key/1";

impl Key {
    /// A key of 32 random bytes.
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            secret: names::hex(&secret),
            names: BTreeMap::new(),
        }
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let key: Key = serde_json::from_slice(text).map_err(|e| e.to_string())?;
        if key.schema != SCHEMA || key.secret.len() != 64 {
            return Err("it is no redaction key".to_owned());
        }
        Ok(key)
    }

    /// The key file.
    pub fn to_json(&self) -> Vec<u8> {
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        text
    }

    /// How many names it holds.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names that it hides.
    pub fn hidden(&self) -> impl Iterator<Item = &str> {
        self.names.values().map(String::as_str)
    }

    /// Whether a name is one of its pseudonyms.
    pub(super) fn is_pseudonym(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The pseudonym of a name. What is one already stays.
    pub fn pseudonym(&mut self, class: Class, name: &str) -> String {
        if self.names.contains_key(name) {
            return name.to_owned();
        }
        let hashed = format!("{}\0{}\0{name}", self.secret, class.as_str());
        let digest = names::hex(&Sha256::digest(hashed.as_bytes()));
        // Two names never share one.
        for length in [8, 16, 32, 64] {
            let pseudonym = format!("{}-{}", class.as_str(), &digest[..length]);
            match self.names.get(&pseudonym) {
                Some(known) if known != name => {}
                Some(_) => return pseudonym,
                None => {
                    self.names.insert(pseudonym.clone(), name.to_owned());
                    return pseudonym;
                }
            }
        }
        format!("{}-{digest}", class.as_str())
    }
}
