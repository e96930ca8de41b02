//! A line of the prompt -> statements: the words of pprof's prompt, with pipes and redirection that work.
//!
//! `;` separates statements; `#` at the start of one, and ` //:` anywhere, begin a comment. `>`, `>>` and `|` count at the
//! start of a word only, so that `foo|bar` stays an expression; what follows a pipe belongs to the system's shell as it
//! stands. Quotes make one word of anything; backslashes are left to expressions. What the words mean is decided in
//! `statement`.

use crate::cli::hints::Failure;
use std::path::PathBuf;

use anyhow::{Result, bail};

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// Without its quotes.
    pub(super) text: String,
    /// Whether it began with a quote; then it is never a flag or a number.
    pub(super) quoted: bool,
}

/// Where the answer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Target {
    /// Standard output.
    #[default]
    Screen,
    /// A file, replaced.
    File(PathBuf),
    /// A file, continued.
    Append(PathBuf),
    /// A command of the system's shell.
    Pipe(String),
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Statement {
    /// `name=value`.
    Assign {
        /// Left of the sign.
        name: String,
        /// Right of it, spaces and quotes around it cut off.
        value: String,
    },
    /// Words, at least one.
    Run {
        /// The first is the command.
        words: Vec<Word>,
        /// Where the answer goes.
        target: Target,
    },
}

/// Reads the statements of a line.
///
/// # Errors
/// When a quote stays open or a pipe or redirection leads nowhere.
pub(super) fn statements(line: &str) -> Result<Vec<Statement>> {
    let mut statements = Vec::new();
    for text in split(line)? {
        if let Some(statement) = statement(text)? {
            statements.push(statement);
        }
    }
    Ok(statements)
}

/// Cuts at `;` outside of quotes, and comments off.
fn split(line: &str) -> Result<Vec<&str>> {
    let mut parts = Vec::new();
    let mut quote = None;
    let mut start = 0;
    // Brackets of the system's shell hold its own semicolons.
    let (mut piped, mut depth) = (false, 0usize);
    let mut blank = true;
    for (i, c) in line.char_indices() {
        let at_word = std::mem::replace(&mut blank, c.is_whitespace());
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '|') if at_word => piped = true,
            (None, '(' | '{') if piped => depth += 1,
            (None, ')' | '}') if piped => depth = depth.saturating_sub(1),
            (None, ';') if depth == 0 => {
                piped = false;
                blank = true;
                parts.push(&line[start..i]);
                start = i + 1;
            }
            (None, '#') if line[start..i].trim().is_empty() => return Ok(parts),
            (None, '/') if line[i..].starts_with("//:") && line[..i].ends_with([' ', '\t']) => {
                parts.push(&line[start..i]);
                return Ok(parts);
            }
            (None, _) => {}
        }
    }
    if let Some(q) = quote {
        bail!(Failure::new(
            format!("unclosed quote ({q})"),
            "put the word in the other kind of quotes"
        ));
    }
    parts.push(&line[start..]);
    Ok(parts)
}

fn statement(text: &str) -> Result<Option<Statement>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some((name, value)) = text.split_once('=') {
        let name = name.trim_end();
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        if name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name) {
            return Ok(Some(Statement::Assign {
                name: name.to_owned(),
                value: unquote(value.trim()).to_owned(),
            }));
        }
    }
    let (words, target) = words(text)?;
    if words.is_empty() {
        bail!("no command before the pipe or redirection");
    }
    Ok(Some(Statement::Run { words, target }))
}

/// A text without the quotes around it.
fn unquote(text: &str) -> &str {
    for q in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(q).and_then(|t| t.strip_suffix(q))
            && !inner.contains(q)
        {
            return inner;
        }
    }
    text
}

fn words(text: &str) -> Result<(Vec<Word>, Target)> {
    let mut words = Vec::new();
    let mut target = Target::Screen;
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Ok((words, target));
        }
        if let Some(command) = rest.strip_prefix('|') {
            let command = command.trim();
            if command.is_empty() {
                bail!(Failure::new(
                    "no program after the pipe",
                    "name a command, for instance `top | head`"
                ));
            }
            if target != Target::Screen {
                bail!(Failure::new(
                    "the answer cannot go to a file and a pipe",
                    "redirect after the pipe, or use `| tee FILE`"
                ));
            }
            return Ok((words, Target::Pipe(command.to_owned())));
        }
        if let Some(after) = rest.strip_prefix('>') {
            let (append, after) = match after.strip_prefix('>') {
                Some(after) => (true, after),
                None => (false, after),
            };
            let (file, after) = word(after.trim_start());
            if file.text.is_empty() {
                bail!(Failure::new(
                    "no file name after >",
                    "name a file, for instance `top > top.txt`"
                ));
            }
            if target != Target::Screen {
                bail!("only one redirection is allowed");
            }
            let path = home(&file);
            target = if append {
                Target::Append(path)
            } else {
                Target::File(path)
            };
            rest = after;
            continue;
        }
        let (next, after) = word(rest);
        words.push(next);
        rest = after;
    }
}

/// The word at the start of `text`, and what follows it.
fn word(text: &str) -> (Word, &str) {
    let quoted = text.starts_with(['"', '\'']);
    let mut out = String::new();
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, c) if c.is_whitespace() => return (Word { text: out, quoted }, &text[i..]),
            (_, c) => out.push(c),
        }
    }
    (Word { text: out, quoted }, "")
}

/// `~/` at the start of a file name is the home folder, as the user's shell has it.
fn home(file: &Word) -> PathBuf {
    if let Some(below) = file.text.strip_prefix("~/").filter(|_| !file.quoted)
        && let Some(home) = std::env::var_os("HOME")
    {
        return PathBuf::from(home).join(below);
    }
    PathBuf::from(&file.text)
}

#[cfg(test)]
mod tests {
    use super::{Statement, Target, Word, statements};

    fn run(line: &str) -> (Vec<String>, Target) {
        match statements(line).unwrap().pop() {
            Some(Statement::Run { words, target }) => (words.into_iter().map(|w| w.text).collect(), target),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn pipes_count_at_the_start_of_a_word() {
        assert_eq!(
            run("top a|b | grep 'x|y' > out"),
            (
                vec!["top".into(), "a|b".into()],
                Target::Pipe("grep 'x|y' > out".into())
            )
        );
        assert_eq!(run("top |wc -l").1, Target::Pipe("wc -l".into()));
        assert_eq!(run("peek (*T).m").0, ["peek", "(*T).m"]);
    }

    #[test]
    fn redirection() {
        assert_eq!(
            run("top >a b"),
            (vec!["top".into(), "b".into()], Target::File("a".into()))
        );
        assert_eq!(run("top >> 'a b'").1, Target::Append("a b".into()));
        assert_eq!(run("top a>b").0, ["top", "a>b"]);
        for bad in ["top >", "top |", "top > a > b", "top > a | b", "| x", "top 'a"] {
            assert!(statements(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn semicolons_and_comments() {
        assert_eq!(statements("top; ; peek x;").unwrap().len(), 2);
        assert_eq!(statements("top 'a;b'").unwrap().len(), 1);
        assert_eq!(statements("top | awk '{print $1; print $2}'").unwrap().len(), 1);
        assert_eq!(
            run("top | (sort; echo {a;}) | cat; tree | { cat; }").1,
            Target::Pipe("{ cat; }".into())
        );
        assert_eq!(statements("top (a; tree").unwrap().len(), 2);
        assert_eq!(statements("top; # peek x; tree").unwrap().len(), 1);
        assert!(statements("  # nothing").unwrap().is_empty());
        assert_eq!(
            statements("sort = cum   //: flat or cum; see help").unwrap(),
            [Statement::Assign {
                name: "sort".into(),
                value: "cum".into()
            }]
        );
    }

    #[test]
    fn assignments_take_the_rest() {
        for (line, value) in [
            ("focus=a b|c", "a b|c"),
            ("focus =  'a b' ", "a b"),
            ("focus=", ""),
            ("focus=a=b", "a=b"),
            ("focus=\\(\\*T\\)", "\\(\\*T\\)"),
        ] {
            let expected = Statement::Assign {
                name: "focus".into(),
                value: value.into(),
            };
            assert_eq!(statements(line).unwrap(), [expected], "{line}");
        }
        assert_eq!(run("peek a=b").0, ["peek", "a=b"]);
    }

    #[test]
    fn quotes() {
        let Some(Statement::Run { words, .. }) = statements("peek \"10\" -'x y'").unwrap().pop() else {
            panic!("no words");
        };
        let word = |text: &str, quoted| Word {
            text: text.into(),
            quoted,
        };
        assert_eq!(words, [word("peek", false), word("10", true), word("-x y", false)]);
    }
}
