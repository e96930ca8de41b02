//! Every option that a hint names exists on the command that prints it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Options of other programs, which hints speak of.
const FOREIGN: &[&str] = &[
    // kubectl
    "--accept-paths",
    "--clusterrole",
    "--minify",
    "--port",
    "--raw",
    "--reject-paths",
    "--resource",
    "--serviceaccount",
    "--show-labels",
    "--user",
    "--verb",
    // kube-apiserver and kubelet
    "--kubelet-client-certificate",
    "--node-ip",
];

/// The options in a text, and where they stand.
fn options(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("--") {
        let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let rest = &text[at + 2..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let before = text[..at].chars().next_back();
        let begins = before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-');
        if begins && rest.starts_with(|c: char| c.is_ascii_lowercase()) {
            found.push((at, text[at..at + 2 + end].trim_end_matches('-')));
        }
    }
    found
}

/// The options of a command, by its help.
fn known(command: &[&str]) -> Vec<String> {
    static HELP: OnceLock<Mutex<HashMap<String, Vec<String>>>> = OnceLock::new();
    let help = HELP.get_or_init(Mutex::default);
    let key = command.join(" ");
    if let Some(known) = help.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return known.clone();
    }
    let out = Command::new(env!("CARGO_BIN_EXE_kubeprof"))
        .args(command)
        .arg("--help")
        .output();
    let out = out.expect("kubeprof runs");
    assert!(out.status.success(), "{command:?} is no command");
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    let mut all: Vec<String> = options(&text).into_iter().map(|(_, o)| o.to_owned()).collect();
    // Another name of --timeout, for whoever knows kubectl.
    all.extend((key == "capture").then(|| "--request-timeout".to_owned()));
    help.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key, all.clone());
    all
}

/// The command that words begin with: `bundle merge`, `capture`.
fn command_of<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let is_name = |w: &&str| !w.is_empty() && w.chars().all(|c| c.is_ascii_lowercase());
    let words: Vec<&str> = words.take_while(is_name).take(2).collect();
    match words[..] {
        ["bundle" | "binary", ..] => words,
        [first, ..] if commands().iter().any(|c| c == first) => vec![first],
        _ => Vec::new(),
    }
}

/// All commands, by the help.
fn commands() -> &'static [String] {
    static COMMANDS: OnceLock<Vec<String>> = OnceLock::new();
    COMMANDS.get_or_init(|| {
        let out = Command::new(env!("CARGO_BIN_EXE_kubeprof")).arg("--help").output();
        let text = String::from_utf8_lossy(&out.expect("kubeprof runs").stdout).into_owned();
        let list = text
            .lines()
            .skip_while(|l| *l != "Commands:")
            .skip(1)
            .take_while(|l| !l.is_empty())
            // Not the rest of what is said of one.
            .filter(|l| !l.starts_with("   "));
        let names = list.filter_map(|l| l.split_whitespace().next()).map(str::to_owned);
        names.collect()
    })
}

/// Looks at a hint that a command printed.
///
/// # Panics
/// When it names an option that is none of the command, nor of one that it names itself.
pub(crate) fn exist(hint: &str, args: &[&str]) {
    for (at, option) in options(hint) {
        // The command may be named before it: kubeprof bundle merge A B --out C
        let named = hint[..at]
            .rsplit_once("kubeprof ")
            .map(|(_, words)| command_of(words.split(' ')));
        let command = named
            .filter(|c| !c.is_empty())
            .unwrap_or_else(|| command_of(args.iter().copied()));
        let known = known(&command);
        assert!(
            FOREIGN.contains(&option) || known.iter().any(|k| k == option),
            "{option} is no option of {command:?}: {hint}"
        );
    }
}

/// The literals of a source outside of its tests and comments, with their lines.
fn literals(text: &str) -> Vec<(usize, String)> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut chars = code.char_indices().peekable();
    let mut line = 1;
    let mut before = ' ';
    while let Some((at, c)) = chars.next() {
        match c {
            '\n' => line += 1,
            '/' if code[at..].starts_with("//") => while chars.next_if(|(_, c)| *c != '\n').is_some() {},
            // A character, not a lifetime.
            '\'' if code[at..].starts_with("'\"'") || code[at..].starts_with("'\\\"'") => {
                while chars.next_if(|(_, c)| *c != '\'').is_some() {}
                chars.next();
            }
            '"' => {
                let (raw, first) = (before == 'r' || before == '#', line);
                let hashes = code[..at].len() - code[..at].trim_end_matches('#').len();
                let end = format!("\"{}", "#".repeat(hashes));
                let mut literal = String::new();
                while let Some((at, c)) = chars.next() {
                    match c {
                        '"' if code[at..].starts_with(&end) => break,
                        '\\' if !raw => {
                            literal.push(' ');
                            line += usize::from(chars.next().is_some_and(|(_, c)| c == '\n'));
                        }
                        c => {
                            line += usize::from(c == '\n');
                            literal.push(c);
                        }
                    }
                }
                found.push((first, literal));
            }
            _ => {}
        }
        before = c;
    }
    found
}

/// Rooms say what is missing; `cli` says what to type.
#[test]
fn rooms_below_cli_name_no_option_and_no_command() {
    let mut every: Vec<String> = known(&[]);
    for command in commands()
        .iter()
        .filter(|c| !matches!(c.as_str(), "help" | "pprof" | "bundle" | "binary"))
    {
        every.extend(known(&[command]));
    }
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    let below = |f: &&std::path::PathBuf| !f.starts_with(src.join("cli")) && f.extension().is_some_and(|e| e == "rs");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for file in files.iter().filter(below) {
        let text = fs::read_to_string(file).expect("readable");
        let lines: Vec<&str> = text.lines().collect();
        for (line, literal) in literals(&text) {
            seen += 1;
            // A name of the tool or of a schema is not advice; `--as` and `--user` are kubectl's in recorded commands.
            let is_name = literal.strip_prefix("kubeprof ").is_some_and(|c| !c.contains(' '));
            let is_schema = lines
                .get(line - 1)
                .is_some_and(|l| l.trim_start().starts_with("#[schemars("));
            if is_name || is_schema || literal.trim_end_matches('=') == "--as" || literal.starts_with("--user='(") {
                continue;
            }
            let option = options(&literal)
                .into_iter()
                .find(|(_, o)| every.iter().any(|k| k == o));
            let command = literal.match_indices("kubeprof ").find_map(|(at, k)| {
                let named = literal[at + k.len()..]
                    .split(|c: char| !c.is_ascii_lowercase())
                    .next()?;
                commands().iter().find(|c| *c == named)
            });
            let named = option.map(|(_, o)| o.to_owned()).or(command.cloned());
            if let Some(named) = named {
                let file = file.strip_prefix(&src).expect("below src").display();
                wrong.push(format!("src/{file}:{line}: {named}: {literal}"));
            }
        }
    }
    assert!(seen > 3000, "{seen} texts");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Texts of the sources of `capture` name options of `capture`, or of a command that they name.
#[test]
#[cfg(feature = "capture")]
fn of_capture() {
    let mut files = Vec::new();
    for folder in ["src/capture", "src/cli/capture", "src/cli/refusal"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut files);
    }
    files.retain(|f| !f.ends_with("binary.rs"));
    let mut seen = 0;
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
            // What the summary says to type next, without its first word.
            let line = line.replace("next.push(\"", "kubeprof ");
            seen += options(&line).len();
            exist(&line, &["capture"]);
        }
    }
    assert!(seen > 50, "only {seen} options were seen");
}

fn walk(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("readable") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(&path, files);
        } else {
            files.push(path);
        }
    }
}
