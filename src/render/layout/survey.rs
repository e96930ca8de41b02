//! The page of `inspect` for several files: a row a file.

use serde_json::json;

use crate::input::ListedFile;
use crate::model::units::{self, counted};
use crate::render::document::Setting;
use crate::render::document::{Cell, Column, Document, Emphasis, Row, Shown};
use crate::render::pprof::go_time;

/// What each file is.
pub fn survey(files: &[ListedFile]) -> Document {
    let mut d = Document {
        schema: "kubeprof/survey/1".to_owned(),
        ..Document::default()
    };
    d.columns = vec![
        Column::words("file", "file", Shown::Always),
        Column::words("kind", "kind", Shown::Always),
        Column::words("taken", "taken", Shown::Always),
        Column::number("samples", "samples", Shown::Always),
        Column::number("total", "total", Shown::Always),
        Column::words("sample_type", "sample type", Shown::Always),
        Column::words("unit", "unit", Shown::Machine),
        Column::words("build_id", "build ID", Shown::Wide),
        Column::words("form", "form", Shown::Wide),
        Column::words("problem", "", Shown::Always),
    ];
    for file in files {
        let mut row = Row {
            cells: vec![Cell::None; d.columns.len()],
            ..Row::default()
        };
        row.cells[0] = Cell::Text(file.path.display().to_string());
        match &file.found {
            Ok(p) => {
                let (sample_type, unit) = &p.sample_type;
                row.cells[1] = Cell::Text(p.kind.to_string());
                if p.time_nanos != 0 {
                    row.cells[2] = Cell::Text(go_time::short(p.time_nanos));
                }
                row.cells[3] = Cell::Count(i64::try_from(p.samples).unwrap_or(i64::MAX));
                row.cells[4] = Cell::Value(p.total, units::label(p.total, unit, "auto"));
                row.cells[5] = Cell::Text(sample_type.clone());
                row.cells[6] = Cell::Text(unit.clone());
                row.cells[7] = Cell::Text(p.build_id.clone());
                row.cells[8] = Cell::Text(p.form.to_string());
            }
            Err(reason) => {
                row.emphasis = Emphasis::Faint;
                row.cells[9] = Cell::Text(reason.clone());
            }
        }
        d.rows.push(row);
    }
    let profiles = files.iter().filter(|f| f.found.is_ok()).count();
    d.facts.insert("profiles".to_owned(), json!(profiles));
    d.heading = vec![format!(
        "{} in {}",
        counted(profiles, "profile", "profiles"),
        counted(files.len(), "file", "files")
    )];
    if profiles > 1 {
        d.note(
            "reports take one kind; several of a kind are added up".to_owned(),
            Setting::Kind,
        );
    }
    d
}
