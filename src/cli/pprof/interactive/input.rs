//! Where the lines of a session come from: a terminal with line editing, or whatever standard input is.

use std::io::{self, BufRead, Write};

#[cfg(feature = "shell")]
use rustyline::{DefaultEditor, error::ReadlineError};

/// A source of lines.
pub(super) enum Input {
    /// The prompt goes to stdout, as that of pprof does.
    Plain(io::StdinLock<'static>),
    #[cfg(feature = "shell")]
    Terminal(Box<DefaultEditor>),
}

impl Input {
    /// Line editing on terminals that are no dumb ones.
    pub(super) fn new() -> io::Result<Self> {
        #[cfg(feature = "shell")]
        {
            use std::io::IsTerminal as _;
            let capable = std::env::var_os("TERM").is_some_and(|t| !t.is_empty() && t != "dumb");
            if capable && io::stdin().is_terminal() {
                let editor = DefaultEditor::new().map_err(io::Error::other)?;
                return Ok(Self::Terminal(Box::new(editor)));
            }
        }
        Ok(Self::Plain(io::stdin().lock()))
    }

    /// The next line; `None` at the end.
    pub(super) fn line(&mut self, prompt: &str) -> io::Result<Option<String>> {
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
            Self::Terminal(editor) => match editor.readline(prompt) {
                Ok(line) => {
                    // The history is a convenience.
                    let _ = editor.add_history_entry(line.as_str());
                    Ok(Some(line))
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
                Err(e) => Err(io::Error::other(e)),
            },
        }
    }
}
