//! A Go program made by hand: an ELF file with code, a function table and the moduledata that proves it, in every layout
//! that Go had, small enough to know what each byte means and to change one.
//!
//! It is loaded at [`BASE`]: code, then the function table, then moduledata, each on a page of its own; the parts of the
//! table follow `runtime.pcHeader` and `runtime._func` of Go 1.16 to 1.27.

use kubeprof::symbolize::BinaryError;
use kubeprof::symbolize::elf::Elf;
use kubeprof::symbolize::pclntab::{Frame, GoTable, Layout};

/// Address of the first byte of the file.
pub(super) const BASE: u64 = 0x40_0000;
/// `runtime.text`; the first function starts a little later, so that the two are not mixed up.
pub(super) const TEXT: u64 = BASE + 0x1000;
pub(super) const FIRST: u64 = TEXT + 0x20;
/// Code and what a linker may put behind it.
const CODE_PAGE: usize = 0x1000;
const TABLE_PAGE: usize = 0x3000;
/// Where `gofunc` is, from the start of the table.
const GOFUNC: usize = 0x1800;
const MODULE_PAGE: usize = 0x7000;
const DYNAMIC_PAGE: usize = 0x8000;
const SECTION_PAGE: usize = 0xa000;

/// Numbers of the functions that the runtime treats specially, as this "release" gives them.
const WRAPPER: u8 = 22;
const PANICS: [u8; 3] = [11, 12, 13];

/// An inlined call: a row of a function's inline tree.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) name: &'static str,
    pub(super) id: u8,
    /// Offset of the place of the call in the function.
    pub(super) parent: u32,
    pub(super) start_line: u32,
}

/// A stretch of instructions: bytes, file, line, row of the inline tree.
pub(super) type Run = (u32, i32, i32, i32);

#[derive(Clone)]
pub(super) struct Func {
    pub(super) name: &'static str,
    pub(super) id: u8,
    pub(super) start_line: u32,
    /// Bytes up to the next function; what the runs leave is filler.
    pub(super) size: u32,
    pub(super) runs: Vec<Run>,
    pub(super) calls: Vec<Call>,
    /// Number of PC-value tables, the third of which is the inline index, and of data, the fourth of which is the tree.
    pub(super) values: u32,
    pub(super) data: u8,
}

pub(super) fn func(name: &'static str, start_line: u32, size: u32, runs: &[Run]) -> Func {
    Func {
        name,
        id: 0,
        start_line,
        size,
        runs: runs.to_vec(),
        calls: Vec::new(),
        values: 3,
        data: 4,
    }
}

impl Func {
    pub(super) fn id(self, id: u8) -> Self {
        Self { id, ..self }
    }

    pub(super) fn call(mut self, name: &'static str, id: u8, parent: u32, start_line: u32) -> Self {
        self.calls.push(Call {
            name,
            id,
            parent,
            start_line,
        });
        self
    }

    pub(super) fn counts(self, values: u32, data: u8) -> Self {
        Self { values, data, ..self }
    }
}

/// Files of the program by number: 2 is none, 3 is outside of the table.
const FILES: [&str; 2] = ["main.go", "inner.go"];

/// The functions of the program.
pub(super) fn program() -> Vec<Func> {
    let special = |name, id| func(name, 7, 0x10, &[(0x10, 0, 8, -1)]).id(id);
    let run = |row| (8, 1, 90 + row, row);
    vec![
        // `inner` in `middle` in `main`, then eight bytes of filler.
        func(
            "main.main",
            10,
            0x40,
            &[
                (8, 0, 11, -1),
                (8, 0, 12, -1),
                (8, 1, 31, 1),
                (8, 1, 21, 0),
                (0x18, 0, 13, -1),
            ],
        )
        .call("main.middle", 0, 0x0c, 20)
        .call("main.inner", 0, 0x1c, 30),
        // A wrapper is left out when it called something, unless that was a panic. Four tables: the data are padded (Go 1.16).
        func("main.(*T).M", 1, 0x20, &[(0x10, 1, 40, 0), (0x10, 0, 1, -1)])
            .id(WRAPPER)
            .call("main.T.M", 0, 0x18, 39)
            .counts(4, 5),
        func("main.(*T).P", 2, 0x20, &[run(0), run(1), run(2), (8, 0, 3, -1)])
            .id(WRAPPER)
            .call("main.panics", PANICS[0], 0x18, 1)
            .call("main.signals", PANICS[1], 0x18, 2)
            .call("main.wraps", PANICS[2], 0x18, 3),
        special("runtime.deferreturn", WRAPPER),
        special("runtime.gopanic", PANICS[0]),
        special("runtime.sigpanic", PANICS[1]),
        special("runtime.panicwrap", PANICS[2]),
        // What the C compiler made has no lines.
        func("crosscall", 0, 0x10, &[]).counts(0, 0),
        func("main.empty", 5, 0, &[]),
        // A place that is none: files or lines below zero, a file without a name, one outside of the table. Line 0 is one.
        func(
            "main.places",
            0x7fff_ffff,
            0x20,
            &[
                (4, -1, 50, -1),
                (4, 0, -1, -1),
                (4, 2, 51, -1),
                (4, 3, 52, -1),
                (0x10, 0, 0, -1),
            ],
        ),
        // An inline index and a tree, but one of them is not counted.
        func("main.indexless", 0x8000_0000, 0x10, &[(0x10, 0, 60, 0)])
            .call("main.hidden", 0, 0, 1)
            .counts(2, 4),
        func("main.treeless", 6, 0x10, &[(0x10, 0, 61, 0)])
            .call("main.hidden", 0, 0, 1)
            .counts(3, 3),
        func("main.last", 70, 0x10, &[(0x10, 0, 71, -1)]),
    ]
}

/// How the program is linked.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) layout: Layout,
    pub(super) arm64: bool,
    /// `gofunc` inside of the table (Go 1.26 and later), else behind it.
    pub(super) inside: bool,
    /// Addresses are relocations (an externally linked PIE), not stored words.
    pub(super) relocations: bool,
    pub(super) sections: bool,
    pub(super) functions: Vec<Func>,
}

impl Link {
    pub(super) fn of(layout: Layout) -> Self {
        Self {
            layout,
            arm64: false,
            inside: false,
            relocations: false,
            sections: true,
            functions: program(),
        }
    }

    /// Every shape that Go's linkers have made.
    pub(super) fn all() -> Vec<(String, Self)> {
        let mut all = Vec::new();
        for layout in [Layout::Go116, Layout::Go118, Layout::Go120] {
            for bits in 0..16 {
                let [arm64, inside, relocations, sections] = [1, 2, 4, 8].map(|bit| bits & bit != 0);
                if inside && layout != Layout::Go120 {
                    continue;
                }
                let name =
                    format!("{layout:?} arm64 {arm64} inside {inside} relocations {relocations} sections {sections}");
                let link = Self {
                    arm64,
                    inside,
                    relocations,
                    sections,
                    ..Self::of(layout)
                };
                all.push((name, link));
            }
        }
        all
    }

    pub(super) fn build(&self) -> Made {
        Builder::new(self).build()
    }
}

/// The file, and where its parts are in it.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    /// First bytes in the file.
    pub(super) table: usize,
    pub(super) module: usize,
    /// From the start of the table.
    pub(super) index: usize,
    pub(super) records: Vec<usize>,
    pub(super) table_size: usize,
    /// First byte in the file of each program header: code, table, moduledata, the rest.
    pub(super) segments: [usize; 4],
}

impl Made {
    pub(super) fn set(&mut self, at: usize, bytes: &[u8]) {
        self.bytes[at..at + bytes.len()].copy_from_slice(bytes);
    }

    pub(super) fn word(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().expect("eight bytes"))
    }

    /// Sets a word of moduledata.
    pub(super) fn module(&mut self, word: usize, value: u64) {
        self.set(self.module + 8 * word, &value.to_le_bytes());
    }

    pub(super) fn module_word(&self, word: usize) -> u64 {
        self.word(self.module + 8 * word)
    }

    /// Sets bytes of the table.
    pub(super) fn table(&mut self, at: usize, bytes: &[u8]) {
        self.set(self.table + at, bytes);
    }

    /// Sets a field of a program header: 8 offset, 16 address, 32 and 40 size in the file and in memory.
    pub(super) fn segment(&mut self, n: usize, field: usize, value: u64) {
        self.set(self.segments[n] + field, &value.to_le_bytes());
    }

    pub(super) fn parsed<T>(&self, answer: impl FnOnce(Result<GoTable<'_>, BinaryError>) -> T) -> T {
        let elf = Elf::parse(&self.bytes).expect("an ELF file");
        answer(GoTable::parse(&elf))
    }

    /// Why there is no table.
    pub(super) fn refused(&self) -> Option<BinaryError> {
        self.parsed(|table| table.err())
    }

    /// `function file:line` of the chain at an offset from the first function, or why there is none.
    pub(super) fn chain(&self, offset: u64) -> String {
        self.parsed(|table| {
            let table = table.expect("a table");
            let mut frames: Vec<Frame<'_>> = Vec::new();
            match table.lookup(FIRST + offset, &mut frames) {
                Ok(()) => {
                    let frames = frames.iter().map(|f| format!("{} {}:{}", f.function, f.file, f.line));
                    frames.collect::<Vec<_>>().join(" < ")
                }
                Err(miss) => format!("{miss:?}"),
            }
        })
    }
}

struct Builder<'a> {
    link: &'a Link,
    names: Vec<u8>,
    values: Vec<u8>,
    gofunc: Vec<u8>,
    /// Words of the file that hold addresses.
    pointers: Vec<(usize, u64)>,
}

fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl<'a> Builder<'a> {
    fn new(link: &'a Link) -> Self {
        Self {
            link,
            names: b"go:buildid\0".to_vec(),
            values: vec![0xff],
            gofunc: vec![0; 16],
            pointers: Vec::new(),
        }
    }

    fn name(&mut self, name: &str) -> u32 {
        let at = self.names.len();
        self.names.extend(name.as_bytes());
        self.names.push(0);
        at as u32
    }

    /// A PC-value table of what changes from run to run; none of no runs.
    fn table_of(&mut self, runs: &[Run], value: impl Fn(&Run) -> i32) -> u32 {
        if runs.is_empty() {
            return 0;
        }
        let quantum = if self.link.arm64 { 4 } else { 1 };
        let at = self.values.len();
        let mut merged: Vec<(i32, u32)> = Vec::new();
        for run in runs {
            match merged.last_mut() {
                Some((last, size)) if *last == value(run) => *size += run.0,
                _ => merged.push((value(run), run.0)),
            }
        }
        let mut before = -1;
        for (value, size) in merged {
            let delta = value - before;
            varint(&mut self.values, ((delta << 1) ^ (delta >> 31)) as u32);
            varint(&mut self.values, size / quantum);
            before = value;
        }
        self.values.push(0);
        at as u32
    }

    fn tree_of(&mut self, calls: &[Call]) -> u32 {
        let at = self.gofunc.len();
        for call in calls {
            let name = self.name(call.name);
            if self.link.layout == Layout::Go120 {
                self.gofunc.extend([call.id, 0, 0, 0]);
                for field in [name, call.parent, call.start_line] {
                    self.gofunc.extend(field.to_le_bytes());
                }
            } else {
                self.gofunc.extend([0xff, 0xff, call.id, 0]);
                for field in [0, 0, name, call.parent] {
                    self.gofunc.extend(field.to_le_bytes());
                }
            }
        }
        at as u32
    }

    fn build(mut self) -> Made {
        let link = self.link;
        let old = link.layout == Layout::Go116;
        // What the records point to comes first: a record is its place and its bytes.
        let mut places = Vec::new();
        let mut at = FIRST;
        let mut drafts = Vec::new();
        for f in &link.functions {
            let fields = [
                self.name(f.name),
                0,
                0,
                0,
                self.table_of(&f.runs, |r| r.1),
                self.table_of(&f.runs, |r| r.2),
                f.values,
                1,
            ];
            let inline = if f.calls.is_empty() {
                0
            } else {
                self.table_of(&f.runs, |r| r.3)
            };
            let tree = if f.calls.is_empty() {
                None
            } else {
                Some(self.tree_of(&f.calls))
            };
            drafts.push((fields, inline, tree));
            places.push(at);
            at += u64::from(f.size);
        }
        let end = at;
        places.push(end);
        let mut files = vec![0];
        // The unit of all functions starts at 1.
        let mut units = vec![0xee, 0xee, 0xee, 0xee];
        for file in FILES {
            units.extend((files.len() as u32).to_le_bytes());
            files.extend(file.as_bytes());
            files.push(0);
        }
        units.extend(u32::MAX.to_le_bytes());
        units.extend(0xffff_u32.to_le_bytes());
        // The parts of the table.
        let mut table = vec![0; if old { 8 * 8 } else { 9 * 8 }];
        let mut part = |bytes: &[u8]| {
            let start = table.len();
            table.extend(bytes);
            table.resize(table.len().next_multiple_of(8), 0);
            start
        };
        let parts = [part(&self.names), part(&units), part(&files), part(&self.values)];
        let index = part(&[]);
        let row = if old { 16 } else { 8 };
        let records_start = (row * link.functions.len() + row / 2).next_multiple_of(8);
        let gofunc = BASE + (TABLE_PAGE + GOFUNC) as u64;
        let offset = |address: u64| (address - TEXT) as u32;
        let mut rows = Vec::new();
        let mut records = Vec::new();
        let mut starts = Vec::new();
        for (n, f) in link.functions.iter().enumerate() {
            let (fields, inline, tree) = drafts[n];
            let start = records_start + records.len();
            starts.push(index + start);
            let mut record = Vec::new();
            if old {
                self.pointers.push((TABLE_PAGE + index + 16 * n, places[n]));
                self.pointers.push((TABLE_PAGE + index + start, places[n]));
                rows.extend(places[n].to_le_bytes());
                rows.extend((start as u64).to_le_bytes());
                record.extend(places[n].to_le_bytes());
            } else {
                rows.extend(offset(places[n]).to_le_bytes());
                rows.extend((start as u32).to_le_bytes());
                record.extend(offset(places[n]).to_le_bytes());
            }
            fields.iter().for_each(|field| record.extend(field.to_le_bytes()));
            if link.layout == Layout::Go120 {
                record.extend(f.start_line.to_le_bytes());
            }
            record.extend([f.id, 0, 0, f.data]);
            for table in 0..f.values.max(3) {
                // An index that is not counted stands where the data begin.
                record.extend(if table == 2 { inline.to_le_bytes() } else { [0; 4] });
                if table + 1 == f.values && f.values < 3 {
                    break;
                }
            }
            if old {
                record.resize(record.len().next_multiple_of(8), 0);
                for data in 0..f.data.max(4) {
                    let address = if data == 3 {
                        tree.map_or(0, |t| gofunc + u64::from(t))
                    } else {
                        0
                    };
                    if address > 0 {
                        self.pointers.push((TABLE_PAGE + index + start + record.len(), address));
                    }
                    record.extend(address.to_le_bytes());
                }
            } else {
                for data in 0..f.data.max(4) {
                    // In a function whose index is not counted, the first of the data reads as one.
                    let uncounted = if data == 0 && f.values == 2 { inline } else { u32::MAX };
                    record.extend(if data == 3 { tree.unwrap_or(u32::MAX) } else { uncounted }.to_le_bytes());
                }
            }
            record.resize(record.len().next_multiple_of(8), 0);
            records.extend(record);
        }
        if old {
            self.pointers
                .push((TABLE_PAGE + index + 16 * link.functions.len(), end));
            rows.extend(end.to_le_bytes());
        } else {
            rows.extend(offset(end).to_le_bytes());
        }
        rows.resize(records_start, 0);
        table.extend(rows);
        table.extend(records);
        let mut table_size = table.len();
        assert!(table_size < GOFUNC, "room for the records");
        table.resize(GOFUNC, 0);
        let findfunctab = gofunc - 8;
        table.extend(&self.gofunc);
        table.resize(table.len().next_multiple_of(8), 0);
        if link.inside {
            table_size = table.len();
        }
        let all = table.len();
        assert!(all < MODULE_PAGE - TABLE_PAGE, "room for the table: {all}");
        // The header.
        let (magic, quantum) = match link.layout {
            Layout::Go116 => (0xffff_fffa_u32, 1),
            Layout::Go118 => (0xffff_fff0, 1),
            Layout::Go120 => (0xffff_fff1, 1),
        };
        table[..4].copy_from_slice(&magic.to_le_bytes());
        table[6..8].copy_from_slice(&[if link.arm64 { 4 } else { quantum }, 8]);
        let mut header = vec![link.functions.len() as u64, 2];
        if !old {
            header.push(0);
        }
        header.extend(parts.iter().map(|p| *p as u64));
        header.push(index as u64);
        for (n, word) in header.iter().enumerate() {
            table[8 + 8 * n..16 + 8 * n].copy_from_slice(&word.to_le_bytes());
        }
        // Moduledata.
        let mut words = [0_u64; 56];
        let place = BASE + TABLE_PAGE as u64;
        for (word, part) in [
            (0, 0),
            (1, parts[0]),
            (4, parts[1]),
            (7, parts[2]),
            (10, parts[3]),
            (13, index),
            (16, index),
        ] {
            words[word] = place + part as u64;
        }
        words[17] = link.functions.len() as u64 + 1;
        words[19] = if link.inside { findfunctab } else { gofunc };
        (words[20], words[21], words[22], words[23]) = (FIRST, end, TEXT, end);
        match (link.layout, link.inside) {
            (Layout::Go116, _) => words[38] = 1,
            (Layout::Go118, _) => (words[38], words[40]) = (gofunc, 1),
            (Layout::Go120, false) => (words[40], words[42]) = (gofunc, 1),
            (Layout::Go120, true) => (words[43], words[44], words[46]) = (gofunc, place + all as u64, 1),
        }
        for (n, word) in words.iter().enumerate() {
            if *word >= BASE {
                self.pointers.push((MODULE_PAGE + 16 + 8 * n, *word));
            }
        }
        // The file.
        let mut made = Made {
            bytes: vec![0; SECTION_PAGE],
            table: TABLE_PAGE,
            module: MODULE_PAGE + 16,
            index,
            records: starts,
            table_size,
            segments: [64, 120, 176, 232],
        };
        made.set(TABLE_PAGE, &table);
        words.iter().enumerate().for_each(|(n, word)| made.module(n, *word));
        let code = TABLE_PAGE - CODE_PAGE;
        let mut rela = Vec::new();
        if link.relocations {
            for (at, address) in &self.pointers {
                // What the place holds before is the linker's business.
                made.set(*at, &[0; 8]);
                rela.extend((BASE + *at as u64).to_le_bytes());
                rela.extend(if link.arm64 { 1027_u64 } else { 8 }.to_le_bytes());
                rela.extend(address.to_le_bytes());
            }
        }
        let dynamic = DYNAMIC_PAGE + 0x1800;
        assert!(rela.len() < 0x1800, "room for the relocations");
        made.set(DYNAMIC_PAGE, &rela);
        for (n, word) in [7, BASE + DYNAMIC_PAGE as u64, 8, rela.len() as u64, 0, 0]
            .iter()
            .enumerate()
        {
            made.set(dynamic + 8 * n, &word.to_le_bytes());
        }
        // File header, then program headers: what, flags, where, bytes.
        made.set(0, b"\x7fELF\x02\x01\x01");
        made.set(16, &[2, 0, if link.arm64 { 183 } else { 62 }, 0, 1, 0, 0, 0]);
        made.set(24, &TEXT.to_le_bytes());
        made.set(32, &64_u64.to_le_bytes());
        made.set(52, &[64, 0, 56, 0, 5, 0, 64, 0]);
        for (n, (kind, flags, at, size)) in [
            (1_u32, 5_u32, CODE_PAGE, code),
            (1, 4, TABLE_PAGE, MODULE_PAGE - TABLE_PAGE),
            (1, 6, MODULE_PAGE, 16 + 56 * 8),
            (1, 4, DYNAMIC_PAGE, SECTION_PAGE - DYNAMIC_PAGE),
            (2, 4, dynamic, 48),
        ]
        .into_iter()
        .enumerate()
        {
            let header = 64 + 56 * n;
            made.set(header, &kind.to_le_bytes());
            made.set(header + 4, &flags.to_le_bytes());
            let (at, size) = (at as u64, size as u64);
            for (field, value) in [at, BASE + at, BASE + at, size, size, 8].iter().enumerate() {
                made.set(header + 8 + 8 * field, &value.to_le_bytes());
            }
        }
        if link.sections {
            made.sections(&[(".gopclntab", TABLE_PAGE, table_size)]);
        }
        made
    }
}

impl Made {
    /// Section headers: name, first byte in the file, bytes.
    pub(super) fn sections(&mut self, sections: &[(&str, usize, usize)]) {
        let mut names = b"\0.shstrtab\0".to_vec();
        let mut headers = vec![0; 64];
        let mut header = |name: usize, kind: u32, at: usize, size: usize| {
            let address = BASE + at as u64;
            headers.extend((name as u32).to_le_bytes());
            headers.extend(kind.to_le_bytes());
            for field in [2, address, at as u64, size as u64, 0, 1, 0] {
                headers.extend(field.to_le_bytes());
            }
        };
        for (name, at, size) in sections {
            header(names.len(), 1, *at, *size);
            names.extend(name.as_bytes());
            names.push(0);
        }
        let names_at = SECTION_PAGE + 64 * (sections.len() + 2);
        header(1, 3, names_at, names.len());
        self.bytes.truncate(SECTION_PAGE);
        self.bytes.extend(&headers);
        self.bytes.extend(&names);
        self.set(40, &(SECTION_PAGE as u64).to_le_bytes());
        let count = sections.len() as u8 + 2;
        self.set(60, &[count, 0, count - 1, 0]);
    }
}
