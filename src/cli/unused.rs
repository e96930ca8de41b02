//! Options that a command takes, because all reports share them, and has no use for: said, not swallowed.

use clap::ArgMatches;
use clap::parser::ValueSource;

/// What limits and orders rows.
const ROWS: [&str; 4] = ["nodecount", "nodefraction", "edgefraction", "trim"];
const ORDER: [&str; 3] = ["sort", "cum", "flat"];
const GRANULARITY: [&str; 6] = ["by", "functions", "filefunctions", "files", "lines", "addresses"];

/// Which groups and further options have no effect on a command.
fn without_use(command: &str) -> Vec<&'static str> {
    let (groups, more): (&[&[&'static str]], &[&'static str]) = match command {
        "top" | "diff" => (&[], &["edgefraction"]),
        "peek" => (&[&ROWS], &[]),
        "traces" => (&[&ORDER], &["nodefraction", "edgefraction", "trim", "drop_negative"]),
        "tags" => (
            &[&ORDER, &GRANULARITY],
            &[
                "nodefraction",
                "edgefraction",
                "trim",
                "drop_negative",
                "mean",
                "noinlines",
                "showcolumns",
            ],
        ),
        "list" => (&[&ROWS, &ORDER, &GRANULARITY], &["drop_negative", "showcolumns"]),
        "disasm" => (&[&ROWS, &ORDER, &GRANULARITY], &["drop_negative", "showcolumns"]),
        "raw" => (
            &[&ROWS, &ORDER, &GRANULARITY],
            &["nodefraction", "edgefraction", "trim", "drop_negative", "mean", "unit"],
        ),
        "flame" => (&[&ORDER], &["edgefraction"]),
        _ => (&[], &[]),
    };
    groups
        .iter()
        .flat_map(|group| group.iter())
        .chain(more)
        .copied()
        .collect()
}

/// The options that were typed for nothing, as they are written.
pub(super) fn options(matches: &ArgMatches) -> Option<String> {
    let (command, typed) = matches.subcommand()?;
    let unused: Vec<String> = without_use(command)
        .into_iter()
        .filter(|id| matches!(typed.try_contains_id(id), Ok(true)))
        .filter(|id| typed.value_source(id) == Some(ValueSource::CommandLine))
        .map(|id| format!("--{}", id.replace('_', "-")))
        .collect();
    if unused.is_empty() || matches!(typed.try_get_one::<bool>("quiet"), Ok(Some(true))) {
        return None;
    }
    Some(format!("{command} does not look at {}", unused.join(", ")))
}
