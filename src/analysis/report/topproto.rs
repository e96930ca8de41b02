//! `topproto`: the rows of `top` as a profile of its own, one location a row.
//!
//! Values are those of the report's unit, cut to integers, as `go tool pprof` has it (D9).

use rustc_hash::FxHashMap;

use crate::analysis::{Top, View};
use crate::model::{Line, Profile, Samples, ValueType, units};

/// The rows as samples with the types `cum` and `flat`.
pub fn top_profile(report: &Top, view: &View) -> Profile {
    let from = &view.profile;
    let unit = report.header.output_unit.as_str();
    let mut p = Profile {
        time_nanos: from.time_nanos,
        duration_nanos: from.duration_nanos,
        period: from.period,
        ..Profile::default()
    };
    p.period_type = from.period_type.map(|t| ValueType {
        kind: p.strings.intern(from.text(t.kind)),
        unit: p.strings.intern(from.text(t.unit)),
    });
    let unit_id = p.strings.intern(unit);
    for kind in ["cum", "flat"] {
        let kind = p.strings.intern(kind);
        p.sample_types.push(ValueType { kind, unit: unit_id });
    }
    p.samples = Samples::new(2);
    let mut functions = FxHashMap::default();
    for row in &report.rows {
        let info = &row.info;
        let function = *functions
            .entry((info.name, info.file, info.start_line))
            .or_insert_with(|| p.add_function(from.text(info.name), "", from.text(info.file), info.start_line));
        let line = Line {
            function,
            line: info.line,
            column: info.column,
        };
        let location = p.add_location(info.address, None, &[line]);
        let stack = p.stacks.intern(&[location]).unwrap_or_default();
        let scaled = |v: i64| view.whole(units::scale(v, &view.unit, unit).0);
        p.samples.push(stack, &[scaled(row.cum), scaled(row.flat)], &[]);
    }
    p
}
