//! The command line of `go tool pprof`: single or double dash, `-x=v` or `-x v`, flags before sources.

use super::config::Config;
use super::{help, numbers};
use crate::cli::prompt::options::Shape;

/// What was typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Flags {
    /// Command and its argument.
    pub(super) command: Option<(String, String)>,
    pub(super) config: Config,
    pub(super) base: Vec<String>,
    pub(super) diff_base: Vec<String>,
    pub(super) symbolize: String,
    pub(super) build_id: String,
    pub(super) add_comment: String,
    pub(super) all_frames: bool,
    pub(super) http: String,
    pub(super) no_browser: bool,
    /// Seconds that servers profile; not positive where it is not said.
    pub(super) seconds: i64,
    /// Seconds until an answer must begin; not positive where it is not said.
    pub(super) timeout: i64,
    pub(super) sources: Vec<String>,
}

/// Why there are no flags.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The usage was asked for.
    Help,
    /// A flag or its value is none: pprof shows the usage as well.
    Usage(String),
    /// There is nothing to read; the usage comes first.
    NoSource,
    /// The flags do not go together.
    Reason(String),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }
}

/// Shorthands for a sample type.
const SAMPLE_TYPES: &[(&str, &str)] = &[
    ("total_delay", "delay"),
    ("mean_delay", "delay"),
    ("contentions", "contentions"),
    ("inuse_space", "inuse_space"),
    ("inuse_objects", "inuse_objects"),
    ("alloc_space", "alloc_space"),
    ("alloc_objects", "alloc_objects"),
];

/// What was collected on the way.
#[derive(Default)]
struct Parsed {
    flags: Flags,
    commands: Vec<(String, String)>,
    /// The values of groups that are set.
    chosen: Vec<String>,
    sample_types: [bool; SAMPLE_TYPES.len()],
    no_browser: bool,
}

/// Parses `args`.
///
/// # Errors
/// What is wrong with them, or that help was asked for.
pub(super) fn parse(args: &[String]) -> Result<Flags, Refusal> {
    let mut parsed = Parsed::default();
    let mut at = 0;
    while at < args.len() {
        let arg = &args[at];
        if arg == "--" {
            at += 1;
            break;
        }
        let Some(body) = arg
            .strip_prefix("--")
            .or_else(|| arg.strip_prefix('-'))
            .filter(|b| !b.is_empty())
        else {
            break;
        };
        at += 1;
        let (name, inline) = match body.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (body, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(Refusal::Usage(format!("bad flag syntax: {arg}")));
        }
        if parsed.switch(name, inline)? {
            continue;
        }
        let value = match inline {
            Some(value) => value,
            None if !takes_text(name) => return Err(undefined(name)),
            None => {
                at += 1;
                let missing = || Refusal::Usage(format!("flag needs an argument: -{name}"));
                args.get(at - 1).ok_or_else(missing)?
            }
        };
        parsed.text(name, value)?;
    }
    parsed.flags.sources = args[at.min(args.len())..].to_vec();
    parsed.finish()
}

fn undefined(name: &str) -> Refusal {
    match name {
        "h" | "help" => Refusal::Help,
        _ => Refusal::Usage(format!("flag provided but not defined: -{name}")),
    }
}

/// The flags with a value that are neither options nor commands.
const TEXTS: &[&str] = &[
    "base",
    "diff_base",
    "symbolize",
    "buildid",
    "add_comment",
    "http",
    "timeout",
    "seconds",
    "tools",
    "tls_cert",
    "tls_key",
    "tls_ca",
];

fn takes_text(name: &str) -> bool {
    let config = Config::default();
    let option = { config.shape(name) }.is_some_and(|s| !matches!(s, Shape::Switch | Shape::Choice(_)));
    option || TEXTS.contains(&name) || help::find(name).is_some_and(|c| c.has_parameter)
}

fn no_number(name: &str, value: &str) -> Refusal {
    Refusal::Usage(format!("invalid value {value:?} for flag -{name}: parse error"))
}

impl Parsed {
    /// Takes a flag that needs no value, if it is one.
    fn switch(&mut self, name: &str, inline: Option<&str>) -> Result<bool, Refusal> {
        let on = inline.map_or(Some(true), numbers::boolean);
        let invalid = || {
            let value = inline.unwrap_or_default();
            Refusal::Usage(format!("invalid boolean value {value:?} for -{name}: parse error"))
        };
        let flags = &mut self.flags;
        if let Some(command) = help::find(name).filter(|c| !c.has_parameter) {
            self.commands.retain(|(n, _)| n != name);
            if on.ok_or_else(invalid)? {
                self.commands.push((command.name.to_owned(), String::new()));
            }
        } else if flags.config.group_of(name).is_some() {
            self.chosen.retain(|x| x != name);
            if on.ok_or_else(invalid)? {
                self.chosen.push(name.to_owned());
            }
        } else if let Some(i) = SAMPLE_TYPES.iter().position(|(t, _)| *t == name) {
            self.sample_types[i] = on.ok_or_else(invalid)?;
        } else if flags.config.shape(name) == Some(&Shape::Switch) {
            flags.config.put(name, on.ok_or_else(invalid)?.to_string());
        } else if name == "all_frames" {
            flags.all_frames = on.ok_or_else(invalid)?;
        } else if name == "no_browser" {
            self.no_browser = on.ok_or_else(invalid)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes a flag with a value.
    fn text(&mut self, name: &str, value: &str) -> Result<(), Refusal> {
        if help::find(name).is_some_and(|c| c.has_parameter) {
            self.commands.retain(|(n, _)| n != name);
            if !value.is_empty() {
                self.commands.push((name.to_owned(), value.to_owned()));
            }
            return Ok(());
        }
        let f = &mut self.flags;
        let number = || no_number(name, value);
        let option = match f.config.shape(name) {
            Some(Shape::Text | Shape::List) => Some(value.to_owned()),
            Some(Shape::Whole) => Some(numbers::int(value).ok_or_else(number)?.to_string()),
            Some(Shape::Fraction) => Some(numbers::float(value).map(numbers::shown).ok_or_else(number)?),
            Some(Shape::Switch | Shape::Choice(_)) | None => None,
        };
        if let Some(value) = option {
            f.config.put(name, value);
            return Ok(());
        }
        // The flag is a plain text there: of several, the last one counts.
        let last = |value: &str| match value.is_empty() {
            true => Vec::new(),
            false => vec![value.to_owned()],
        };
        match name {
            "base" => f.base = last(value),
            "diff_base" => f.diff_base = last(value),
            "symbolize" => value.clone_into(&mut f.symbolize),
            "buildid" => value.clone_into(&mut f.build_id),
            "add_comment" => value.clone_into(&mut f.add_comment),
            "http" => value.clone_into(&mut f.http),
            "timeout" => f.timeout = numbers::int(value).ok_or_else(|| no_number(name, value))?,
            "seconds" => f.seconds = numbers::int(value).ok_or_else(|| no_number(name, value))?,
            "tools" | "tls_cert" | "tls_key" | "tls_ca" => {}
            _ => return Err(undefined(name)),
        }
        Ok(())
    }

    /// Checks what goes together.
    fn finish(mut self) -> Result<Flags, Refusal> {
        let f = &mut self.flags;
        if f.sources.is_empty() {
            return Err(Refusal::NoSource);
        }
        for group in ["granularity", "sort"] {
            let set: Vec<&str> = { self.chosen.iter().map(String::as_str) }
                .filter(|value| f.config.group_of(value) == Some(group))
                .collect();
            match set.as_slice() {
                [] => {}
                [one] => f.config.assign(group, one)?,
                several => return Err(format!("conflicting options set: {several:?}").into()),
            }
        }
        if self.commands.len() > 1 {
            return Err("must set at most one output format".into());
        }
        f.command = self.commands.pop();
        if f.command.is_some() && !f.http.is_empty() {
            return Err("-http is not compatible with an output format on the command line".into());
        }
        if self.no_browser && f.http.is_empty() {
            return Err("-no_browser only makes sense with -http".into());
        }
        f.no_browser = self.no_browser;
        for (i, (name, sample_type)) in SAMPLE_TYPES.iter().enumerate() {
            if !self.sample_types[i] {
                continue;
            }
            if *name == "mean_delay" {
                f.config.put("mean", "true");
            }
            if f.config.text("sample_index").is_empty() {
                f.config.put("sample_index", *sample_type);
            } else {
                say!("Multiple value selections, ignoring -{name}");
            }
        }
        if !f.base.is_empty() && !f.diff_base.is_empty() {
            return Err("-base and -diff_base flags cannot both be specified".into());
        }
        if f.config.on("normalize") && f.base.is_empty() && f.diff_base.is_empty() {
            return Err("must have base profile to normalize by".into());
        }
        Ok(self.flags)
    }
}
