//! What a row of a report stands for and how it is written.

use std::borrow::Cow;

use rustc_hash::FxHashMap;

use crate::model::{LocationId, Profile, StringId};

/// Identity of a node: two frames with equal info are one row.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeInfo {
    /// Function name.
    pub name: StringId,
    /// Address; 0 unless the granularity is addresses.
    pub address: u64,
    /// Cleaned file name; empty unless the granularity shows files.
    pub file: StringId,
    /// Start line of the function, kept where pprof keeps it.
    pub start_line: i64,
    /// Line; 0 unless the granularity shows lines.
    pub line: i64,
    /// Column.
    pub column: i64,
    /// Mapped file, where no function is known or the report is about machine code.
    pub object: StringId,
}

impl NodeInfo {
    /// The name of the row: address, function, file and line, as far as they are part of it.
    pub fn printable<'a>(&self, p: &'a Profile) -> Cow<'a, str> {
        let name = p.text(self.name);
        if self.address == 0 && self.line == 0 && self.file.is_empty() && !name.is_empty() {
            return Cow::Borrowed(name);
        }
        Cow::Owned(self.parts(name, p.text(self.file), p.text(self.object)).join(" "))
    }

    /// The parts of the name of the row, with its texts given: drawings shorten them first.
    pub fn parts(&self, name: &str, file: &str, object: &str) -> Vec<String> {
        let mut parts = Vec::new();
        if self.address != 0 {
            parts.push(format!("{:016x}", self.address));
        }
        if !name.is_empty() {
            parts.push(name.to_owned());
        }
        if self.line != 0 {
            parts.push(if self.column == 0 {
                format!("{file}:{}", self.line)
            } else {
                format!("{file}:{}:{}", self.line, self.column)
            });
        } else if !file.is_empty() {
            parts.push(file.to_owned());
        } else if name.is_empty() {
            parts.push(if object.is_empty() {
                "<unknown>".to_owned()
            } else {
                format!("[{}]", base_name(object))
            });
        }
        parts
    }
}

/// Go's `filepath.Base`.
pub(crate) fn base_name(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return "/";
    }
    path.rsplit('/').next().unwrap_or(path)
}

/// Go's `filepath.Clean`.
pub(crate) fn clean_path(path: &str) -> Cow<'_, str> {
    let messy = path.contains("//")
        || path.contains("/./")
        || path.contains("/../")
        || path.starts_with("./")
        || path.starts_with("../")
        || path.ends_with("/.")
        || path.ends_with("/..")
        || path.len() > 1 && path.ends_with('/');
    if path.is_empty() {
        return Cow::Borrowed(".");
    }
    if !messy {
        return Cow::Borrowed(path);
    }
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => match parts.last() {
                Some(&last) if last != ".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(".."),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    Cow::Owned(match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    })
}

/// The infos of all lines of all locations: location -> run of node numbers, innermost first. A location without lines
/// has one node that stands for its address.
pub(in crate::analysis) struct NodeTable {
    pub(in crate::analysis) infos: Vec<NodeInfo>,
    ends: Vec<u32>,
    nodes: Vec<u32>,
}

impl NodeTable {
    /// Numbers the nodes of `p`, whose functions have these files. With `objects`, mapped files and start lines are part of the
    /// identity.
    pub(in crate::analysis) fn new(p: &Profile, files: &[StringId], objects: bool, merge_start_lines: bool) -> Self {
        let mut index: FxHashMap<NodeInfo, u32> = FxHashMap::default();
        // Mostly there are about as many nodes as functions.
        index.reserve(p.functions.len());
        let mut table = NodeTable {
            infos: Vec::with_capacity(p.functions.len()),
            ends: Vec::with_capacity(p.locations.len() + 1),
            nodes: Vec::with_capacity(p.lines.len()),
        };
        table.ends.push(0);
        for l in 0..p.locations.len() {
            let id = LocationId::new(l);
            let location = *p.location(id);
            let object = p.mapping_of(id).map_or(StringId::EMPTY, |m| m.file);
            let mut push = |info: NodeInfo| {
                let next = table.infos.len() as u32;
                let n = *index.entry(info).or_insert(next);
                if n == next {
                    table.infos.push(info);
                }
                table.nodes.push(n);
            };
            if location.line_count == 0 {
                push(NodeInfo {
                    address: location.address,
                    object,
                    ..NodeInfo::default()
                });
            }
            for i in 0..location.line_count {
                let line = p.lines[(location.first_line + i) as usize];
                let f = *p.function(line.function);
                let file = files[line.function.index()];
                let whole = objects || f.name.is_empty();
                push(NodeInfo {
                    name: f.name,
                    address: location.address,
                    file,
                    start_line: if whole && !merge_start_lines { f.start_line } else { 0 },
                    line: line.line,
                    column: line.column,
                    object: if whole && (!merge_start_lines || file.is_empty()) {
                        object
                    } else {
                        StringId::EMPTY
                    },
                });
            }
            table.ends.push(table.nodes.len() as u32);
        }
        table
    }

    /// How many locations there are.
    pub(in crate::analysis) fn locations(&self) -> usize {
        self.ends.len() - 1
    }

    /// The nodes of a location, innermost first.
    #[inline]
    pub(in crate::analysis) fn of(&self, l: LocationId) -> &[u32] {
        &self.nodes[self.ends[l.index()] as usize..self.ends[l.index() + 1] as usize]
    }
}
