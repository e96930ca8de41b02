//! What to type about an error: rooms say what is missing, the options and commands that give it are named here.
//!
//! An error says what failed on one line; what it was seen to be and what to do are fields of it. They are looked for along the
//! chain of causes, and where an error has a remedy that can be typed, that is said in place of its own words.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::Write as _;

use crate::analysis::QueryError;
use crate::bundle::archive::ArchiveError as UnpackedError;
use crate::bundle::{BundleMergeError, WriteError};
#[cfg(feature = "capture")]
use crate::capture::binary::BinaryError as ExecutableError;
#[cfg(feature = "capture")]
use crate::capture::endpoints::PlanError;
#[cfg(feature = "capture")]
use crate::capture::transport::{AccessError, NameError, Remedy};
use crate::check::rules::{Mistakes, Problem};
use crate::input::{Chosen, CompareError, InputError, Note};
use crate::kubelet::{KnowledgeError, PatternError};
use crate::pprof::mistakes::{Conversion, Mistake};
use crate::pprof::{InflateError, ReadError, Remark};
use crate::render::document::Setting;
use crate::symbolize::archive::ArchiveError;
use crate::symbolize::locate::{LocateError, MappedError};
use crate::symbolize::{BinaryError, NotElf};

type Hint = Option<Cow<'static, str>>;

/// What is wrong on a command line, and what to type instead.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(super) struct Failure {
    what: String,
    hint: String,
}

impl Failure {
    pub(super) fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: hint.into(),
        }
    }
}

/// An error with all that it has to say: the cause, what was seen, what to do; a line each.
pub(super) fn told(e: &(dyn Error + 'static)) -> String {
    let mut text = e.to_string();
    let mut cause = e.source();
    while let Some(e) = cause {
        // Most errors say their cause themselves.
        let own = e.to_string();
        if !text.contains(&own) {
            let _ = write!(text, ": {own}");
        }
        cause = e.source();
    }
    below(e, &mut text);
    text
}

/// As [`told`], of an error with its contexts.
pub(super) fn told_chain(e: &anyhow::Error) -> String {
    let mut text = format!("{e:#}");
    below(e.as_ref(), &mut text);
    text
}

/// What to do about the value of an option that its parser refuses.
pub(super) fn of_value(e: &clap::Error) -> Option<&str> {
    let refused = e.source()?.downcast_ref::<Failure>()?;
    Some(&refused.hint)
}

/// What was seen, and the hints of an error and its causes, each once.
fn below(e: &(dyn Error + 'static), text: &mut String) {
    let mut hints: Vec<Cow<'static, str>> = Vec::new();
    let mut next = Some(e);
    while let Some(e) = next {
        if let Some(seen) = e.downcast_ref::<InputError>().and_then(InputError::seen) {
            let _ = write!(text, "\n{}", seen.trim_end());
        }
        if let Some(hint) = of(e)
            && !hints.contains(&hint)
        {
            hints.push(hint);
        }
        next = e.source();
    }
    for hint in hints {
        let _ = write!(text, "\nhint: {hint}");
    }
}

/// What to do about one error.
fn of(e: &(dyn Error + 'static)) -> Hint {
    macro_rules! first {
        ($($kind:ty => $hint:expr),* $(,)?) => {
            $(if let Some(e) = e.downcast_ref::<$kind>() {
                let hint: fn(&$kind) -> Hint = $hint;
                return hint(e);
            })*
        };
    }
    first! {
        Failure => |e| Some(e.hint.clone().into()),
        InputError => input,
        CompareError => compare,
        QueryError => query,
        ReadError => read,
        UnpackedError => unpacked,
        WriteError => write,
        BundleMergeError => merge,
        ArchiveError => archive,
        MappedError => mapped,
        LocateError => |e| e.hint().map(Into::into),
        BinaryError => binary,
        KnowledgeError => knowledge,
        PatternError => |e| Some(e.hint().into_owned().into()),
    }
    #[cfg(feature = "capture")]
    first! {
        AccessError => access,
        NameError => |e| Some(e.hint().into()),
        PlanError => |e| Some(e.hint().into()),
        ExecutableError => executable,
    }
    None
}

fn input(e: &InputError) -> Hint {
    Some(match e {
        InputError::Io { name, cause } if cause.kind() == std::io::ErrorKind::NotFound => match name.contains("://") {
            true => {
                "nothing is fetched here: kubeprof capture takes profiles from kubelets, and curl -o FILE saves one \
                     address"
                    .into()
            }
            false => "SOURCE is a profile file, a folder of them, or - for standard input".into(),
        },
        InputError::Read { cause, .. } => return read(cause),
        InputError::Altered { .. } => "`kubeprof bundle verify` names all such files; --snapshot takes another".into(),
        InputError::NoProfiles(_) => "`kubeprof inspect` says what each file is".into(),
        InputError::Bundles { unpacked, .. } => {
            format!("name one of them{unpacked}; `kubeprof bundle merge` makes one of several").into()
        }
        InputError::EmptyBundle => "`kubeprof bundle verify` says what it holds and what is missing".into(),
        InputError::Processes { nodes: true, .. } => "choose one with --node NAME or --run N, or name its files".into(),
        InputError::Processes { .. } => "choose one with --run N, or name its files".into(),
        InputError::Unreadable { .. } => {
            "use the version of kubeprof that made it; `kubeprof bundle verify` says more".into()
        }
        InputError::Kinds { available } => format!(
            "choose one with --kind, for instance --kind {}; `kubeprof inspect` lists the files",
            available.first().map_or("heap", |(k, _)| k.as_str())
        )
        .into(),
        InputError::NothingToNormalizeTo => "name it with --base or --diff-base".into(),
        InputError::Mapped(cause) => return mapped(cause),
        InputError::Refused { archived: true, .. } => "the archive has the binary that ran: leave --binary away".into(),
        InputError::Refused { identity, .. } if identity.build_id_profile.is_empty() => {
            "--trust-binary uses it all the same, and marks every report".into()
        }
        InputError::Refused { identity, .. } => format!(
            "look for the binary with build ID {} (`kubeprof binary ls`), or mark every report with --trust-binary",
            identity.build_id_profile
        )
        .into(),
        InputError::NoBinary { .. } => "give it with --binary, or archive it with `kubeprof binary add`".into(),
        InputError::Merge(_) => {
            "add up profiles of one kind and program; name the others in a command of their own".into()
        }
        e => return e.hint(),
    })
}

fn compare(e: &CompareError) -> Hint {
    match e {
        CompareError::Old(cause) | CompareError::New(cause) => query(cause),
        CompareError::Types { .. } => {
            Some("choose what both have with --sample-index, or one file's profile with --kind".into())
        }
        e => e.hint(),
    }
}

fn query(e: &QueryError) -> Hint {
    match e {
        QueryError::Overflow(_) => Some("no real profile has such values; `kubeprof raw` shows them".into()),
        QueryError::MeanOfStacks => Some("leave --mean out; the page shows all sample types of a frame".into()),
        QueryError::Subsystem { .. } => Some(
            e.hint()
                .unwrap_or_else(|| "list all of them with `kubeprof inspect --subsystems`".into()),
        ),
        e => e.hint(),
    }
}

fn read(e: &ReadError) -> Hint {
    match e {
        ReadError::Inflate {
            source: InflateError::TooLarge { .. },
        } => Some("raise the limit with --max-size if you trust the file".into()),
        ReadError::NoDump(_) => {
            Some("`kubeprof diagnose` says what it proves, `kubeprof inspect` what is in it".into())
        }
        ReadError::Mistake(mistake) => Some(match mistake {
            Mistake::Drawing { .. } => {
                "give the .pb.gz file that it was made from; kubeprof draws it again (convert -o svg)".into()
            }
            Mistake::Source { .. } => "give the profile; --source DIR names sources for `list`".into(),
            Mistake::Utf16 | Mistake::Converted(Conversion::Utf16) => {
                format!("{}, or with `kubeprof capture`", mistake.remedy()).into()
            }
            mistake => mistake.remedy().into(),
        }),
        e => e.hint(),
    }
}

fn unpacked(e: &UnpackedError) -> Hint {
    match e {
        UnpackedError::TooLarge(_) => Some("raise the limit with --max-size if you trust it".into()),
        e => e.hint().map(Into::into),
    }
}

fn write(e: &WriteError) -> Hint {
    match e {
        WriteError::Io { .. } => e
            .hint()
            .map(|_| "the disk is full; make room and go on with --resume, nothing taken is lost".into()),
        WriteError::Exists(_) => Some("go on with it by --resume, or name another folder".into()),
        WriteError::Link(_) => Some("look where it leads, remove it, and go on with --resume".into()),
        e => e.hint(),
    }
}

fn merge(e: &BundleMergeError) -> Hint {
    match e {
        BundleMergeError::Altered { .. } => Some("`kubeprof bundle verify` names all such files".into()),
        BundleMergeError::Write(cause) => write(cause),
    }
}

fn archive(e: &ArchiveError) -> Hint {
    match e {
        ArchiveError::Binary { cause, .. } => binary(cause),
        ArchiveError::Missing { .. } => Some("`kubeprof binary ls` shows what is there".into()),
        ArchiveError::Damaged { id, .. } => Some(format!("`kubeprof binary rm {id}` and add it again").into()),
        ArchiveError::Different { .. } => {
            Some("keep the one that ran; `kubeprof binary add --replace` takes the new one instead".into())
        }
        e => e.hint().map(Into::into),
    }
}

fn mapped(e: &MappedError) -> Hint {
    match e {
        MappedError::Open(cause) => archive(cause),
        MappedError::Binary { cause, .. } => binary(cause),
        e => e.hint().map(Into::into),
    }
}

fn binary(e: &BinaryError) -> Hint {
    match e {
        BinaryError::NotElf { start: NotElf::Tar } => Some("`kubeprof binary add` extracts the kubelet from it".into()),
        BinaryError::NotElf {
            start: NotElf::Compressed,
        } => Some(
            "the profile comes before the binary; `kubeprof binary add` takes compressed binaries and images".into(),
        ),
        e => e.hint().map(Into::into),
    }
}

fn knowledge(e: &KnowledgeError) -> Hint {
    Some(match e {
        KnowledgeError::Empty { .. } => "start from the built-in table: kubeprof inspect --subsystems > FILE".into(),
        e => e.hint().into(),
    })
}

#[cfg(feature = "capture")]
fn access(e: &AccessError) -> Hint {
    Some(match e {
        AccessError::Kubeconfig { .. } => {
            "name a kubeconfig with --kubeconfig or KUBECONFIG; on a node, --direct 127.0.0.1 asks the kubelet itself"
                .into()
        }
        AccessError::NoSuchEntry { what, there, .. } => format!("--{what} takes one of these: {there}").into(),
        AccessError::Identity { remedy, .. } => match remedy {
            Remedy::AddCertificate => "give --client-certificate too, or `client-certificate` in the kubeconfig".into(),
            remedy if remedy.or_token() => format!("{}; or give --token", remedy.text()).into(),
            remedy => remedy.text().into(),
        },
        AccessError::Plugin(cause) => match cause.installing() {
            Some(words) => format!("run it by hand, or give --token; the kubeconfig says: {words}").into(),
            None => "run it by hand, or give --token".into(),
        },
        AccessError::Server { .. } => "for instance https://api.example.org:6443; --server gives another".into(),
        AccessError::NoKey => "--client-key FILE; it may be the same file".into(),
        AccessError::Credentials { .. } => {
            "look at `user` of the context in use (kubectl config view --minify), or give --token".into()
        }
        e => e.hint().into_owned().into(),
    })
}

#[cfg(feature = "capture")]
fn executable(e: &ExecutableError) -> Hint {
    match e {
        ExecutableError::NoProfile(_) => Some("capture a profile first, then --resume with --binary".into()),
        ExecutableError::Read { origin, .. } if !origin.starts_with("ssh://") => {
            Some("--binary takes the path of a kubelet, or ssh://[user@]host".into())
        }
        ExecutableError::Write(cause) => write(cause),
        e => e.hint(),
    }
}

/// A note of the reading, with what can be typed about it.
pub(super) fn noted(note: &Note) -> String {
    match note {
        Note::Chosen(_, chosen) => match others(chosen) {
            others if others.is_empty() => note.to_string(),
            others => format!("{note}; choose with {others}"),
        },
        Note::AddedUpStates(..) => format!("{note}; --snapshot last takes the latest"),
        Note::NothingToChoose => {
            "--node, --run, --snapshot and --artifact choose out of bundles and folders, and there is none".to_owned()
        }
        Note::Altered(_) => format!("{note}; see `kubeprof bundle verify`"),
        Note::Remark(_, Remark::HeapOrAllocs) => format!("{note}, with --kind allocs as allocs"),
        Note::Remark(_, Remark::Leaked(..)) => format!("{note}; --kind goroutineleak takes no others"),
        Note::Remark(_, Remark::SeveralDumps(all, shown)) if all != shown => {
            format!("{note}: --dump N, last or all chooses")
        }
        Note::Remark(_, Remark::SeveralDumps(..)) => format!("{note}: --dump N shows one"),
        Note::Server { hint: Some(hint), .. } => format!("{note}\nhint: {hint}"),
        note => note.to_string(),
    }
}

/// The options that choose something else.
fn others(chosen: &Chosen) -> String {
    let mut others = Vec::new();
    if !chosen.other_kinds.is_empty() {
        let kinds: Vec<&str> = chosen.other_kinds.iter().map(|k| k.as_str()).collect();
        others.push(format!("--kind {}", kinds.join("|")));
    }
    if !chosen.other_artifacts.is_empty() {
        others.push(format!("--artifact {}", chosen.other_artifacts.join("|")));
    }
    if chosen.snapshots > 1 {
        others.push(format!("--snapshot first|last|N|all ({})", chosen.snapshots));
    }
    if chosen.runs > 1 {
        others.push(format!("--run N ({})", chosen.runs));
    }
    if chosen.nodes > 1 {
        others.push(format!("--node NAME ({}; this one is the largest)", chosen.nodes));
    }
    others.join(", ")
}

/// What is typed to see more of a page, as the end of a line of it.
pub(super) fn setting(setting: Setting) -> String {
    match setting {
        Setting::AllRows => ": -n 0 shows them".to_owned(),
        Setting::Rows(all) => format!(": -n {all} or -n 0 shows them"),
        Setting::SmallRows => ": --nodefraction 0 shows them".to_owned(),
        Setting::SmallEdges => ": --edgefraction 0 shows them".to_owned(),
        Setting::Frames => ": --stacks all shows them".to_owned(),
        Setting::Kind => ": --kind heap, --kind cpu, ...".to_owned(),
        Setting::SourcePath => ": --source DIR, for instance a checkout of kubernetes at the tag".to_owned(),
        Setting::OtherSourcePath => "; name the right sources with --source DIR".to_owned(),
        Setting::Normalize => ": --normalize compares shares".to_owned(),
        Setting::Dropped(1) => ": --all shows it with the reason".to_owned(),
        Setting::Dropped(_) => ": --all shows them with the reason".to_owned(),
        Setting::Subjects => ": --all shows them".to_owned(),
        Setting::Baseline => ": --baseline SOURCE".to_owned(),
        Setting::ByFunction => ": --by function compares functions".to_owned(),
        Setting::Idle => ": --idle counts them".to_owned(),
    }
}

/// The mistakes of a file of rules, with what to do about each.
pub(super) fn of_rules(mistakes: &Mistakes) -> String {
    let mut text = String::new();
    for e in &mistakes.0 {
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = write!(text, "{e}");
        let hint = match &e.problem {
            Problem::MissingKey { key: "rule", .. } => {
                Some("begin each rule with [[rule]]; `kubeprof check --init SOURCE` writes a file of them".into())
            }
            Problem::MissingKey { key: "allow", .. } => {
                Some("list build IDs, or how they begin; `kubeprof inspect` shows them".into())
            }
            problem => problem.hint(),
        };
        if let Some(hint) = hint {
            let _ = write!(text, "\nhint: {hint}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_found_behind_contexts_and_said_once() {
        let e = anyhow::Error::from(InputError::NoProfiles("x".to_owned())).context("the old profile");
        let text = told_chain(&e);
        assert_eq!(
            text,
            "the old profile: x: no profiles in it\nhint: `kubeprof inspect` says what each file is"
        );
        let e = anyhow::Error::from(Failure::new("what", "do")).context("where");
        assert_eq!(told_chain(&e), "where: what\nhint: do");
    }
}
