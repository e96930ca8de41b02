//! What proves a binary and what does not: every threshold at n - 1, n and n + 1, and every kind of build ID.

use std::sync::LazyLock;

use kubeprof::model::{Line, LocationId, Mapping, MappingId, Profile, Samples};
use kubeprof::symbolize::buildid::{BuildIds, Derivation, GnuBuildId, derived_gnu_ids};
use kubeprof::symbolize::elf::Elf;
use kubeprof::symbolize::identity::{
    Agreement, Comparison, Identity, MAX_EXAMPLES, Reason, Verdict, examine, main_mapping,
};
use kubeprof::symbolize::{Binary, Frame, Source};

use super::identity::{binary, every};

const NAME: &str = "1.26.8-cgo-external-sw";
const OTHER: &str = "00112233445566778899aabbccddeeff00112233";

static DATA: LazyLock<Vec<u8>> = LazyLock::new(|| binary(NAME));
/// All that the program said of itself, with its own build ID.
static ALL: LazyLock<Profile> = LazyLock::new(|| every(1, NAME, &DATA, true, |_| true));

/// Whether a location is of a package outside of the standard library.
fn tells(p: &Profile, id: LocationId) -> bool {
    let names = p.lines_of(id).iter().map(|l| p.function_name(l.function));
    names.into_iter().any(|n| n.starts_with("main."))
}

/// A profile of so many locations of `main`, so many of the standard library, and so many whose names are wrong; with
/// this build ID.
fn profile(telling: usize, others: usize, wrong: usize, build_id: &str) -> Profile {
    let mut p = ALL.clone();
    let (mut of_main, mut of_std) = (Vec::new(), Vec::new());
    for n in 0..p.locations.len() {
        let id = LocationId::new(n);
        if tells(&p, id) {
            of_main.push(id)
        } else {
            of_std.push(id)
        }
    }
    assert!(
        of_main.len() >= telling && of_std.len() >= others + wrong,
        "{} {}",
        of_main.len(),
        of_std.len()
    );
    for &id in &of_std[others..others + wrong] {
        let mut lines = p.lines_of(id).to_vec();
        lines.iter_mut().for_each(|l| l.line += 1);
        p.set_lines(id, &lines);
    }
    let named: Vec<LocationId> = of_main[..telling]
        .iter()
        .chain(&of_std[..others + wrong])
        .copied()
        .collect();
    for n in 0..p.locations.len() {
        if !named.contains(&LocationId::new(n)) {
            p.locations[n].line_count = 0;
        }
    }
    p.mappings[0].build_id = p.strings.intern(build_id);
    p
}

fn of(p: &Profile, data: &[u8]) -> Identity {
    let opened = Binary::parse(data).expect("a binary");
    examine(p, main_mapping(p, &opened), &opened)
}

fn verdict(p: &Profile) -> (Verdict, Reason) {
    let identity = of(p, &DATA);
    (identity.verdict, identity.reason)
}

fn own_id() -> String {
    let opened = Binary::parse(&DATA).expect("a binary");
    opened.build_ids().gnu.expect("an ID").to_string()
}

#[test]
fn five_names_prove_a_binary_without_an_id() {
    for (telling, others, expected) in [
        (0, 0, (Verdict::Unproven, Reason::NothingToCompare)),
        (0, 50, (Verdict::Unproven, Reason::TooFewNames)),
        (1, 50, (Verdict::Unproven, Reason::TooFewNames)),
        (4, 50, (Verdict::Unproven, Reason::TooFewNames)),
        (5, 0, (Verdict::Match, Reason::Content)),
        (6, 50, (Verdict::Match, Reason::Content)),
    ] {
        assert_eq!(
            verdict(&profile(telling, others, 0, "")),
            expected,
            "{telling} {others}"
        );
    }
    // An ID that all builds share says as little.
    for (telling, expected) in [
        (0, (Verdict::Unproven, Reason::Redacted)),
        (4, (Verdict::Unproven, Reason::Redacted)),
        (5, (Verdict::Match, Reason::Content)),
    ] {
        assert_eq!(verdict(&profile(telling, 20, 0, "redacted")), expected, "{telling}");
    }
}

#[test]
fn twenty_names_prove_a_twin_and_one_wrong_name_disproves_it() {
    let twin = (Verdict::Twin, Reason::Content);
    let another = (Verdict::Mismatch, Reason::BuildIdsDiffer);
    for (telling, others, wrong, expected) in [
        (0, 0, 0, another),
        (19, 100, 0, another),
        (20, 0, 0, twin),
        (21, 100, 0, twin),
        (29, 100, 1, another),
    ] {
        let found = verdict(&profile(telling, others, wrong, OTHER));
        assert_eq!(found, expected, "{telling} {others} {wrong}");
    }
}

/// Ninety-nine of a hundred: a table may name a few functions otherwise.
#[test]
fn a_hundredth_of_wrong_names_disproves_a_binary_without_an_id() {
    let right = (Verdict::Match, Reason::Content);
    let wrong = (Verdict::Mismatch, Reason::ContentDisagrees);
    for (telling, others, disagree, expected) in [
        (10, 89, 1, right),
        (10, 88, 1, wrong),
        (10, 90, 1, right),
        (10, 188, 2, right),
        (10, 187, 2, wrong),
        (10, 189, 2, right),
        (0, 0, 1, wrong),
    ] {
        for id in ["", "redacted"] {
            let found = verdict(&profile(telling, others, disagree, id));
            assert_eq!(found, expected, "{telling} {others} {disagree} {id:?}");
        }
    }
}

/// An equal ID is believed unless more than half of at least ten names contradict it.
#[test]
fn an_equal_id_is_overruled_by_half_of_ten_names() {
    let right = (Verdict::Match, Reason::BuildId);
    let wrong = (Verdict::Mismatch, Reason::ContentDisagrees);
    let id = own_id();
    for (agree, disagree, expected) in [
        (0, 0, right),
        (0, 9, right),
        (0, 10, wrong),
        (5, 5, right),
        (4, 6, wrong),
        (6, 4, right),
        (5, 6, wrong),
        (4, 5, right),
        (30, 30, right),
        (29, 31, wrong),
    ] {
        assert_eq!(
            verdict(&profile(0, agree, disagree, &id)),
            expected,
            "{agree} {disagree}"
        );
    }
}

#[test]
fn what_was_compared_is_counted_and_some_of_it_is_shown() {
    for wrong in [0, 1, MAX_EXAMPLES - 1, MAX_EXAMPLES, MAX_EXAMPLES + 1, 20] {
        let identity = of(&profile(7, 30, wrong, ""), &DATA);
        assert_eq!((identity.checked, identity.agreed), (37 + wrong as u64, 37));
        assert_eq!((identity.untold, identity.other_folders), (0, 0));
        assert_eq!(identity.examples.len(), wrong.min(MAX_EXAMPLES));
        for example in &identity.examples {
            assert_ne!(example.profile, example.binary);
            assert!(example.address > 0 && example.profile.contains(':') && example.binary.contains(':'));
        }
        assert_eq!(identity.file, "/usr/bin/kubelet");
        assert_eq!(identity.build_id_profile, "");
        assert_eq!(identity.build_id_binary, own_id());
        assert_eq!(identity.go_build_id_binary.split('/').count(), 4);
    }
    // Locations without a name, without an address, or of another mapping are not compared.
    let mut p = profile(7, 30, 0, "");
    let named: Vec<usize> = (0..p.locations.len())
        .filter(|&n| p.locations[n].line_count > 0)
        .collect();
    p.locations[named[0]].address = 0;
    p.locations[named[1]].mapping = None;
    assert_eq!(of(&p, &DATA).checked, 35);
    // An address outside of the file disagrees.
    let mut p = profile(7, 30, 0, "");
    p.locations[named[0]].address += 1 << 40;
    let identity = of(&p, &DATA);
    assert_eq!(
        (identity.checked, identity.agreed, identity.examples.len()),
        (37, 36, 1)
    );
}

/// The notes of a copy of the binary, changed in place.
struct Notes {
    data: Vec<u8>,
    gnu: std::ops::Range<usize>,
    go: std::ops::Range<usize>,
}

impl Notes {
    fn new() -> Self {
        let data = DATA.clone();
        let place = |name| {
            let elf = Elf::parse(&DATA).expect("ELF");
            let section = elf.section(name).expect("a note");
            section.offset as usize..(section.offset + section.size) as usize
        };
        Self {
            gnu: place(".note.gnu.build-id"),
            go: place(".note.go.buildid"),
            data,
        }
    }

    /// Header of 12 bytes, the name in four, the ID.
    fn gnu(mut self, id: &[u8; 20]) -> Self {
        self.data[self.gnu.start + 16..self.gnu.end].copy_from_slice(id);
        self
    }

    fn without_gnu(mut self) -> Self {
        self.data[self.gnu.start + 8] = 77;
        self
    }

    fn go(mut self, id: &str) -> Self {
        let at = self.go.start;
        self.data[at + 4..at + 8].copy_from_slice(&(id.len() as u32).to_le_bytes());
        self.data[at + 16..at + 16 + id.len()].copy_from_slice(id.as_bytes());
        self
    }

    fn without_go(mut self) -> Self {
        self.data[self.go.start + 8] = 77;
        self
    }
}

const GO_ID: &str = "action/main/package/content";

fn hex(id: &[u8]) -> String {
    id.iter().map(|b| format!("{b:02x}")).collect()
}

/// Build IDs alone: no name of the profile is compared.
#[test]
fn every_kind_of_build_id() {
    let [old, new] = derived_gnu_ids(GO_ID);
    let [of_redacted, of_redacted_too] = derived_gnu_ids("redacted");
    let own = [7u8; 20];
    let equal = (Verdict::Match, Reason::BuildId);
    let derived = (Verdict::Match, Reason::DerivedBuildId);
    let go_equal = (Verdict::Match, Reason::GoBuildId);
    let another = (Verdict::Mismatch, Reason::BuildIdsDiffer);
    let nothing = (Verdict::Unproven, Reason::NothingToCompare);
    let redacted = (Verdict::Unproven, Reason::Redacted);
    let (gnu, both) = (Notes::new().gnu(&own).without_go(), Notes::new().gnu(&own).go(GO_ID));
    let only_go = Notes::new().without_gnu().go(GO_ID);
    let neither = Notes::new().without_gnu().without_go();
    let shared = Notes::new().gnu(&of_redacted).go("redacted");
    let shared_too = Notes::new().gnu(&of_redacted_too).go("redacted");
    let own_redacted = Notes::new().gnu(&own).go("redacted");
    let only_redacted = Notes::new().without_gnu().go("redacted");
    let empty = Notes::new().gnu(&own).go("");
    let only_empty = Notes::new().without_gnu().go("");
    for (case, notes, id, expected) in [
        // The GNU ID, whatever the Go ID is.
        ("equal", &gnu, hex(&own), equal),
        ("equal in capitals", &gnu, hex(&own).to_uppercase(), equal),
        ("equal with a Go ID", &both, hex(&own), equal),
        ("equal, Go redacted", &own_redacted, hex(&own), equal),
        ("equal, Go empty", &empty, hex(&own), equal),
        ("another", &gnu, OTHER.to_owned(), another),
        ("another with a Go ID", &both, OTHER.to_owned(), another),
        ("another, Go redacted", &own_redacted, OTHER.to_owned(), another),
        ("derived from the Go ID, but another", &both, hex(&new), another),
        ("shorter", &gnu, hex(&own[..8]), another),
        // The Go ID in the place of the GNU one.
        ("Go ID", &both, GO_ID.to_owned(), go_equal),
        ("Go ID alone", &only_go, GO_ID.to_owned(), go_equal),
        ("another Go ID", &both, "a/b/c/d".to_owned(), another),
        ("another Go ID alone", &only_go, "a/b/c/d".to_owned(), another),
        ("a Go ID, but the binary has none", &gnu, "a/b/c/d".to_owned(), nothing),
        (
            "a Go ID, and the binary's is empty",
            &empty,
            "a/b/c/d".to_owned(),
            nothing,
        ),
        (
            "a Go ID, and the binary's is redacted",
            &only_redacted,
            "a/b/c/d".to_owned(),
            nothing,
        ),
        // The GNU note was dropped.
        ("derived as Go 1.24 does", &only_go, hex(&old), derived),
        ("derived as Go 1.25 does", &only_go, hex(&new), derived),
        ("not derived", &only_go, OTHER.to_owned(), nothing),
        (
            "derived from nothing",
            &only_empty,
            hex(&derived_gnu_ids("")[1]),
            nothing,
        ),
        ("derived from redacted", &only_redacted, hex(&of_redacted), nothing),
        ("no ID at all", &neither, OTHER.to_owned(), nothing),
        ("no ID at all, a Go ID", &neither, GO_ID.to_owned(), nothing),
        // What is no ID.
        ("none", &both, String::new(), nothing),
        ("no hex", &both, "kubelet".to_owned(), nothing),
        ("no hex, alone", &only_go, "kubelet".to_owned(), nothing),
        // What all builds share.
        ("redacted", &both, "redacted".to_owned(), redacted),
        ("redacted, neither", &neither, "redacted".to_owned(), redacted),
        ("equal, but derived from redacted", &shared, hex(&of_redacted), redacted),
        (
            "equal, but derived from redacted in the other way",
            &shared_too,
            hex(&of_redacted_too),
            redacted,
        ),
        ("another, both redacted", &shared, OTHER.to_owned(), redacted),
    ] {
        let identity = of(&profile(0, 0, 0, &id), &notes.data);
        assert_eq!((identity.verdict, identity.reason), expected, "{case}: {identity:?}");
    }
    for (notes, expected) in [
        (&gnu, Derivation::Unknown),
        (&both, Derivation::Independent),
        (&only_go, Derivation::Unknown),
        (&empty, Derivation::Unknown),
        (&shared, Derivation::Derived),
        (&shared_too, Derivation::Derived),
        (&own_redacted, Derivation::Independent),
        (&Notes::new().gnu(&old).go(GO_ID), Derivation::Derived),
        (&Notes::new().gnu(&new).go(GO_ID), Derivation::Derived),
    ] {
        assert_eq!(
            Binary::parse(&notes.data).expect("a binary").build_ids().derivation(),
            expected
        );
    }
}

#[test]
fn a_binary_is_for_the_mapping_with_its_id_or_the_first_that_is_a_file() {
    let opened = Binary::parse(&DATA).expect("a binary");
    let own = own_id();
    let chosen = |rows: &[(&str, &str)]| {
        let mut p = Profile {
            samples: Samples::new(0),
            ..Profile::default()
        };
        for (n, (file, id)) in rows.iter().enumerate() {
            let mapping = Mapping {
                id: n as u64 + 1,
                file: p.strings.intern(file),
                build_id: p.strings.intern(id),
                ..Mapping::default()
            };
            p.mappings.push(mapping);
        }
        main_mapping(&p, &opened).map(MappingId::index)
    };
    assert_eq!(chosen(&[]), None);
    assert_eq!(chosen(&[("[vdso]", "")]), None);
    assert_eq!(chosen(&[("[vdso]", ""), ("/a", OTHER), ("/b", "")]), Some(1));
    assert_eq!(chosen(&[("/a", OTHER), ("/b", ""), ("/c", &own)]), Some(2));
    assert_eq!(chosen(&[("[vdso]", ""), ("[vdso]", &own)]), Some(1));
    assert_eq!(chosen(&[("/a", ""), ("/b", &own.to_uppercase())]), Some(1));
    assert_eq!(chosen(&[("", "")]), Some(0));
}

/// One location compared with the frames that the binary has for it, after `change`.
fn agreement(change: impl Fn(&mut Profile, LocationId)) -> Agreement {
    let opened = Binary::parse(&DATA).expect("a binary");
    let mut p = ALL.clone();
    let id = { (0..p.locations.len()).map(LocationId::new) }
        .find(|&id| p.lines_of(id).len() == 2)
        .expect("an inlined call");
    change(&mut p, id);
    let mut frames = Vec::new();
    opened.lookup(p.location(id).address, &mut frames).expect("frames");
    Comparison::default().agreement(&p, id, &frames)
}

#[test]
fn what_agrees_is_name_line_and_file() {
    /// Gives the outer function of a location another text.
    fn outer(p: &mut Profile, id: LocationId, change: impl Fn(&mut Profile, &mut kubeprof::model::Function)) {
        let row = p.lines_of(id)[1].function;
        let mut function = *p.function(row);
        change(p, &mut function);
        p.functions[row.index()] = function;
    }
    assert_eq!(agreement(|_, _| ()), Agreement::Full);
    // Names: the linker's counts, the readable one where there is none, and none is no contradiction.
    let named = |name: Option<&'static str>, system: Option<&'static str>| {
        agreement(|p, id| {
            outer(p, id, |p, f| {
                if let Some(name) = name {
                    f.name = p.strings.intern(name);
                }
                if let Some(name) = system {
                    f.system_name = p.strings.intern(name);
                }
            });
        })
    };
    assert_eq!(named(Some("other"), None), Agreement::Full);
    assert_eq!(named(None, Some("other")), Agreement::None);
    assert_eq!(named(None, Some("")), Agreement::Full);
    assert_eq!(named(Some("other"), Some("")), Agreement::None);
    assert_eq!(named(Some(""), Some("")), Agreement::Full);
    // Lines and how many there are.
    let lines = |change: fn(&mut Vec<Line>)| {
        agreement(|p, id| {
            let mut lines = p.lines_of(id).to_vec();
            change(&mut lines);
            p.set_lines(id, &lines);
        })
    };
    assert_eq!(lines(|l| l[0].line += 1), Agreement::None);
    assert_eq!(lines(|l| l[1].line -= 1), Agreement::None);
    assert_eq!(lines(|l| l.truncate(1)), Agreement::None);
    assert_eq!(lines(|l| l.push(l[1])), Agreement::None);
    assert_eq!(lines(|l| l.swap(0, 1)), Agreement::None);
    // Files: the same name in another folder, and another name.
    let file = |change: fn(&str) -> String| {
        agreement(|p, id| {
            outer(p, id, |p, f| {
                let file = change(p.text(f.filename));
                f.filename = p.strings.intern(&file);
            });
        })
    };
    assert_eq!(file(|f| format!("/build{f}")), Agreement::OtherFolders);
    assert_eq!(file(|f| f.replace(".go", "_other.go")), Agreement::None);
    let mut p = profile(7, 30, 0, "");
    for n in 0..p.functions.len() {
        let file = format!("/build/{}", p.text(p.functions[n].filename));
        p.functions[n].filename = p.strings.intern(&file);
    }
    let identity = of(&p, &DATA);
    assert_eq!((identity.agreed, identity.other_folders), (37, 37));
    assert_eq!(identity.verdict, Verdict::Match);
}

/// A name may have its type arguments shortened, and a function several files: what the binary has given to it before counts.
#[test]
fn frames_of_a_generic_function_and_of_one_with_two_files() {
    let frame = |function: &'static str, file: &'static str| Frame {
        function: function.into(),
        file: file.into(),
        line: 7,
        start_line: 1,
        inlined: false,
        source: Source::GoTable,
    };
    let mut p = Profile::default();
    let mut location = |name: &str, file: &str| {
        let function = p.add_function(name, name, file, 1);
        let line = Line {
            function,
            line: 7,
            column: 0,
        };
        p.add_location(0, None, &[line])
    };
    let (short, full, other) = (
        location("m.f[...]", "f.go"),
        location("m.f[int]", "f.go"),
        location("m.f", "f.go"),
    );
    let (first, second, third) = (
        location("m.init", "a.go"),
        location("m.init", "b.go"),
        location("m.init", "c.go"),
    );
    let moved = location("m.f", "a.go");
    let one = |id, frame: Frame<'_>| Comparison::default().agreement(&p, id, &[frame]);
    assert_eq!(one(short, frame("m.f[int]", "f.go")), Agreement::Full);
    assert_eq!(one(full, frame("m.f[int]", "f.go")), Agreement::Full);
    assert_eq!(one(full, frame("m.f[string]", "f.go")), Agreement::None);
    assert_eq!(one(other, frame("m.f[int]", "f.go")), Agreement::None);
    assert_eq!(one(short, frame("m.g[int]", "f.go")), Agreement::None);
    let mut comparison = Comparison::default();
    let mut next = |id, frame: Frame<'_>| comparison.agreement(&p, id, &[frame]);
    // `runtime/pprof` has the file that it met first for all locations of a function.
    assert_eq!(next(first, frame("m.init", "a.go")), Agreement::Full);
    assert_eq!(next(first, frame("m.init", "b.go")), Agreement::Full);
    assert_eq!(next(second, frame("m.init", "a.go")), Agreement::Full);
    assert_eq!(next(third, frame("m.init", "a.go")), Agreement::None);
    // Another function in the file of the one before, and back.
    assert_eq!(next(other, frame("m.f", "a.go")), Agreement::None);
    assert_eq!(next(other, frame("m.f", "f.go")), Agreement::Full);
    assert_eq!(next(moved, frame("m.f", "f.go")), Agreement::Full);
    assert_eq!(next(other, frame("m.f", "a.go")), Agreement::Full);
    assert_eq!(next(third, frame("m.init", "x/c.go")), Agreement::OtherFolders);
}

/// A binary without a table of functions says nothing of names: that is no contradiction.
#[test]
fn what_a_binary_cannot_tell_is_not_judged() {
    let data = binary("c/c-stripped");
    let opened = Binary::parse(&data).expect("a binary");
    let mut p = profile(7, 30, 0, "");
    p.mappings.clear();
    // All inside of its code.
    let mut address = 0x1060;
    for location in &mut p.locations {
        location.mapping = None;
        location.address = address;
        address += u64::from(location.line_count.min(1));
    }
    let identity = examine(&p, None, &opened);
    assert_eq!((identity.checked, identity.untold, identity.agreed), (37, 37, 0));
    assert_eq!(
        (identity.verdict, identity.reason),
        (Verdict::Unproven, Reason::NothingToCompare)
    );
    assert!(identity.examples.is_empty());
    // What lies outside of its code contradicts, with a table or without.
    p.locations.iter_mut().for_each(|l| l.address += 1 << 40);
    let identity = examine(&p, None, &opened);
    assert_eq!((identity.checked, identity.untold, identity.agreed), (37, 0, 0));
    // C code in a Go binary: that its table does not have it is a contradiction of the names there.
    let opened = Binary::parse(&DATA).expect("a binary");
    let start = opened.go().expect("a table").range().start;
    let mut p = profile(7, 30, 0, "");
    let named = p.locations.iter_mut().filter(|l| l.line_count > 0);
    named.for_each(|l| l.address = start - 1);
    let identity = of(&p, &DATA);
    assert_eq!((identity.checked, identity.untold, identity.agreed), (37, 0, 0));
}

/// DWARF has lines, which are compared; a table of symbols has none.
#[test]
fn lines_of_dwarf_are_judged_and_symbols_are_not() {
    let mut data = binary("c/c");
    let judged = |data: &[u8]| {
        let opened = Binary::parse(data).expect("a binary");
        assert!(opened.go().is_err());
        let mut p = Profile {
            samples: Samples::new(0),
            ..Profile::default()
        };
        let main = p.add_function("main", "main", "/src/main.c", 1);
        let line = Line {
            function: main,
            line: 15,
            column: 0,
        };
        p.add_location(0x1060, None, &[line]);
        let identity = examine(&p, None, &opened);
        (identity.checked, identity.untold, identity.agreed)
    };
    assert_eq!(judged(&data), (1, 0, 1));
    for at in 0..data.len() - 7 {
        if data[at..].starts_with(b".debug_") {
            data[at + 1] = b'x';
        }
    }
    assert_eq!(judged(&data), (1, 1, 0));
}

#[test]
fn words_for_machines_and_for_people() {
    let verdicts = [Verdict::Match, Verdict::Twin, Verdict::Mismatch, Verdict::Unproven].map(Verdict::code);
    assert_eq!(verdicts, ["match", "twin", "mismatch", "unproven"]);
    let reasons = [
        (Reason::BuildId, "build-id"),
        (Reason::GoBuildId, "go-build-id"),
        (Reason::DerivedBuildId, "derived-build-id"),
        (Reason::Content, "content"),
        (Reason::BuildIdsDiffer, "build-ids-differ"),
        (Reason::ContentDisagrees, "content-disagrees"),
        (Reason::Redacted, "redacted"),
        (Reason::NothingToCompare, "nothing-to-compare"),
        (Reason::TooFewNames, "too-few-names"),
    ];
    for (reason, code) in reasons {
        assert_eq!(reason.code(), code);
        assert!(reason.to_string().len() > 10, "{code}");
    }
}

/// The text for people, line by line: what there is nothing of is not told.
#[test]
fn the_text_of_a_comparison() {
    let mut identity = Identity {
        verdict: Verdict::Unproven,
        reason: Reason::TooFewNames,
        file: String::new(),
        build_id_profile: String::new(),
        build_id_binary: String::new(),
        go_build_id_binary: String::new(),
        checked: 9,
        agreed: 3,
        untold: 0,
        other_folders: 0,
        examples: Vec::new(),
    };
    let first = "unproven: no build ID on one side and too few names to compare\n";
    assert_eq!(
        identity.to_string(),
        format!("{first}  profile  build ID -  \n  binary   build ID -\n  names    3 of 9 locations agree\n")
    );
    for (untold, other_folders, expected) in [
        (1, 0, "; the binary has no table that could name 1"),
        (0, 1, " (1 in other folders)"),
        (2, 3, "; the binary has no table that could name 2 (3 in other folders)"),
    ] {
        (identity.untold, identity.other_folders) = (untold, other_folders);
        let text = identity.to_string();
        let names = text.lines().nth(3).expect("four lines");
        assert_eq!(names, format!("  names    3 of 9 locations agree{expected}"));
    }
    identity = Identity {
        file: "/usr/bin/kube\u{1b}let".to_owned(),
        build_id_profile: "aa".to_owned(),
        build_id_binary: "bb".to_owned(),
        go_build_id_binary: "a/b/c/d".to_owned(),
        untold: 0,
        other_folders: 0,
        examples: vec![kubeprof::symbolize::identity::Example {
            address: 0x40_1000,
            profile: "main.f f.go:1".to_owned(),
            binary: "main.g g.go:2".to_owned(),
        }],
        ..identity
    };
    let text = identity.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[1].starts_with("  profile  build ID aa  /usr/bin/kube") && !lines[1].contains('\u{1b}'));
    assert_eq!(lines[2], "  binary   build ID bb  Go build ID a/b/c/d");
    assert_eq!(
        lines[4..],
        ["  0x401000", "    profile  main.f f.go:1", "    binary   main.g g.go:2"]
    );
}

/// What Go's own linkers made of their IDs: the numbers are those of the shipped binaries.
#[test]
fn derived_ids_are_those_of_the_linker() {
    for (name, which) in [
        ("1.24.11-pie-sw", 0),
        ("1.26.8-arm64-trimpath-sw", 1),
        ("1.27.3-cgo-sw", 1),
    ] {
        let data = binary(name);
        let ids = Binary::parse(&data).expect("a binary").build_ids();
        assert_eq!(ids.derivation(), Derivation::Derived, "{name}");
        let (gnu, go) = (ids.gnu.expect("an ID"), ids.go.expect("an ID"));
        let derived = derived_gnu_ids(&go);
        assert_eq!(derived[which], gnu.bytes(), "{name}");
        // The two differ in the first byte only, by all but its last bit.
        assert_eq!(derived[0][0] ^ derived[1][0], 0xfe);
        assert_eq!(derived[0][1..], derived[1][1..]);
    }
}

/// An ELF file of notes and nothing else: name, kind, content.
fn notes(notes: &[(&[u8], u32, &[u8])]) -> Vec<u8> {
    let mut run = Vec::new();
    for (name, kind, content) in notes {
        run.extend((name.len() as u32).to_le_bytes());
        run.extend((content.len() as u32).to_le_bytes());
        run.extend(kind.to_le_bytes());
        for part in [name, content] {
            run.extend(*part);
            run.resize(run.len().next_multiple_of(4), 0);
        }
    }
    let mut file = b"\x7fELF\x02\x01\x01".to_vec();
    file.resize(64 + 56, 0);
    file[16..24].copy_from_slice(&[2, 0, 62, 0, 1, 0, 0, 0]);
    file[32] = 64;
    file[52..58].copy_from_slice(&[64, 0, 56, 0, 1, 0]);
    // PT_NOTE: where, how many bytes.
    (file[64], file[72]) = (4, 120);
    file[96..104].copy_from_slice(&(run.len() as u64).to_le_bytes());
    file.extend(run);
    file
}

#[test]
fn notes_are_read_one_after_the_other() {
    let read = |list: &[(&[u8], u32, &[u8])]| {
        let file = notes(list);
        let ids = BuildIds::read(&Elf::parse(&file).expect("ELF"));
        (ids.gnu.map(|id| id.to_string()), ids.go)
    };
    let text = |s: &str| Some(s.to_owned());
    let (gnu, go): (&[u8], &[u8]) = (b"GNU\0", b"Go\0\0");
    assert_eq!(read(&[]), (None, None));
    assert_eq!(
        read(&[(gnu, 3, &[0x0a, 0xff]), (go, 4, b"a/b")]),
        (text("0aff"), text("a/b"))
    );
    // Whatever stands before, of whatever size.
    for size in 0..9 {
        let before = vec![0x55; size];
        let name = vec![b'x'; 9 - size];
        let found = read(&[
            (&name, 3, &before),
            (gnu, 3, &[1, 2, 3]),
            (b"", 4, &before),
            (go, 4, b"id"),
        ]);
        assert_eq!(found, (text("010203"), text("id")), "{size}");
    }
    // The first of each kind counts, and only of its own name and kind.
    assert_eq!(read(&[(gnu, 3, &[1, 1]), (gnu, 3, &[2, 2])]), (text("0101"), None));
    assert_eq!(read(&[(go, 4, b"one"), (go, 4, b"two")]), (None, text("one")));
    assert_eq!(
        read(&[(gnu, 4, &[1, 1]), (go, 3, b"one"), (b"GNU", 3, &[1, 1])]),
        (None, None)
    );
    // An ID has 2 to 64 bytes, Go's at most 1024, and is text. An empty one is one.
    for (size, taken) in [(0, false), (1, false), (2, true), (64, true), (65, false)] {
        assert_eq!(read(&[(gnu, 3, &vec![7; size])]).0.is_some(), taken, "{size}");
    }
    for (size, taken) in [(0, true), (1, true), (1024, true), (1025, false)] {
        assert_eq!(read(&[(go, 4, &vec![b'x'; size])]).1.is_some(), taken, "{size}");
    }
    assert_eq!(read(&[(go, 4, &[0xff])]), (None, None));
    // One that is cut off ends the run.
    let mut cut = notes(&[(gnu, 3, &[1, 1, 1, 1]), (go, 4, b"abcd")]);
    let size = cut.len() as u64 - 120;
    for (less, expected) in [(0, true), (1, false), (4, false), (5, false)] {
        cut[96..104].copy_from_slice(&(size - less).to_le_bytes());
        let ids = BuildIds::read(&Elf::parse(&cut).expect("ELF"));
        assert_eq!((ids.gnu.is_some(), ids.go.is_some()), (true, expected), "{less}");
    }
}

#[test]
fn an_id_is_written_as_2_to_64_bytes_of_hex() {
    for (text, expected) in [
        ("", None),
        ("0a", None),
        ("0aF", None),
        ("0aF9", Some(vec![0x0a, 0xf9])),
        ("0aF95", None),
        ("0g11", None),
        ("110g", None),
        ("-111", None),
        (&"5a".repeat(64), Some(vec![0x5a; 64])),
        (&"5a".repeat(65), None),
    ] {
        assert_eq!(
            GnuBuildId::from_hex(text).map(|id| id.bytes().to_vec()),
            expected,
            "{text}"
        );
    }
}
