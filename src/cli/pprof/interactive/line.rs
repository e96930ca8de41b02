//! A line of the interactive mode that is no assignment: a command, its argument, and options that hold for this line only.

use super::super::config::Config;
use super::super::help;
use crate::cli::prompt::words::{Filters, numbered};

/// What a line asks for.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) command: &'static str,
    pub(super) argument: &'a str,
    pub(super) config: Config,
}

/// Takes a line apart: `COMMAND [ARGUMENT] [N] [REGEX]... [-REGEX]... [-cum] [>FILE]`. There are no pipes: `|` and what
/// follows are expressions like others.
///
/// # Errors
/// What pprof says about it.
pub(super) fn parse<'a>(name: &'a str, rest: &[&'a str], config: &Config) -> Result<Line<'a>, String> {
    let (mut name, mut words) = (name, rest.to_vec());
    if help::find(name).is_none()
        && let Some((letters, number)) = numbered(name)
    {
        words.insert(0, number);
        name = letters;
    }
    let Some(command) = help::find(name) else {
        return Err(match config.about(name) {
            Some(_) => format!("did you mean: {name}={}", words.first().unwrap_or(&"<val>")),
            None => format!("unrecognized command: {name:?}"),
        });
    };
    let mut argument = "";
    if command.has_parameter {
        if words.is_empty() {
            return Err(format!("command {} requires an argument", command.name));
        }
        argument = words.remove(0);
    }
    let mut config = config.clone();
    let mut filters = Filters::default();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if let Ok(n) = word.parse::<i32>() {
            config.put("nodecount", n.to_string());
        } else if let Some(file) = word.strip_prefix('>') {
            let file = match file {
                "" => words.next().ok_or("unexpected end of line after >")?,
                file => file,
            };
            config.put("output", file);
        } else if matches!(word, "-cum" | "--cum") {
            config.put("sort", "cum");
        } else if let Some(expression) = word.strip_prefix('-') {
            filters.ignore.push(expression.to_owned());
        } else {
            filters.focus.push(word.to_owned());
        }
    }
    for (option, expression) in filters.options(command.name).filter(|(_, e)| !e.is_empty()) {
        config.put(option, expression);
    }
    if config.node_count() == -1 && matches!(command.name, "text" | "top") {
        config.put("nodecount", "10");
    }
    Ok(Line {
        command: command.name,
        argument,
        config,
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::config::Config;
    use super::parse;

    fn line(text: &str) -> String {
        let words: Vec<&str> = text.split(' ').collect();
        match parse(words[0], &words[1..], &Config::default()) {
            Ok(l) => {
                let c = l.config;
                let options = ["focus", "ignore", "tagfocus", "output", "sort"].map(|name| c.text(name));
                let parts = [&[l.command, l.argument], &options[..]].concat();
                format!("{} {}", parts.join(","), c.node_count())
            }
            Err(reason) => reason,
        }
    }

    #[test]
    fn lines() {
        for (text, want) in [
            ("top", "top,,,,,,flat 10"),
            ("top10", "top,,,,,,flat 10"),
            ("text3 a b -c -d", "text,,a|b,c|d,,,flat 3"),
            ("tree -3 --cum", "tree,,,,,,cum -3"),
            ("list f 5 >x", "list,f,,,,x,flat 5"),
            ("peek f > x y", "peek,f,y,,,x,flat -1"),
            ("top | grep x", "top,,||grep|x,,,,flat 10"),
            ("top 99999999999", "top,,99999999999,,,,flat 10"),
            ("tags k=v", "tags,,,,k=v,,flat -1"),
            ("list", "command list requires an argument"),
            ("list10", "list,10,,,,,flat -1"),
            ("top >", "unexpected end of line after >"),
            ("focus x", "did you mean: focus=x"),
            ("focus", "did you mean: focus=<val>"),
            ("10", "unrecognized command: \"10\""),
            ("bogus3", "unrecognized command: \"bogus\""),
            ("focus3", "did you mean: focus=3"),
        ] {
            assert_eq!(line(text), want, "{text}");
        }
    }
}
