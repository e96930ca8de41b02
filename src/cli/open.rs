//! From what was typed to a view: sources are read, notes said, the query applied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};

use super::args::{InputArgs, OutArgs};
use super::{dumps, symbols};
use crate::analysis::{self, Note, Query, QueryError, View};
use crate::input::{Choice, GoroutineForms, Input, InputError, Loaded, Note as SourceNote, Which};
use crate::kubelet::Knowledge;
use crate::model::{self, Kind, MergeOptions, Profile};
use crate::pprof::goroutines::GoroutineDump;
use crate::pprof::{Form, Limit, Remark};
use crate::render::layout::{Look, Symbols, why_empty};

/// What a session has read once for all its commands.
#[derive(Debug)]
pub(super) struct Held {
    /// The profile, all bases subtracted, names looked up, all notes said.
    pub(super) loaded: Loaded,
    /// What the names rest on.
    pub(super) symbols: Symbols,
    /// The binary that was named for them.
    pub(super) binary: Option<PathBuf>,
    /// The table of subsystems.
    pub(super) knowledge: Arc<Knowledge>,
    /// Both forms of the goroutines, where the sources may have two.
    forms: Option<Forms>,
    /// What is subtracted.
    bases: Bases,
}

/// Where both forms of the goroutines are.
#[derive(Debug)]
struct Forms {
    paths: Vec<PathBuf>,
    choice: Choice,
    limit: Limit,
}

/// What is subtracted from the sources.
#[derive(Clone, Debug, Default)]
struct Bases {
    /// As they were typed.
    names: Vec<String>,
    /// Whether equal samples cancel (`--base`).
    cancel: bool,
    /// Whether the sources are scaled to their totals first.
    normalize: bool,
}

impl Bases {
    fn of(input: &InputArgs) -> Self {
        let cancel = !input.base.is_empty();
        let paths = if cancel { &input.base } else { &input.diff_base };
        Self {
            names: paths.iter().map(|path| path.display().to_string()).collect(),
            cancel,
            normalize: input.normalize,
        }
    }
}

impl Held {
    /// Reads all that there is to be read.
    #[cfg(feature = "shell")]
    pub(super) fn read(input: &InputArgs, out: &OutArgs) -> Result<Self> {
        let (loaded, look) = named(input, out)?;
        let bases = Bases::of(input);
        let several = input.sources.len() > 1 || loaded.collected;
        let forms = Forms {
            paths: input.sources.clone(),
            choice: input.choice(),
            limit: limit(input),
        };
        Ok(Self {
            loaded,
            symbols: look.symbols,
            binary: input.symbols.binary.clone(),
            knowledge: knowledge(input)?,
            forms: (several && bases.names.is_empty()).then_some(forms),
            bases,
        })
    }

    /// What `goroutines` needs. A folder is read again for it: a profile of all sources keeps only one of their forms.
    pub(super) fn goroutines(&self) -> Result<GoroutineForms> {
        let loaded = &self.loaded;
        if !matches!(loaded.kind, Kind::Goroutine | Kind::GoroutineLeak) {
            bail!(InputError::NoSuchKind {
                asked: Kind::Goroutine,
                available: vec![(loaded.kind, loaded.files.len())],
            });
        }
        if let Some(again) = &self.forms {
            let mut forms = Input::open(&again.paths, again.limit)?.goroutines(Some(loaded.kind), &again.choice)?;
            // Said when the session began.
            forms.notes.clear();
            return Ok(forms);
        }
        let ends_early = |n: &SourceNote| matches!(n, SourceNote::Remark(_, Remark::DumpTruncated(_)));
        let dumps = if self.bases.names.is_empty() {
            loaded.dumps.clone()
        } else {
            Vec::new()
        };
        let is_dump = !dumps.is_empty();
        let files = |these: bool| if these { loaded.files.clone() } else { Vec::new() };
        Ok(GoroutineForms {
            dump_files: files(is_dump),
            cut: loaded.notes.iter().any(ends_early),
            profile: (!is_dump).then(|| loaded.profile.clone()),
            profile_files: files(!is_dump),
            profile_form: loaded.form,
            kind: loaded.kind,
            notes: Vec::new(),
            binaries: loaded.binaries.clone(),
            dumps,
        })
    }
}

/// Says something on standard error unless it is to be quiet.
pub(super) fn note(args: &OutArgs, text: &str) {
    if !args.quiet {
        say!("note: {text}");
    }
}

/// The table of subsystems: the user's, or the built-in one.
pub(super) fn knowledge(input: &InputArgs) -> Result<Arc<Knowledge>> {
    match (&input.held, &input.knowledge) {
        (Some(held), None) => Ok(held.knowledge.clone()),
        (_, path) => knowledge_of(path.as_deref()),
    }
}

/// The table of subsystems in a file, or the built-in one.
pub(super) fn knowledge_of(path: Option<&Path>) -> Result<Arc<Knowledge>> {
    let Some(path) = path else {
        return Ok(Arc::new(Knowledge::builtin()));
    };
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(Arc::new(Knowledge::parse(&text, &path.display().to_string())?))
}

/// Reads the sources, and subtracts the base where there is one.
pub(super) fn load(input: &InputArgs, out: &OutArgs) -> Result<Loaded> {
    match &input.held {
        Some(held) => subtracted(held.loaded.clone(), input, out),
        None => load_of(Input::open(&input.sources, limit(input))?, input, out),
    }
}

fn load_of(opened: Input, input: &InputArgs, out: &OutArgs) -> Result<Loaded> {
    let loaded = opened.load(input.kind.as_ref().map(|k| k.kind), &input.choice())?;
    subtracted(received(loaded, input, out)?, input, out)
}

/// Subtracts the base where there is one.
fn subtracted(mut loaded: Loaded, input: &InputArgs, out: &OutArgs) -> Result<Loaded> {
    let (paths, keep) = if input.diff_base.is_empty() {
        (&input.base, false)
    } else {
        (&input.diff_base, true)
    };
    if paths.is_empty() {
        if input.normalize {
            bail!("--normalize needs a base\nhint: name it with --base or --diff-base");
        }
        return Ok(loaded);
    }
    let mut base = load_paths(paths, input, Some(loaded.kind), input.choice(), out)?;
    loaded.base_files = base.files.len();
    if base.profile.build_id() != loaded.profile.build_id() {
        note(out, &SourceNote::OtherBuild.to_string());
        base.profile.forget_addresses();
        loaded.profile.forget_addresses();
    }
    // A difference is of the later profile; the time that both took together says nothing.
    let (time, duration) = (loaded.profile.time_nanos, loaded.profile.duration_nanos);
    loaded.profile = analysis::compare(
        loaded.profile,
        base.profile,
        keep,
        input.normalize,
        MergeOptions::default(),
    )?;
    loaded.profile.time_nanos = time;
    loaded.profile.duration_nanos = duration;
    Ok(loaded)
}

pub(super) fn limit(input: &InputArgs) -> Limit {
    input.max_size.map_or(Limit::Proportional, Limit::Bytes)
}

/// Reads profiles of one kind.
pub(super) fn load_paths(
    paths: &[PathBuf],
    input: &InputArgs,
    kind: Option<Kind>,
    choice: Choice,
    out: &OutArgs,
) -> Result<Loaded> {
    let loaded = Input::open(paths, limit(input))?.load(kind, &choice)?;
    received(loaded, input, out)
}

/// Says the notes of what was read; dumps get the owners of parents.
fn received(mut loaded: Loaded, input: &InputArgs, out: &OutArgs) -> Result<Loaded> {
    say(&loaded.notes, out);
    if !loaded.dumps.is_empty() {
        loaded.profile = of_dumps(&loaded.dumps, input)?;
    }
    Ok(loaded)
}

/// The earliest and the latest profile of a folder or a bundle, or what was chosen of it.
pub(super) fn ends(path: &Path, input: &InputArgs, old: Option<Which>, out: &OutArgs) -> Result<(Loaded, Loaded)> {
    let opened = Input::open(&[path.to_owned()], limit(input))?;
    let kind = input.kind.as_ref().map(|k| k.kind);
    let (first, last) = opened.ends(kind, &input.choice(), old)?;
    Ok((received(first, input, out)?, received(last, input, out)?))
}

/// Says what the reader of the sources found.
pub(super) fn say(notes: &[SourceNote], out: &OutArgs) {
    for n in notes {
        note(out, &n.to_string());
    }
}

/// One profile of goroutine dumps, with the owners of parents.
fn of_dumps(of: &[GoroutineDump], input: &InputArgs) -> Result<Profile> {
    let knowledge = knowledge(input)?;
    let mut profiles: Vec<Profile> = of.iter().map(|d| dumps::with_parents(d, &knowledge)).collect();
    match (profiles.pop(), profiles.is_empty()) {
        (Some(only), true) => Ok(only),
        (last, _) => {
            profiles.extend(last);
            Ok(model::merge(profiles, MergeOptions::default())?)
        }
    }
}

/// Reads the sources and names what has no name.
pub(super) fn named(input: &InputArgs, out: &OutArgs) -> Result<(Loaded, Look)> {
    with_names(load(input, out)?, input, out)
}

/// Takes what was asked for of opened sources and names what has no name.
pub(super) fn named_of(opened: Input, input: &InputArgs, out: &OutArgs) -> Result<(Loaded, Look)> {
    with_names(load_of(opened, input, out)?, input, out)
}

/// Names what has no name.
pub(super) fn with_names(mut loaded: Loaded, input: &InputArgs, out: &OutArgs) -> Result<(Loaded, Look)> {
    let symbols = match &input.held {
        Some(held) if held.binary == input.symbols.binary => held.symbols.clone(),
        _ => symbols::symbolize(
            &mut loaded.profile,
            loaded.form,
            &input.symbols.with(&loaded.binaries),
            out,
        )?,
    };
    let look = Look {
        symbols,
        ..look(&loaded, out)
    };
    Ok((loaded, look))
}

/// Takes out the frames that the profile itself does not want. An expression of its own that is none costs no report: pprof
/// passes over it as well.
pub(super) fn drop_frames(profile: &mut Profile, out: &OutArgs) {
    if let Err(e) = analysis::drop_frames(profile) {
        let reason = e.to_string();
        let reason = reason.lines().next().unwrap_or_default();
        note(out, &format!("no frames are dropped: the profile's {reason}"));
    }
}

/// Reads the sources and applies the query.
pub(super) fn view(input: &InputArgs, query: &Query, out: &OutArgs) -> Result<(View, Look)> {
    let (loaded, mut look) = named(input, out)?;
    let mut profile = loaded.profile;
    if loaded.form == Form::GoText {
        symbols::drop_hidden(&mut profile, &mut look.symbols);
    }
    drop_frames(&mut profile, out);
    let bases = input
        .held
        .as_ref()
        .map_or_else(|| Bases::of(input), |held| held.bases.clone());
    let query = Query {
        bases: bases.names,
        bases_cancelled: bases.cancel,
        ..query.clone()
    };
    look.normalized = bases.normalize;
    let mut view = prepare(profile, &query, knowledge(input)?, out)?;
    if look.merged > 1 {
        view.forget_errors();
    }
    Ok((view, look))
}

/// That no function matches, and why that may be.
pub(super) fn no_match(matching: &str, view: &View, look: &Look) -> anyhow::Error {
    if let Some(why) = why_empty(view, &look.kind) {
        return anyhow!("no function matches {matching:?}\nhint: {why}");
    }
    let filters = match view.query.active_filters().is_empty() {
        true => "",
        false => ", and see what the filters leave",
    };
    anyhow!(
        "{}\nhint: names are those of `kubeprof top -n 0`, letters as they stand; (?i){matching} takes both cases{filters}",
        QueryError::NoMatch(matching.to_owned())
    )
}

/// Applies the query and says its notes.
pub(super) fn prepare(mut profile: Profile, query: &Query, knowledge: Arc<Knowledge>, out: &OutArgs) -> Result<View> {
    analysis::drop_padding(&mut profile);
    let view = analysis::prepare_knowing(profile, query, Some(knowledge))?;
    for n in &view.notes {
        match n {
            Note::NoMatch { option } => note(out, &format!("{} matched nothing", flag(option))),
            Note::Range { option, value } => {
                note(out, &format!("--{option} takes {value} for a range, not an expression"))
            }
            Note::Units { key, used, ignored } => {
                note(
                    out,
                    &format!(
                        "label {key} is shown in {used}; some samples have it in {}",
                        ignored.join(", ")
                    ),
                );
            }
        }
    }
    Ok(view)
}

/// Says what scopes left out, for answers that have no room for it.
pub(super) fn say_outside(view: &View, out: &OutArgs) {
    if view.outside.samples > 0 {
        let value = view.format(view.outside.value, "minimum");
        let text = format!(
            "{} samples outside of what was asked for ({value}) are left out",
            view.outside.samples
        );
        note(out, &text);
    }
}

fn flag(option: &str) -> String {
    match option {
        "ShowFrom" => "--show-from".to_owned(),
        other => format!("--{}", other.to_lowercase()),
    }
}

/// How tables of this profile look.
pub(super) fn look(loaded: &Loaded, out: &OutArgs) -> Look {
    let source = match loaded.files.as_slice() {
        [one] => one.display().to_string(),
        files => format!("{} files", files.len()),
    };
    Look {
        full_names: out.full_names,
        source,
        kind: loaded.kind.to_string(),
        merged: loaded.files.len(),
        old_merged: loaded.base_files,
        ..Look::default()
    }
}
