//! Profiles made for a test: stacks by name, with labels.

use std::fs;
use std::path::Path;

use kubeprof::model::{Label, Line, LocationId, Profile, Samples, ValueType};
use kubeprof::pprof::{Compression, encode_gzip};

/// A sample: frames from the leaf to the root, one value a sample type, labels.
pub(crate) struct Made<'a> {
    pub(crate) stack: &'a [&'a str],
    pub(crate) values: &'a [i64],
    pub(crate) texts: &'a [(&'a str, &'a str)],
    /// Key, number, unit.
    pub(crate) numbers: &'a [(&'a str, i64, &'a str)],
}

/// A location of one function, not in the profile before.
pub(crate) fn frame(p: &mut Profile, name: &str) -> LocationId {
    let function = p.add_function(name, name, "made.go", 1);
    let line = Line {
        function,
        line: 7,
        column: 0,
    };
    p.add_location(0, None, &[line])
}

/// A profile of these sample types (kind and unit).
pub(crate) fn profile(types: &[(&str, &str)], samples: &[Made<'_>]) -> Profile {
    let mut p = Profile::default();
    for (kind, unit) in types {
        let t = ValueType {
            kind: p.strings.intern(kind),
            unit: p.strings.intern(unit),
        };
        p.sample_types.push(t);
    }
    p.samples = Samples::new(types.len());
    for sample in samples {
        let frames: Vec<_> = sample.stack.iter().map(|name| frame(&mut p, name)).collect();
        let stack = p.stacks.intern(&frames).expect("room for a stack");
        let mut labels = Vec::new();
        for (key, text) in sample.texts {
            labels.push(Label::text(p.strings.intern(key), p.strings.intern(text)));
        }
        for &(key, number, unit) in sample.numbers {
            labels.push(Label::number(p.strings.intern(key), number, p.strings.intern(unit)));
        }
        p.samples.push(stack, sample.values, &labels);
    }
    p
}

/// Writes a profile as `profile.proto`, packed, and gives the name.
pub(crate) fn save(p: &Profile, folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    let mut bytes = Vec::new();
    encode_gzip(p, &mut bytes, Compression::suiting(p)).expect("memory");
    fs::write(&path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    path.display().to_string()
}
