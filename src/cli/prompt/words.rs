//! The words after a command that every prompt reads alike: `top10`, `REGEX`, `-REGEX`.

/// What keeps and drops samples.
#[derive(Debug, Default)]
pub(crate) struct Filters {
    /// `REGEX`.
    pub(crate) focus: Vec<String>,
    /// `-REGEX`.
    pub(crate) ignore: Vec<String>,
}

impl Filters {
    /// The options that they set for a command, with one expression each: any of several may match.
    pub(crate) fn options(&self, command: &str) -> impl Iterator<Item = (&'static str, String)> {
        let (focus, ignore) = match command {
            "tags" => ("tagfocus", "tagignore"),
            _ => ("focus", "ignore"),
        };
        let any = |all: &[String]| {
            let typed: Vec<&str> = all.iter().map(String::as_str).filter(|e| !e.is_empty()).collect();
            (!all.is_empty()).then(|| typed.join("|"))
        };
        let both = [
            any(&self.focus).map(|e| (focus, e)),
            any(&self.ignore).map(|e| (ignore, e)),
        ];
        both.into_iter().flatten()
    }
}

/// A command and the number that is written with it.
pub(crate) fn numbered(word: &str) -> Option<(&str, &str)> {
    let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    (letters > 0 && letters < word.len()).then(|| word.split_at(letters))
}
