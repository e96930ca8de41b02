//! Names for people: type arguments shortened as Go itself prints them, bytes that would act on a terminal made visible.
//! What is stored and compared is always the full linker name.

use std::borrow::Cow;

/// The name with its type arguments as `[...]`, from the first bracket to the last, as Go's own stack traces print it.
#[must_use]
pub fn readable(name: &str) -> Cow<'_, str> {
    match (name.find('['), name.rfind(']')) {
        (Some(open), Some(close)) if open < close && &name[open..=close] != "[...]" => {
            Cow::Owned(format!("{}[...]{}", &name[..open], &name[close + 1..]))
        }
        _ => Cow::Borrowed(name),
    }
}

/// Whether a function is the runtime's own, as the runtime decides it when it leaves such frames out of heap profiles.
#[must_use]
pub fn is_runtime(name: &str) -> bool {
    name.starts_with("runtime.") || name.starts_with("internal/runtime/")
}

/// The text with control characters and direction marks written as escapes, so that a hostile file cannot drive the
/// terminal or forge lines of a report.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    let unsafe_char = |c: char| {
        c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(unsafe_char) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if unsafe_char(c) {
            out.extend(c.escape_default())
        } else {
            out.push(c)
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{printable, readable};

    #[test]
    fn type_arguments_as_go_prints_them() {
        assert_eq!(
            readable("main.(*stack[go.shape.[]int]).pop.func1"),
            "main.(*stack[...]).pop.func1"
        );
        assert_eq!(readable("main.f[a].g[b]"), "main.f[...]");
        assert_eq!(readable("main.]x["), "main.]x[");
        assert_eq!(readable("main.main"), "main.main");
    }

    #[test]
    fn nothing_reaches_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{202e}c"), "a\\u{1b}[2Jb\\n\\u{202e}c");
        assert_eq!(printable("main.(*T).f·1"), "main.(*T).f·1");
    }
}
