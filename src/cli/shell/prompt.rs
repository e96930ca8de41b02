//! The terminal of a session: line editing, completion, history, and what Ctrl-C ends.
//!
//! Ctrl-C ends the line or the answer, never the session. The history is a convenience: where it cannot be read or written,
//! the prompt works without.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Behavior, CompletionType, Config, Context, Editor, Helper};

use super::complete::Offers;
use super::statement::Flow;
use super::{Session, help};

const PROMPT: &str = "(kubeprof) ";
/// Lines that the history keeps.
const KEPT: usize = 2000;

/// Hands the offers to the line editor.
struct Tab(Offers);

impl Completer for Tab {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (at, offers) = self.0.at(line, pos);
        let pair = |o: super::complete::Offer| Pair {
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

/// Asks for lines until there are no more.
pub(super) fn ask(session: &mut Session) -> Result<()> {
    let config = Config::builder()
        .max_history_size(KEPT)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        // The profile may have come on standard input.
        .behavior(Behavior::PreferTerm)
        .build();
    let mut editor: Editor<Tab, DefaultHistory> = Editor::with_config(config).context("cannot use the terminal")?;
    editor.set_helper(Some(Tab(Offers::new(session))));
    let history = history_file();
    if let Some(file) = &history {
        let _ = editor.load_history(file);
    }
    let stop = Arc::new(AtomicBool::new(false));
    // Without the handler Ctrl-C would end the session, which is no reason not to begin it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, stop.clone());
    session.stop = Some(stop.clone());
    if !session.out.quiet {
        say!("{}", help::banner(session));
    }
    loop {
        let line = match editor.readline(PROMPT) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(e) => return Err(e).context("cannot read from the terminal"),
        };
        if line.trim().is_empty() {
            continue;
        }
        let _ = editor.add_history_entry(line.as_str());
        if let Some(file) = &history {
            let _ = editor.append_history(file);
        }
        stop.store(false, Ordering::Relaxed);
        // A paste comes as one line with line ends in it: all of them run.
        for line in line.lines().filter(|l| !l.trim().is_empty()) {
            match session.line(line) {
                Ok(Flow::Quit) => return Ok(()),
                Ok(Flow::On(_)) => {}
                Err(e) => super::super::fail(&e),
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
}

/// Where lines are kept: `kubeprof/history` in the user's state directory.
fn history_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    let folder = state.join("kubeprof");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}
