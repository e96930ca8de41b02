//! The terminal of a session: what Ctrl-C ends, and where the history is.
//!
//! Ctrl-C ends the line or the answer, never the session.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};

use super::super::prompt::complete::{CommandWords, Offers, Words};
use super::super::prompt::lines::{Terminal, Typed};
use super::statement::{Flow, OWN};
use super::{Session, help};

/// Asks for lines until there are no more.
pub(super) fn ask(session: &mut Session) -> Result<()> {
    let mut terminal = Terminal::new(offers(session), history_file()).context("cannot use the terminal")?;
    let stop = Arc::new(AtomicBool::new(false));
    // Without the handler Ctrl-C would end the session, which is no reason not to begin it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, stop.clone());
    session.stop = Some(stop.clone());
    if !session.out.quiet {
        say!("{}", help::banner(session));
    }
    loop {
        let line = match terminal.next("(kubeprof) ").context("cannot read from the terminal")? {
            Typed::Line(line) => line,
            Typed::Interrupt => continue,
            Typed::End => return Ok(()),
        };
        stop.store(false, Ordering::Relaxed);
        match session.line(&line) {
            Ok(Flow::Quit) => return Ok(()),
            Ok(Flow::On(_)) => {}
            Err(e) => super::super::fail(&e),
        }
        if stop.load(Ordering::Relaxed) {
            terminal.drop_pasted();
        }
    }
}

/// What Tab offers in this session.
fn offers(session: &Session) -> Offers {
    let words = Words {
        own: OWN.iter().map(|(name, _)| *name).collect(),
        commands: { session.command_names() }
            .filter_map(|name| session.command(&name).map(CommandWords::of))
            .collect(),
        subsystems: { session.held.knowledge.subsystems().iter() }
            .map(|s| s.key.clone())
            .collect(),
    };
    Offers::new(&session.held.profile, &session.catalogue, words)
}

/// Where lines are kept: `kubeprof/history` in the user's state directory.
fn history_file() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")))?;
    let folder = state.join("kubeprof");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::super::prompt::complete::Offers;
    use super::super::super::{Cli, Command};
    use super::super::Session;

    fn offers() -> Offers {
        let heap = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/fixtures/captures/ctx-leak-1.36.1/s10-heap.pb.gz"
        );
        let Ok(Command::Shell(args)) = Cli::try_parse_from(["kubeprof", "shell", heap]).map(|c| c.command) else {
            panic!("no shell");
        };
        let sources = super::super::super::open::sources(&args.input).expect("sources");
        let held = sources.subject().expect("a profile");
        super::offers(&Session::new(held, args.input, args.out))
    }

    #[test]
    fn everywhere_in_a_line() {
        let offers = offers();
        let lists = |line: &str| -> Vec<String> {
            let (at, found) = offers.at(line, line.len());
            assert!(at <= line.len(), "{line}");
            found
                .into_iter()
                .map(|o| format!("{}{}", &line[..at], o.inserted))
                .collect()
        };
        for (line, becomes) in [
            ("pee", "peek "),
            ("foc", "focus="),
            ("inuse_o", "inuse_objects "),
            ("top; tra", "top; traces "),
            ("by sub", "by subsystem"),
            ("by=pac", "by=package"),
            ("sort = c", "sort = cum"),
            ("mean=t", "mean=true"),
            ("sample_index=inuse_o", "sample_index=inuse_objects"),
            ("subsystem=pleg,volume-o", "subsystem=pleg,volume-operations"),
            ("unit=M", "unit=MB"),
            ("tagshow=by", "tagshow=bytes"),
            ("top --relative", "top --relative-percentages"),
            ("top --by=mod", "top --by=module"),
            ("top --by mod", "top --by module"),
            ("top -o mark", "top -o markdown"),
            ("top10 --nodef", "top10 --nodefraction"),
            ("unset show_", "unset show_from"),
            ("help pee", "help peek"),
            ("peek startPodSy", "peek kubelet.\\(\\*podWorkers\\).startPodSync"),
            ("top a|startPodSy", "top a|kubelet.\\(\\*podWorkers\\).startPodSync"),
            ("top -startpodsy", "top -kubelet.\\(\\*podWorkers\\).startPodSync"),
            (
                "focus=podWorkers.start",
                "focus=kubelet.\\(\\*podWorkers\\).startPodSync",
            ),
            ("raw > Cargo.to", "raw > Cargo.toml"),
            ("raw >>src/cl", "raw >>src/cli/"),
        ] {
            let found = lists(line);
            let same = |f: &String| f.replace("pkg/kubelet.", "kubelet.") == becomes;
            assert!(found.len() == 1 && same(&found[0]), "{line}: {found:?}");
        }
        for line in [
            "top | he",
            "bogus x",
            "top > /no/such/folder/x",
            "focus=no-such-function",
            "peek ",
        ] {
            assert!(lists(line).is_empty(), "{line}: {:?}", lists(line));
        }
        // Where many match there are packages.
        let many = lists("peek k8s.io/");
        assert!(many.len() > 10 && many.iter().all(|o| o.ends_with('.')), "{many:?}");
        // Any place of any line.
        for line in ["focus=é|\\", "top 'a b", "by  ", "= x", "--", "-", "x=;|>", "help ; by"] {
            for pos in (0..=line.len()).filter(|&i| line.is_char_boundary(i)) {
                let (at, _) = offers.at(line, pos);
                assert!(at <= pos && line.is_char_boundary(at), "{line} at {pos}");
            }
        }
    }
}
