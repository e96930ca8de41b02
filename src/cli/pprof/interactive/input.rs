//! Where the lines of a session come from: a terminal with line editing, or whatever standard input is.

#[cfg(feature = "shell")]
use std::collections::VecDeque;
use std::io::{self, BufRead, Write};

#[cfg(feature = "shell")]
use rustyline::{DefaultEditor, error::ReadlineError};

/// A source of lines.
pub(super) enum Input {
    /// The prompt goes to stdout, as that of pprof does.
    Plain(io::StdinLock<'static>),
    #[cfg(feature = "shell")]
    Terminal(Box<DefaultEditor>, VecDeque<String>),
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
                return Ok(Self::Terminal(Box::new(editor), VecDeque::new()));
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
            Self::Terminal(_, pasted) if !pasted.is_empty() => Ok(pasted.pop_front()),
            #[cfg(feature = "shell")]
            Self::Terminal(editor, pasted) => match editor.readline(prompt) {
                Ok(line) => {
                    // The history is a convenience.
                    let _ = editor.add_history_entry(line.as_str());
                    // A paste comes as one line with line ends in it: all of them run.
                    pasted.extend(line.lines().map(str::to_owned));
                    Ok(Some(pasted.pop_front().unwrap_or_default()))
                }
                Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(None),
                Err(e) => Err(io::Error::other(e)),
            },
        }
    }
}
