//! From what was typed to a subject and a view of it, with the notes said.

use crate::cli::hints::{self, Failure};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};

use super::args::{InputArgs, OutArgs};
use super::output::{Out, Route};
use crate::analysis::{Note, Query, QueryError, View};
use crate::input::{self, Bases, Sources, Subject};
use crate::kubelet::Knowledge;
use crate::pprof::Limit;
use crate::render::layout::why_empty;

/// Where a command runs: on the command line, or at the prompt, which has read a subject and says where answers go.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    /// What was read, its notes said.
    pub(super) held: Option<Arc<Subject>>,
    /// Where answers go.
    pub(super) route: Route,
}

impl Context {
    /// Where the answer of a command goes.
    pub(super) fn out<'a>(&'a self, typed: &'a OutArgs) -> Out<'a> {
        Out {
            typed,
            route: &self.route,
        }
    }

    /// What was typed, or held, is about; its notes are said.
    pub(super) fn subject(&self, input: &InputArgs, out: &OutArgs) -> Result<Subject> {
        match &self.held {
            Some(held) => self.held_with(held, input, out),
            None => received(sources(input)?.subject()?, input, out),
        }
    }

    /// What a session holds, with what a command says beside.
    pub(super) fn held_with(&self, held: &Subject, input: &InputArgs, out: &OutArgs) -> Result<Subject> {
        let mut subject = held.clone();
        subject.notes.clear();
        let typed = sources(input)?;
        if input.knowledge.is_some() {
            subject.knowledge = typed.knowledge.clone();
        }
        subject.subtract(&typed)?;
        if typed.naming.binary.is_some() && typed.naming.binary != held.naming().binary {
            subject.name(&typed.naming)?;
        }
        received(subject, input, out)
    }

    /// A view of it.
    pub(super) fn view(&self, input: &InputArgs, query: &Query, out: &OutArgs) -> Result<View> {
        said(self.subject(input, out)?.into_view(query)?, out)
    }
}

/// Says the notes of a subject. What it must not lack is checked here.
pub(super) fn received(subject: Subject, input: &InputArgs, out: &OutArgs) -> Result<Subject> {
    notes(&subject.notes, out);
    input.symbols.check(&subject)?;
    Ok(subject)
}

/// The sources that were typed.
pub(super) fn sources(input: &InputArgs) -> Result<Sources> {
    let cancel = !input.base.is_empty();
    Ok(Sources {
        paths: input.sources.clone(),
        kind: input.kind.as_ref().map(|k| k.kind),
        choice: input.choice(),
        limit: limit(input.max_size),
        naming: input.symbols.naming(),
        bases: Bases {
            paths: if cancel { &input.base } else { &input.diff_base }.clone(),
            cancel,
            normalize: input.normalize,
        },
        knowledge: knowledge_of(input.knowledge.as_deref())?,
    })
}

pub(super) fn limit(max_size: Option<u64>) -> Limit {
    max_size.map_or(Limit::Proportional, Limit::Bytes)
}

/// Says something on standard error unless it is to be quiet.
pub(super) fn note(args: &OutArgs, text: &str) {
    if !args.quiet {
        say!("note: {text}");
    }
}

/// Says what was noticed when sources were read.
pub(super) fn notes(notes: &[input::Note], out: &OutArgs) {
    for n in notes {
        note(out, &hints::noted(n));
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

/// That no function matches, and why that may be.
pub(super) fn no_match(matching: &str, view: &View) -> anyhow::Error {
    if let Some(why) = why_empty(view) {
        return anyhow!(Failure::new(format!("no function matches {matching:?}"), why));
    }
    let filters = match view.active_filters().is_empty() {
        true => "",
        false => ", and see what the filters leave",
    };
    anyhow!(Failure::new(
        format!("{}", QueryError::NoMatch(matching.to_owned())),
        format!("names are those of `kubeprof top -n 0`, case-sensitive; (?i){matching} ignores case{filters}")
    ))
}

/// A view whose notes are said.
pub(super) fn said(view: View, out: &OutArgs) -> Result<View> {
    query_notes(&view.notes, out);
    Ok(view)
}

/// Says what was noticed when a query was applied, with the flags that it was typed as.
pub(super) fn query_notes(notes: &[Note], out: &OutArgs) {
    for n in notes {
        match n {
            Note::NoMatch { option } | Note::Range { option, .. } => {
                note(
                    out,
                    &n.to_string()
                        .replacen(option, &format!("--{}", option.replace('_', "-")), 1),
                );
            }
            n => note(out, &n.to_string()),
        }
    }
}

/// Says what scopes left out, for answers that have no room for it.
pub(super) fn say_outside(view: &View, out: &OutArgs) {
    if let Some(words) = view.outside_words() {
        note(out, &words);
    }
}
