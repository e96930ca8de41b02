//! JSON documents: nodes, configurations, versions, bodies of answers. A key says what its value is; keys of free maps
//! (labels, capacity) are names themselves.

use serde_json::{Map, Value};

use super::key::Class;
use super::names::Names;
use super::vocabulary::{is_setting, is_term, is_well_known};
use crate::secrets;

/// Keys all of whose strings, however deep, are names.
const NAMES: [&str; 12] = [
    "labels",
    "annotations",
    "nodeLabels",
    "matchLabels",
    "images",
    "volumesInUse",
    "preloadedImagesVerificationAllowlist",
    "ownerReferences",
    "finalizers",
    "allowedUnsafeSysctls",
    "reservedMemory",
    "staticPodURLHeader",
];

/// Below [`NAMES`]: keys whose strings are words of Kubernetes.
const WORDS: [&str; 3] = ["kind", "apiVersion", "effect"];

impl Names<'_> {
    /// A document of a node, a configuration or a version.
    pub(super) fn json(&mut self, value: &mut Value) {
        secrets::json(value);
        self.walk(value, "");
    }

    fn walk(&mut self, value: &mut Value, under: &str) {
        match value {
            Value::String(s) => *s = self.string(s, under),
            Value::Array(items) => items.iter_mut().for_each(|v| self.walk(v, under)),
            Value::Object(map) => self.object(map, under),
            _ => {}
        }
    }

    fn string(&mut self, text: &str, under: &str) -> String {
        match under {
            "uid" | "externalID" | "resourceVersion" | "continue" | "generateName" => self.machine(text),
            _ if NAMES.contains(&under) => self.label_value(text),
            // `https://...` in a document that names hosts; all else called so is a name.
            "name" | "address" | "hostname" | "nodeName" => match self.class_of(text) {
                Some(class) => self.hidden(class, text),
                None => self.label(text),
            },
            _ => self.setting(under, text),
        }
    }

    fn object(&mut self, map: &mut Map<String, Value>, under: &str) {
        // Who wrote which field when is nothing of a kubelet's, and holds every key again.
        map.remove("managedFields");
        let is_taint = map.contains_key("effect") && map.contains_key("key");
        let is_volume = map.contains_key("devicePath");
        let kind = map.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_host = matches!(kind.as_str(), "Hostname" | "InternalDNS" | "ExternalDNS");
        let is_address = is_host || matches!(kind.as_str(), "InternalIP" | "ExternalIP");
        let labels = matches!(under, "labels" | "annotations" | "nodeLabels" | "matchLabels");
        let inherits = NAMES.contains(&under);
        for (key, mut v) in std::mem::take(map) {
            match (&mut v, key.as_str()) {
                (Value::String(s), "key") if is_taint => *s = self.label_key(s),
                (Value::String(s), "value") if is_taint => *s = self.label_value(s),
                (Value::String(s), "name" | "devicePath") if is_volume => *s = self.label(s),
                (Value::String(s), "address") if is_address => {
                    *s = match self.endpoint(s) {
                        Some(address) => address,
                        None if self.is_node(s) => self.node(s),
                        None if self.class_of(s).is_none() && !s.contains('.') => self.hidden(Class::Host, s),
                        None => self.host(s),
                    };
                }
                (Value::String(s), "uid") => *s = self.machine(s),
                (Value::String(s), word) if inherits && WORDS.contains(&word) && !labels => *s = self.prose(s),
                (v, _) => self.walk(v, if inherits { under } else { &key }),
            }
            let key = if labels {
                self.label_key(&key)
            } else {
                self.key_of_document(key)
            };
            map.insert(key, v);
        }
    }

    /// A key of a document: a word of Kubernetes, or a name that a user chose.
    fn key_of_document(&mut self, key: String) -> String {
        let given = key.contains(['.', '/', ':']) && !is_term(&key);
        if is_well_known(&key) {
            self.label_key(&key)
        } else if !given && (is_setting(&key) || is_term(&key)) && !self.is_node(&key) {
            key
        } else {
            match key.split_once('/') {
                // Devices that everybody has: `nvidia.com/gpu`.
                Some((domain, name)) if super::vocabulary::is_public_host(domain) && is_setting(name) => key,
                _ => self.label(&key),
            }
        }
    }
}
