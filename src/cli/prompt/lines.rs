//! The lines of a session: from a terminal with line editing, completion and history, or from standard input as it is.
//!
//! The history is a convenience: where it cannot be read or written, the prompt works without.

use std::io::{self, BufRead, Write};

#[cfg(feature = "shell")]
pub(crate) use terminal::{Terminal, Typed};

/// A source of lines for a prompt that also runs without a terminal.
pub(crate) enum Lines {
    /// The prompt goes to stdout, as that of pprof does.
    Plain(io::StdinLock<'static>),
    #[cfg(feature = "shell")]
    Terminal(Box<Terminal>),
}

impl Lines {
    /// Standard input, without line editing.
    pub(crate) fn plain() -> Self {
        Self::Plain(io::stdin().lock())
    }

    /// The next line; `None` at the end, and after Ctrl-C at a terminal.
    pub(crate) fn next(&mut self, prompt: &str) -> io::Result<Option<String>> {
        match self {
            Self::Plain(stdin) => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(prompt.as_bytes())?;
                stdout.flush()?;
                let mut bytes = Vec::new();
                let n = stdin.read_until(b'\n', &mut bytes)?;
                Ok((n > 0).then(|| String::from_utf8_lossy(&bytes).into_owned()))
            }
            #[cfg(feature = "shell")]
            Self::Terminal(terminal) => Ok(match terminal.next(prompt)? {
                Typed::Line(line) => Some(line),
                Typed::Interrupt | Typed::End => None,
            }),
        }
    }
}

#[cfg(feature = "shell")]
mod terminal {
    use std::collections::VecDeque;
    use std::io::{self, IsTerminal as _};
    use std::path::PathBuf;

    use rustyline::completion::{Completer, Pair};
    use rustyline::error::ReadlineError;
    use rustyline::highlight::Highlighter;
    use rustyline::hint::Hinter;
    use rustyline::history::DefaultHistory;
    use rustyline::validate::Validator;
    use rustyline::{Behavior, CompletionType, Config, Context, Editor, Helper};

    use super::super::complete::{Offer, Offers};

    /// Lines that the history keeps.
    const KEPT: usize = 2000;

    /// Hands the offers to the line editor.
    struct Tab(Offers);

    impl Completer for Tab {
        type Candidate = Pair;

        fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
            let (at, offers) = self.0.at(line, pos);
            let pair = |o: Offer| Pair {
                display: o.shown,
                replacement: o.inserted,
            };
            Ok((at, offers.into_iter().map(pair).collect()))
        }
    }

    impl Hinter for Tab {
        type Hint = String;
    }
    impl Highlighter for Tab {}
    impl Validator for Tab {}
    impl Helper for Tab {}

    /// What a terminal gives.
    pub(crate) enum Typed {
        /// A line that is not blank.
        Line(String),
        /// Ctrl-C.
        Interrupt,
        /// Ctrl-D, or no terminal any more.
        End,
    }

    /// A terminal with line editing.
    pub(crate) struct Terminal {
        editor: Editor<Tab, DefaultHistory>,
        history: Option<PathBuf>,
        pasted: VecDeque<String>,
    }

    impl Terminal {
        /// A terminal that completes from these offers and keeps its history in a file.
        pub(crate) fn new(offers: Offers, history: Option<PathBuf>) -> io::Result<Self> {
            let config = Config::builder()
                .max_history_size(KEPT)
                .map_err(io::Error::other)?
                .history_ignore_dups(true)
                .map_err(io::Error::other)?
                .history_ignore_space(true)
                .completion_type(CompletionType::List)
                // The profile may have come on standard input.
                .behavior(Behavior::PreferTerm)
                .build();
            let mut editor = Editor::with_config(config).map_err(io::Error::other)?;
            editor.set_helper(Some(Tab(offers)));
            if let Some(file) = &history {
                let _ = editor.load_history(file);
            }
            Ok(Self {
                editor,
                history,
                pasted: VecDeque::new(),
            })
        }

        /// Whether standard input is a terminal that can edit lines.
        pub(crate) fn is_capable() -> bool {
            let capable = std::env::var_os("TERM").is_some_and(|t| !t.is_empty() && t != "dumb");
            capable && io::stdin().is_terminal()
        }

        /// The next line that is not blank.
        pub(crate) fn next(&mut self, prompt: &str) -> io::Result<Typed> {
            loop {
                if let Some(line) = self.pasted.pop_front() {
                    return Ok(Typed::Line(line));
                }
                let line = match self.editor.readline(prompt) {
                    Ok(line) => line,
                    Err(ReadlineError::Interrupted) => return Ok(Typed::Interrupt),
                    Err(ReadlineError::Eof) => return Ok(Typed::End),
                    Err(e) => return Err(io::Error::other(e)),
                };
                if line.trim().is_empty() {
                    continue;
                }
                let _ = self.editor.add_history_entry(line.as_str());
                if let Some(file) = &self.history {
                    let _ = self.editor.append_history(file);
                }
                // A paste comes as one line with line ends in it: all of them run.
                let lines = line.lines().filter(|l| !l.trim().is_empty());
                self.pasted.extend(lines.map(str::to_owned));
            }
        }

        /// Drops the rest of a paste.
        pub(crate) fn drop_pasted(&mut self) {
            self.pasted.clear();
        }
    }
}
