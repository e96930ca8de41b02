//! The table of `traces`: a row a sample, for formats that have tables. The page with a line a frame is `render::traces`.

use serde_json::{Map, json};

use super::{Words, begin, shown_name};
use crate::analysis::{Traces, View};
use crate::model::units::counted;
use crate::render::document::Setting;
use crate::render::document::{Cell, Column, Document, Row, Shown};

/// The table without its rows; those come from [`traces_rows`] one at a time.
pub fn traces(report: &Traces, view: &View) -> Document {
    let mut d = begin("traces", &report.header, view);
    d.columns = vec![
        Column::number("value", "value", Shown::Always),
        Column::number("percent", "%", Shown::Always),
        Column::words("owner", "owner", Shown::Always),
        Column::words("blocked_in", "in", Shown::Always),
        Column::words("labels", "labels", Shown::Always),
        Column::words("stack", "stack", Shown::Always),
    ];
    if report.zero > 0 {
        let (n, noun) = (report.zero, if report.zero == 1 { "sample is" } else { "samples are" });
        d.notes.push(format!("{n} {noun} zero and not shown"));
        d.facts.insert("zero_samples".to_owned(), json!(n));
    }
    if report.left_out > 0 {
        let n = counted(report.left_out, "lighter sample is", "lighter samples are");
        d.note(format!("{n} left out"), Setting::AllRows);
    }
    d
}

/// The rows: stacks root first, with `;` between frames, as folded stacks have them.
pub fn traces_rows<'a>(report: &'a Traces, view: &'a View, full_names: bool) -> impl Iterator<Item = Row> + 'a {
    let attributions = view.attributions();
    report.samples(view).map(move |trace| {
        let w = Words {
            view,
            h: &report.header,
        };
        let found = attributions.get(trace.index);
        let title = |id| match (id, &view.lens) {
            (Some(id), Some(lens)) => Cell::Text(lens.title(id).to_owned()),
            _ => Cell::None,
        };
        let mut labels = Map::new();
        let mut words = Vec::new();
        for (key, values) in &trace.texts {
            words.extend(values.iter().map(|v| format!("{key}={v}")));
            labels.insert(key.clone(), json!(values));
        }
        for (key, values, _) in &trace.numbers {
            words.extend(values.iter().map(|v| format!("{key}={v}")));
            labels.insert(key.clone(), json!(values));
        }
        let mut stack = Vec::new();
        for &l in view.profile.stack(trace.stack).iter().rev() {
            for &n in report.frames(l).iter().rev() {
                let name = report.infos[n as usize].printable(&view.profile);
                stack.push(shown_name(&name, full_names));
            }
        }
        let labels = match words.is_empty() {
            true => Cell::None,
            false => Cell::Parts(labels.into(), words.join(" ")),
        };
        Row {
            cells: vec![
                w.value(trace.value),
                w.percent(trace.value),
                title(found.and_then(|a| a.owner)),
                title(found.and_then(|a| a.blocked_in)),
                labels,
                Cell::Text(stack.join(";")),
            ],
            ..Row::default()
        }
    })
}
