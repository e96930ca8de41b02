//! `disasm`, as far as it goes without a disassembler: which binaries would be needed.
//!
//! Where none of them is on this machine the answer is that of `go tool pprof`, which prints the reasons on stdout (D21).

use std::fs::File;
use std::io::{self, Write};

use rustc_hash::FxHashSet;

use crate::analysis::{self, CallCosts, View};
use crate::render::system_reason;

/// Prints why no binary can be disassembled; returns a text for stderr.
///
/// # Errors
/// What `out` reports.
pub(super) fn refuse(view: &View, matching: &str, out: &mut dyn Write) -> io::Result<String> {
    let costs = analysis::call_costs(view);
    let found = match matching_objects(&costs, view, matching) {
        Ok(found) => found,
        Err(e) => return Ok(e.to_string()),
    };
    let address = super::numbers::int(matching).and_then(|n| u64::try_from(n).ok());
    let mut binary = None;
    for m in &view.profile.mappings {
        let covers = address.is_some_and(|a| m.start <= a && a <= m.limit);
        if !found.contains(&m.file) && !covers {
            continue;
        }
        let file = view.profile.text(m.file);
        match File::open(file) {
            Ok(_) if super::is_elf(file.as_ref()) => binary = Some(file),
            Ok(_) => writeln!(out, "open {file}: unrecognized object file")?,
            Err(e) => writeln!(out, "open {file}: {}", system_reason(&e))?,
        }
    }
    Ok(if let Some(binary) = binary {
        // Quoted so that it can be typed in a shell.
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        format!(
            "-disasm is not supported here\nhint: kubeprof disasm --binary {} {} PROFILE shows what each instruction costs",
            quoted(binary),
            quoted(matching)
        )
    } else if let Some(address) = address {
        format!("no matches found for address {address:#x}")
    } else {
        format!("no matches found for regexp {matching}")
    })
}

/// The mapped files with samples in a row whose name matches.
fn matching_objects(
    costs: &CallCosts,
    view: &View,
    matching: &str,
) -> Result<FxHashSet<crate::model::StringId>, analysis::QueryError> {
    let expression = analysis::Expression::new("the argument", matching)?;
    let rows = (0..costs.len()).map(|n| costs.node(n).0);
    let named = rows.filter(|info| !info.object.is_empty() && expression.is_match(&info.printable(&view.profile)));
    Ok(named.map(|info| info.object).collect())
}
