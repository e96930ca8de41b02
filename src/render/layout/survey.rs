//! The page of `inspect` for several files: a row a file.

use std::path::PathBuf;

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
        Column::words("file", "file", Shown::Machine),
        Column::words("name", "file", Shown::People),
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
    let folder = folder_of(files);
    for file in files {
        let mut row = Row {
            cells: vec![Cell::None; d.columns.len()],
            ..Row::default()
        };
        row.cells[0] = Cell::Text(file.path.display().to_string());
        let name = file.path.strip_prefix(&folder).unwrap_or(&file.path);
        row.cells[1] = Cell::Text(name.display().to_string());
        match &file.found {
            Ok(p) => {
                let (sample_type, unit) = &p.sample_type;
                row.cells[2] = Cell::Text(p.kind.to_string());
                if p.time_nanos != 0 {
                    row.cells[3] = Cell::Text(go_time::short(p.time_nanos));
                }
                row.cells[4] = Cell::Count(i64::try_from(p.samples).unwrap_or(i64::MAX));
                row.cells[5] = Cell::Value(p.total, units::label(p.total, unit, "auto"));
                row.cells[6] = Cell::Text(sample_type.clone());
                row.cells[7] = Cell::Text(unit.clone());
                row.cells[8] = Cell::Text(p.build_id.clone());
                row.cells[9] = Cell::Text(p.form.to_string());
            }
            Err(reason) => {
                row.emphasis = Emphasis::Faint;
                row.cells[10] = Cell::Text(reason.clone());
            }
        }
        d.rows.push(row);
    }
    let profiles = files.iter().filter(|f| f.found.is_ok()).count();
    d.facts.insert("profiles".to_owned(), json!(profiles));
    let of = match folder.as_os_str().is_empty() {
        true => String::new(),
        false => format!(" of {}", folder.display()),
    };
    d.heading = vec![format!(
        "{} in {}{of}",
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

/// The folder that all files are in; empty where there is none, or none worth leaving out of names.
fn folder_of(files: &[ListedFile]) -> PathBuf {
    let mut folders = files.iter().filter_map(|file| file.path.parent());
    let Some(first) = folders.next() else {
        return PathBuf::new();
    };
    let common = folders.fold(first.to_owned(), |common, folder| {
        let same = common.components().zip(folder.components()).take_while(|(a, b)| a == b);
        same.map(|(a, _)| a).collect()
    });
    match common.file_name() {
        Some(_) => common,
        None => PathBuf::new(),
    }
}
