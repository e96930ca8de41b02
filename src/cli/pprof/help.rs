//! What `go tool pprof`'s commands and options do, in words of our own: names and defaults are pprof's, which scripts and
//! habits know, sentences are not. It all goes to standard error, where nothing compares it.

use super::config::{OPTIONS, group_of};

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
        "the call graph for KCachegrind, as a file",
        Report(false, true),
    ),
    command("comments", false, "the comments that the profile carries", Nothing),
    command(
        "disasm",
        true,
        "instructions of the functions that match, with their values",
        List(true),
    ),
    command(
        "dot",
        false,
        "the call graph in Graphviz's language",
        Report(false, true),
    ),
    command(
        "eog",
        false,
        "the call graph, drawn and opened in eog",
        Report(false, false),
    ),
    command(
        "evince",
        false,
        "the call graph, drawn and opened in evince",
        Report(false, false),
    ),
    command("gif", false, "the call graph, drawn as GIF", Report(false, true)),
    command(
        "gv",
        false,
        "the call graph, drawn and opened in gv",
        Report(false, false),
    ),
    command(
        "kcachegrind",
        false,
        "the call graph, opened in KCachegrind",
        Report(false, false),
    ),
    command(
        "list",
        true,
        "source lines of the functions that match, with their values",
        List(false),
    ),
    command("pdf", false, "the call graph, drawn as PDF", Report(false, true)),
    command(
        "peek",
        true,
        "who calls the functions that match, and whom they call",
        Text("peek REGEX\nREGEX is matched with names of functions."),
    ),
    command("png", false, "the call graph, drawn as PNG", Report(false, true)),
    command("proto", false, "the profile itself, after all filters", Nothing),
    command("ps", false, "the call graph, drawn as PostScript", Report(false, true)),
    command("raw", false, "all tables of the profile", Nothing),
    command("svg", false, "the call graph, drawn as SVG", Report(false, true)),
    command(
        "tags",
        false,
        "sums for every label value",
        Text(
            "tags [REGEX]... [-REGEX]... [>FILE]\nOnly labels, written key:value, that match the first and none of the others.",
        ),
    ),
    command(
        "text",
        false,
        "the heaviest rows; another name of top",
        Report(true, true),
    ),
    command("top", false, "the heaviest rows", Report(true, true)),
    command("topproto", false, "the heaviest rows as a profile", Nothing),
    command("traces", false, "every sample with its labels and stack", Nothing),
    command(
        "tree",
        false,
        "every row between its callers and callees",
        Report(true, true),
    ),
    command(
        "web",
        false,
        "the call graph, drawn and opened in a browser",
        Report(false, false),
    ),
    command("weblist", true, "source lines in a browser", List(false)),
];

const fn command(name: &'static str, has_parameter: bool, description: &'static str, usage: Usage) -> Command {
    Command {
        name,
        has_parameter,
        description,
        usage,
    }
}

/// What is said about options and about the values of groups.
const ABOUT: &[(&str, &str)] = &[
    ("output", "file that the report goes to\n"),
    ("drop_negative", "leave out rows that a comparison makes negative\n"),
    ("call_tree", "a function is another row on every path to it\n"),
    (
        "relative_percentages",
        "100 % is what the filters leave, not the whole profile\n",
    ),
    ("unit", "unit of the values: ms, s, kB, MB and so on, or minimum\n"),
    ("compact_labels", "fewer lines above the report\n"),
    ("source_path", "folders with sources, separated by colons\n"),
    (
        "trim_path",
        "beginnings of source paths to cut off, separated by colons\n",
    ),
    ("intel_syntax", "instructions as Intel writes them (disasm, weblist)\n"),
    (
        "nodecount",
        "most rows or nodes to show; -1 for what suits the report\n",
    ),
    ("nodefraction", "leave out rows below this share of the total\n"),
    ("edgefraction", "leave out edges below this share of the total\n"),
    ("trim", "whether the three limits above hold at all\n"),
    ("focus", "only samples with a frame that matches\n"),
    ("ignore", "no samples with a frame that matches\n"),
    ("prune_from", "cut every stack off below the frame that matches\n"),
    ("hide", "leave out frames that match; their samples stay\n"),
    ("show", "leave out frames that do not match; their samples stay\n"),
    (
        "show_from",
        "cut every stack off above the highest frame that matches\n",
    ),
    (
        "tagroot",
        "frames made of these label keys, at the root of every stack\n",
    ),
    (
        "tagleaf",
        "frames made of these label keys, at the leaf of every stack\n",
    ),
    (
        "tagfocus",
        "only samples with such a label: REGEX, KEY=REGEX, or a range as 1kb:4kb\n",
    ),
    (
        "tagignore",
        "no samples with such a label: REGEX, KEY=REGEX, or a range as 1kb:4kb\n",
    ),
    ("tagshow", "only labels whose key matches\n"),
    ("taghide", "no labels whose key matches\n"),
    ("divide_by", "divide all values by this number\n"),
    ("mean", "values by object or event, instead of their sums\n"),
    (
        "sample_index",
        "which value of the samples is shown: its number from 0, or its name\n",
    ),
    ("normalize", "scale the profile to the total of the base first\n"),
    ("flat", "order by own value\n"),
    ("cum", "order by own value and that of everything below\n"),
    ("functions", "a row a function\n"),
    ("filefunctions", "a row a function and file\n"),
    ("files", "a row a file\n"),
    ("lines", "a row a source line\n"),
    ("addresses", "a row an address\n"),
    (
        "noinlines",
        "what was inlined counts for the function that it was inlined into\n",
    ),
    ("showcolumns", "columns beside line numbers\n"),
];

/// The command of that name.
pub(super) fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|c| c.name == name)
}

/// What is said about an option or a value of a group.
pub(super) fn about(name: &str) -> Option<&'static str> {
    ABOUT.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// A value of a group of options, under which it is also a flag.
pub(super) fn option_value(name: &str) -> Option<&'static str> {
    let known = ABOUT.iter().map(|(n, _)| *n).find(|n| *n == name);
    known.filter(|name| group_of(name).is_some())
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
        let cum = "-cum orders by what is below a row, too.";
        let save = ">FILE writes the report there.";
        let (cum_said, redirect, mut lines) = match self.usage {
            Nothing => return String::new(),
            Text(text) => return text.to_owned(),
            Report(cum_said, redirect) => {
                let first = format!("{} [N] [REGEX]... [-REGEX]...", self.name);
                (
                    cum_said,
                    redirect,
                    vec![first, "N is the most rows to show.".to_owned()],
                )
            }
            List(redirect) => {
                let first = format!("{} REGEX|ADDRESS [-REGEX]...", self.name);
                let functions = "Functions that REGEX matches, or the one at ADDRESS.";
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
        commands.push(row("o/options", "all options with their values"));
        commands.push(row("q/quit/exit/^D", "end the session"));
    }
    let (mut plain, mut groups) = (Vec::new(), Vec::new());
    for &option in OPTIONS {
        let values: Vec<&str> = ABOUT
            .iter()
            .map(|(name, _)| *name)
            .filter(|name| group_of(name) == Some(option))
            .collect();
        if values.is_empty() {
            plain.push(named(option, about(option).unwrap_or_default()));
            continue;
        }
        // The order of the values is pprof's own, which ABOUT does not have for the sorts.
        let mut values = values;
        if option == "sort" {
            values.sort_unstable();
        }
        let rows = values
            .iter()
            .map(|v| format!("  {}", named(v, about(v).unwrap_or_default())));
        groups.push([vec![row(option, "")], rows.collect()].concat().join("\n"));
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
