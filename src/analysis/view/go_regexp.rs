//! Regular expressions as Go writes them (RE2), compiled by this crate's engine.
//!
//! The engines agree but for details that names bring up all the time: in Go a brace that is no repetition is itself
//! (`interface {}`), so is a bracket within a class, `\w`, `\d`, `\s` and `\b` are ASCII, `\<` is no word boundary, and
//! `a**` is a mistake. What is translated matches the same texts; what Go refuses is refused.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

use crate::analysis::QueryError;

/// Compiles an expression of Go's syntax. `option` is where it stands, for the error.
pub(in crate::analysis) fn compile(option: &'static str, text: &str) -> Result<Regex, QueryError> {
    let fail = |reason: String| QueryError::Regex {
        option,
        text: text.to_owned(),
        reason,
    };
    let translated = translate(text).map_err(|reason| fail(reason.to_owned()))?;
    regex::RegexBuilder::new(&translated)
        .size_limit(64 << 20)
        .build()
        .map_err(|e| {
            // The engine draws a picture of several lines; its last one says what is wrong.
            let drawing = e.to_string();
            let reason = drawing.lines().last().unwrap_or_default();
            fail(reason.trim_start_matches("error: ").to_owned())
        })
}

/// An expression of Go's syntax, for what looks at names outside of this room.
#[derive(Debug, Clone)]
pub struct Expression(Regex);

impl Expression {
    /// Compiles `text`; `option` is where it stands, for the error.
    ///
    /// # Errors
    /// When it is malformed.
    pub fn new(option: &'static str, text: &str) -> Result<Self, QueryError> {
        compile(option, text).map(Self)
    }

    /// Whether `text` has a match.
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// Repetitions beyond this are refused by Go.
const MAX_REPEAT: u32 = 1000;

fn translate(text: &str) -> Result<String, &'static str> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut chars = text.chars().peekable();
    // Whether the last thing was a repetition, which cannot be repeated.
    let mut repeated = false;
    while let Some(c) = chars.next() {
        let was_repeated = std::mem::take(&mut repeated);
        match c {
            '*' | '+' | '?' => {
                if was_repeated {
                    return Err("invalid nested repetition operator");
                }
                out.push(c);
                lazy(&mut chars, &mut out);
                repeated = true;
            }
            '{' => match repetition(&chars)? {
                Some(len) => {
                    if was_repeated {
                        return Err("invalid nested repetition operator");
                    }
                    out.push('{');
                    out.extend(chars.by_ref().take(len));
                    lazy(&mut chars, &mut out);
                    repeated = true;
                }
                None => out.push_str(r"\{"),
            },
            '}' | ']' => literal(c, &mut out),
            '[' => class(&mut chars, &mut out)?,
            '\\' => escape(&mut chars, &mut out)?,
            '(' => {
                out.push('(');
                if chars.next_if_eq(&'?').is_some() {
                    out.push('?');
                }
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

fn lazy(chars: &mut Peekable<Chars<'_>>, out: &mut String) {
    if chars.next_if_eq(&'?').is_some() {
        out.push('?');
    }
}

fn literal(c: char, out: &mut String) {
    out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
}

/// How many characters of a repetition `n}`, `n,}` or `n,m}` stand here; `None` when it is none.
fn repetition(chars: &Peekable<Chars<'_>>) -> Result<Option<usize>, &'static str> {
    let mut chars = chars.clone();
    let mut len = 1;
    let mut number = || {
        let mut digits = String::new();
        while let Some(d) = chars.next_if(char::is_ascii_digit) {
            digits.push(d);
        }
        let after = chars.next();
        len += digits.len();
        (digits, after)
    };
    // Leading zeros are no number there.
    let is_number = |digits: &str| digits == "0" || !digits.is_empty() && !digits.starts_with('0');
    let value = |digits: &str| digits.parse().unwrap_or(u32::MAX);
    let (low, after) = number();
    if !is_number(&low) {
        return Ok(None);
    }
    let high = match after {
        Some('}') => low.clone(),
        Some(',') => {
            let (high, after) = number();
            len += 1;
            if after != Some('}') || !high.is_empty() && !is_number(&high) {
                return Ok(None);
            }
            high
        }
        _ => return Ok(None),
    };
    if value(&low) > MAX_REPEAT || !high.is_empty() && (value(&high) > MAX_REPEAT || value(&high) < value(&low)) {
        return Err("invalid repeat count");
    }
    Ok(Some(len))
}

const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\x0C\r ";

/// What stands behind a backslash outside a class.
fn escape(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    let Some(c) = chars.next() else {
        return Err("trailing backslash at end of expression");
    };
    match c {
        'd' | 'w' | 's' | 'D' | 'W' | 'S' => {
            let not = if c.is_ascii_uppercase() { "^" } else { "" };
            out.push_str(&format!("[{not}{}]", perl_class(c)));
        }
        'b' => out.push_str(r"(?-u:\b)"),
        'Q' => {
            let rest: String = chars.clone().collect();
            let quoted = rest.find(r"\E").map_or(rest.as_str(), |end| &rest[..end]);
            out.push_str(&regex::escape(quoted));
            let skip = quoted.chars().count() + if quoted.len() == rest.len() { 0 } else { 2 };
            chars.by_ref().take(skip).for_each(drop);
        }
        'E' => {}
        c if c.is_ascii_punctuation() => literal(c, out),
        c => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(())
}

fn perl_class(c: char) -> &'static str {
    match c.to_ascii_lowercase() {
        'd' => DIGIT,
        'w' => WORD,
        _ => SPACE,
    }
}

/// A class, from behind its opening bracket.
fn class(chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    loop {
        let Some(c) = chars.next() else {
            return Err("missing closing ]");
        };
        match c {
            ']' if !first => break,
            '[' if chars.peek() == Some(&':') => {
                let rest: String = chars.clone().take(16).collect();
                match rest.find(":]") {
                    Some(end) if end > 0 => {
                        out.push('[');
                        out.extend(chars.by_ref().take(end + 2));
                    }
                    _ => range(c, chars, out)?,
                }
            }
            '\\' if matches!(chars.peek(), Some('d' | 'w' | 's' | 'D' | 'W' | 'S' | 'p' | 'P')) => {
                match chars.next().unwrap_or_default() {
                    c @ ('d' | 'w' | 's') => out.push_str(perl_class(c)),
                    c @ ('D' | 'W' | 'S') => out.push_str(&format!("[^{}]", perl_class(c))),
                    c => {
                        out.push('\\');
                        out.push(c);
                        // One letter, or a name in braces.
                        let name = chars.next().unwrap_or_default();
                        out.push(name);
                        while name == '{' && !out.ends_with('}') {
                            out.push(chars.next().ok_or("missing closing ]")?);
                        }
                    }
                }
            }
            c => range(c, chars, out)?,
        }
        first = false;
    }
    out.push(']');
    Ok(())
}

/// A character of a class, or the first one of a range.
fn range(first: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    class_character(first, chars, out)?;
    let mut ahead = chars.clone();
    if ahead.next() == Some('-') && ahead.peek().is_some_and(|&c| c != ']') {
        chars.next();
        out.push('-');
        let last = chars.next().unwrap_or_default();
        class_character(last, chars, out)?;
    }
    Ok(())
}

fn class_character(c: char, chars: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<(), &'static str> {
    if c != '\\' {
        class_literal(c, out);
        return Ok(());
    }
    match chars.next() {
        None => return Err("trailing backslash at end of expression"),
        Some(c) if c.is_ascii_punctuation() => class_literal(c, out),
        Some('x') if chars.next_if_eq(&'{').is_some() => {
            out.push_str(r"\x{");
            while !out.ends_with('}') {
                out.push(chars.next().ok_or("missing closing ]")?);
            }
        }
        Some('x') => {
            out.push_str(r"\x");
            out.extend(chars.by_ref().take(2));
        }
        Some(c) => {
            out.push('\\');
            out.push(c);
        }
    }
    Ok(())
}

fn class_literal(c: char, out: &mut String) {
    if c.is_ascii_punctuation() && !matches!(c, '_' | '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn matches_what_go_matches() {
        for (expression, text, want) in [
            (r"interface {", "go.shape.interface { Foo() }", true),
            (r"{}", "struct{}", true),
            (r"a{2}", "aa", true),
            (r"^a{2}$", "a{2}", false),
            (r"^a{,2}$", "a{,2}", true),
            (r"^a{02}$", "a{02}", true),
            (r"[[]x", "[x", true),
            (r"[]a]+$", "]a", true),
            (r"[a&&b]", "&", true),
            (r"[a~~b]", "~", true),
            (r"[a-]", "-", true),
            (r"^[\w.]+$", "main.f", true),
            (r"^[^\d]+$", "ab1", false),
            (r"^[\D]$", "x", true),
            (r"^\w$", "é", false),
            (r"^.$", "é", true),
            (r"\<init\>", "Foo.<init>", true),
            (r"\Q(*T).\E", "main.(*T).f", true),
            (r"\Qa.b", "axb", false),
            (r"]\)\.", "T[int]).x", true),
            (r"(?i)KUBELET", "pkg/kubelet", true),
            (r"[[:alpha:]]+$", "a1", false),
            (r"x|", "", true),
            (r"^a+?b$", "aab", true),
            (r"\bfib\b", "main.fib(x)", true),
            (r"[+--]", ",", true),
            (r"^[\w-.]+$", "a-b.c", true),
            (r"^[a-c-e]+$", "b-e", true),
            (r"^[a-c-e]+$", "d", false),
            (r"^[\x{41}-\x43]$", "B", true),
            (r"^[\pL]$", "é", true),
            (r"^[\p{Greek}x]$", "α", true),
            (r"\x41\t?", "A", true),
            (r"^[^/]*/$", "ab/", true),
        ] {
            let re = compile("focus", expression).expect(expression);
            assert_eq!(re.is_match(text), want, "{expression} on {text}");
        }
    }

    #[test]
    fn refuses_what_go_refuses() {
        for expression in [
            "(", "a**", "a+*", "a{2}{3}", "a{1001}", "a{3,2}", "[a", "*a", r"\", "a)",
        ] {
            assert!(compile("focus", expression).is_err(), "{expression}");
        }
    }
}
