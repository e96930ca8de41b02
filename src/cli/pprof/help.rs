//! Help on the commands of `go tool pprof`: the names are pprof's, which scripts rely on, the sentences are our own. It all
//! goes to standard error, where nothing compares it.

use super::config::Config;
use crate::cli::prompt::options::Shape;

/// A command: its name, whether an expression follows, one line about it, and how it is used.
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) has_parameter: bool,
    description: &'static str,
    usage: Usage,
}

/// How a command is used.
#[derive(Clone, Copy)]
enum Usage {
    None,
    Text(&'static str),
    /// A report with a limit and filters; whether `-cum` and `>` are said.
    Report(bool, bool),
    /// A listing of functions; whether `>` is said.
    List(bool),
}

use Usage::{List, None as Nothing, Report, Text};

/// All commands, by name.
pub(super) const COMMANDS: &[Command] = &[
    command(
        "callgrind",
        false,
        "Write the call graph for KCachegrind",
        Report(false, true),
    ),
    command("comments", false, "Show the comments of the profile", Nothing),
    command(
        "disasm",
        true,
        "Show the instructions of matching functions, with their values",
        List(true),
    ),
    command(
        "dot",
        false,
        "Write the call graph in Graphviz's DOT language",
        Report(false, true),
    ),
    command(
        "eog",
        false,
        "Draw the call graph and open it in eog",
        Report(false, false),
    ),
    command(
        "evince",
        false,
        "Draw the call graph and open it in evince",
        Report(false, false),
    ),
    command("gif", false, "Draw the call graph as GIF", Report(false, true)),
    command(
        "gv",
        false,
        "Draw the call graph and open it in gv",
        Report(false, false),
    ),
    command(
        "kcachegrind",
        false,
        "Open the call graph in KCachegrind",
        Report(false, false),
    ),
    command(
        "list",
        true,
        "Show the source lines of matching functions, with their values",
        List(false),
    ),
    command("pdf", false, "Draw the call graph as PDF", Report(false, true)),
    command(
        "peek",
        true,
        "Show the callers and callees of matching functions",
        Text("peek REGEX\nREGEX matches function names."),
    ),
    command("png", false, "Draw the call graph as PNG", Report(false, true)),
    command("proto", false, "Write the profile, after all filters", Nothing),
    command("ps", false, "Draw the call graph as PostScript", Report(false, true)),
    command("raw", false, "Show all tables of the profile", Nothing),
    command("svg", false, "Draw the call graph as SVG", Report(false, true)),
    command(
        "tags",
        false,
        "Show the sum of the samples of each label value",
        Text("tags [REGEX]... [-REGEX]... [>FILE]\nREGEX keeps labels (key:value) that it matches, -REGEX drops them."),
    ),
    command("text", false, "Same as top", Report(true, true)),
    command(
        "top",
        false,
        "Show the rows with the highest flat value",
        Report(true, true),
    ),
    command(
        "topproto",
        false,
        "Write the rows with the highest flat value as a profile",
        Nothing,
    ),
    command("traces", false, "Show every sample with its labels and stack", Nothing),
    command(
        "tree",
        false,
        "Show every row between its callers and callees",
        Report(true, true),
    ),
    command(
        "web",
        false,
        "Draw the call graph and open it in a browser",
        Report(false, false),
    ),
    command(
        "weblist",
        true,
        "Open the source lines of matching functions in a browser",
        List(false),
    ),
];

const fn command(name: &'static str, has_parameter: bool, description: &'static str, usage: Usage) -> Command {
    Command {
        name,
        has_parameter,
        description,
        usage,
    }
}

/// The command of that name.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.name == name)
}

impl Command {
    /// What `help` says about it.
    pub(super) fn help(&self) -> String {
        let mut text = format!("{}\n", self.description);
        let usage = self.usage();
        if !usage.is_empty() {
            text.push_str("  as:\n");
            for line in usage.lines() {
                text.push_str(&format!("    {line}\n"));
            }
        }
        text.push('\n');
        text
    }

    fn usage(&self) -> String {
        let filters = "REGEX keeps samples that it matches, -REGEX drops them.";
        let cum = "-cum sorts by cum.";
        let save = ">FILE writes the report to FILE.";
        let (cum_said, redirect, mut lines) = match self.usage {
            Nothing => return String::new(),
            Text(text) => return text.to_owned(),
            Report(cum_said, redirect) => {
                let first = format!("{} [N] [REGEX]... [-REGEX]...", self.name);
                (
                    cum_said,
                    redirect,
                    vec![first, "N is the maximum number of rows.".to_owned()],
                )
            }
            List(redirect) => {
                let first = format!("{} REGEX|ADDRESS [-REGEX]...", self.name);
                let functions = "REGEX matches function names; ADDRESS is in a function.";
                (false, redirect, vec![first, functions.to_owned()])
            }
        };
        lines.push(filters.to_owned());
        for (said, mark, line) in [(cum_said, " [-cum]", cum), (redirect, " [>FILE]", save)] {
            if said {
                lines[0].push_str(mark);
                lines.push(line.to_owned());
            }
        }
        lines.join("\n")
    }
}

fn row(name: &str, text: &str) -> String {
    format!("    {name:<16} {}", text.lines().next().unwrap_or_default())
}

/// The lists of commands and options: for `help`, and with dashes for `-h`.
pub(super) fn lists(on_command_line: bool) -> String {
    let (prefix, title) = match on_command_line {
        true => ("-", "Reports, one at a time:\n"),
        false => ("", "Commands:\n"),
    };
    let named = |name: &str, text: &str| row(&format!("{prefix}{name}"), text);
    let mut commands: Vec<String> = COMMANDS.iter().map(|c| named(c.name, c.description)).collect();
    commands.sort();
    if !on_command_line {
        commands.push(row("o/options", "Show all options with their values"));
        commands.push(row("q/quit/exit/^D", "End the session"));
    }
    let (mut plain, mut groups) = (Vec::new(), Vec::new());
    for v in Config::default().catalogue.variables() {
        let Shape::Choice(values) = &v.shape else {
            plain.push(named(&v.name, &v.help));
            continue;
        };
        let mut values = values.clone();
        if v.name == "sort" {
            // pprof's own order.
            values.sort_unstable();
        }
        let rows = values
            .iter()
            .map(|value| format!("  {}", named(value, v.help_of(value).unwrap_or_default())));
        groups.push([vec![row(&v.name, "")], rows.collect()].concat().join("\n"));
    }
    plain.sort();
    groups.sort();
    format!(
        "{title}{}\n\nOptions:\n{}\n\nOne of each of these:\n{}",
        commands.join("\n"),
        plain.join("\n"),
        groups.join("\n")
    )
}

/// What `-h` prints.
pub(super) fn usage() -> String {
    format!(
        "{}{}{}",
        include_str!("usage_head.txt"),
        lists(true),
        include_str!("usage_tail.txt")
    )
}
