//! Sentences of kubeprof's own in manifests of format 1.
//!
//! Format 2 has fields. For a sentence of format 1 the words of that kubeprof, which do not change any more, say which names
//! are users; all else in it is hidden by `prose`, as in any text.

use std::sync::LazyLock;

use regex::Regex;

use super::names::Names;

static USERS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#"\b(?:you are|knows you as|own user|own certificate|whether) \(?"([^"\\]+)""#,
        r"--user='([^'\n]+)'",
        r"--serviceaccount=([^\s'\x22\\]+)",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("a pattern of this file"))
    .collect()
});

impl Names<'_> {
    /// Takes note of the users that a sentence names.
    pub(super) fn learn_from_sentence(&mut self, sentence: &str) {
        for pattern in USERS.iter() {
            let found: Vec<String> = pattern.captures_iter(sentence).map(|c| c[1].to_owned()).collect();
            found.iter().for_each(|name| self.know_user(name));
        }
        self.learn_users(sentence);
    }

    /// A sentence without names. One that is called like a word is found where a sentence quotes it.
    pub(super) fn sentence(&mut self, sentence: &str) -> String {
        let mut text = sentence.to_owned();
        for pattern in USERS.iter() {
            let found: Vec<String> = pattern.captures_iter(&text).map(|c| c[1].to_owned()).collect();
            for name in found {
                let hidden = self.user(&name);
                text = ["\"", "'"].iter().fold(text, |text, quote| {
                    text.replace(&format!("{quote}{name}{quote}"), &format!("{quote}{hidden}{quote}"))
                });
                text = text.replace(
                    &format!("--serviceaccount={name}"),
                    &format!("--serviceaccount={hidden}"),
                );
            }
        }
        self.prose(&text)
    }
}
