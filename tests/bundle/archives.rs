//! One archive for each way in which a tar can lie: about names, sizes, kinds, its own structure and its manifest. Each is a
//! sound bundle with something hostile in it; what is sound stays readable, the rest is named, and nothing leaves the target.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use kubeprof::bundle::archive::{OddEntry, is_archive};
use kubeprof::bundle::{Contents, Want, unpack};
use kubeprof::pprof::Limit;

use super::made_tar::{end, file, member, named_by_gnu, named_by_pax, pax, sound, top};

fn open(bytes: Vec<u8>) -> Contents {
    Contents::bytes(Path::new("x.tar"), bytes, Limit::Bytes(8 << 20), Want::Everything)
}

/// Unpacks it into a folder of its own and looks at everything that is there then.
fn unpacked(contents: &Contents) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a folder");
    let record = contents.record().expect("a bundle");
    unpack(contents, &record, &dir.path().join("in/t")).expect("room");
    let mut found = Vec::new();
    look(dir.path(), dir.path(), &mut found);
    found
}

fn look(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let meta = fs::symlink_metadata(&path).expect("it is there");
        if meta.is_dir() {
            look(root, &path, found);
            continue;
        }
        assert!(meta.is_file(), "{}", path.display());
        // Neither for others nor with the rights of its owner.
        assert_eq!(meta.permissions().mode() & 0o7777, 0o600, "{}", path.display());
        found.push(path.strip_prefix(root).expect("inside").display().to_string());
    }
}

/// What is hostile in an archive, and what is said of it: the reason why an entry is left out, or words of why the rest
/// cannot be read.
enum Said {
    Odd(&'static [OddEntry]),
    Broken(&'static str),
}

/// Members behind a sound bundle, the bundle's folder being `top`.
fn members(top: &str) -> Vec<(&'static str, Vec<u8>, Said)> {
    use OddEntry::{Clash, Duplicate, Link, Name, Outside, Sparse, Special, Trailing};
    use Said::{Broken, Odd};
    let within = |name: &str| format!("{top}{name}");
    let many = |parts: &[Vec<u8>]| parts.concat();
    vec![
        // Names
        (
            "an absolute name by pax",
            named_by_pax(b"/etc/cron.d/x"),
            Odd(&[Outside]),
        ),
        ("a name by pax that leaves", named_by_pax(b"a/../../x"), Odd(&[Outside])),
        (
            "an absolute name by GNU",
            named_by_gnu(b"/root/.ssh/authorized_keys"),
            Odd(&[Outside]),
        ),
        ("a name by GNU that leaves", named_by_gnu(b"../x"), Odd(&[Outside])),
        ("a drive", file("C:\\x"), Odd(&[Name])),
        ("a long name by pax", named_by_pax(&[b'a'; 1025]), Odd(&[Name])),
        ("a long name by GNU", named_by_gnu(&[b'a'; 70_000]), Odd(&[Name])),
        ("a deep name", named_by_pax("d/".repeat(24).as_bytes()), Odd(&[Name])),
        ("a NUL in a name by pax", named_by_pax(b"a\0b"), Odd(&[Name])),
        ("a NUL in a name by GNU", named_by_gnu(b"a\0b"), Odd(&[Name])),
        ("an escape in a name", file("\x1b]0;x\x07"), Odd(&[Name])),
        ("a line break in a name", named_by_gnu(b"a\nb"), Odd(&[Name])),
        ("no UTF-8 by pax", named_by_pax(b"\xc3\x28"), Odd(&[Name])),
        ("text that turns", file("a\u{202e}zg.bp"), Odd(&[Name])),
        ("no name", member(b"", b'0', "x").bytes(), Odd(&[Name])),
        ("a name that is a folder's", file("a/"), Odd(&[Name])),
        // Kinds
        (
            "a link by pax",
            many(&[
                pax(b'x', &[("linkpath", b"/etc/passwd")]),
                member(b"l", b'2', "").bytes(),
            ]),
            Odd(&[Link]),
        ),
        (
            "a link and a file through it",
            many(&[member(b"l", b'2', "").with(157, b"/tmp").bytes(), file("l/x")]),
            Odd(&[Link]),
        ),
        (
            "a hard link to the manifest",
            member(within("m").as_bytes(), b'1', "")
                .with(157, b"manifest.jsonl")
                .bytes(),
            Odd(&[Link]),
        ),
        ("a character device", member(b"d", b'3', "").bytes(), Odd(&[Special])),
        ("a block device", member(b"d", b'4', "").bytes(), Odd(&[Special])),
        ("a pipe", member(b"d", b'6', "").bytes(), Odd(&[Special])),
        ("a label of a volume", member(b"d", b'V', "").bytes(), Odd(&[Special])),
        (
            "the rest of another volume",
            member(b"d", b'M', "x").bytes(),
            Odd(&[Special]),
        ),
        (
            "a kind that nobody knows",
            member(b"d", b'Z', "x").bytes(),
            Odd(&[Special]),
        ),
        (
            "a folder with a body that is a tar",
            member(b"d/", b'5', file("../x")).bytes(),
            Odd(&[]),
        ),
        (
            "a sparse file by pax, 0.1",
            many(&[
                pax(
                    b'x',
                    &[("GNU.sparse.size", b"9999999999999"), ("GNU.sparse.map", b"0,1")],
                ),
                file("s"),
            ]),
            Odd(&[Sparse]),
        ),
        (
            "a sparse file by pax, 1.0",
            many(&[
                pax(b'x', &[("GNU.sparse.major", b"1"), ("GNU.sparse.name", b"/etc/x")]),
                file("s"),
            ]),
            Odd(&[Sparse]),
        ),
        // The same twice
        ("a file twice", many(&[file("a"), file("a")]), Odd(&[Duplicate])),
        (
            "a file twice by another way",
            many(&[file("a/b"), file("./a/b"), file("a//b"), file("a/./b")]),
            Odd(&[Duplicate, Name, Name]),
        ),
        (
            "a file in capitals",
            many(&[file("heap"), file("HEAP")]),
            Odd(&[Duplicate]),
        ),
        ("the manifest twice", file(&within("manifest.jsonl")), Odd(&[Duplicate])),
        (
            "the manifest as a link",
            member(within("manifest.jsonl").as_bytes(), b'2', "")
                .with(157, b"/etc/passwd")
                .bytes(),
            Odd(&[Link]),
        ),
        (
            "a file that is a folder",
            many(&[file("a"), file("a/b"), file("A/c/d")]),
            Odd(&[Clash, Clash]),
        ),
        (
            "a folder that is a file",
            many(&[file("a/b/c"), file("a/B")]),
            Odd(&[Clash]),
        ),
        // Sizes
        (
            "a negative size",
            member(b"n", b'0', "x").of_size(&[0xff; 12]),
            Broken("size overflow"),
        ),
        (
            "a size of 8 EiB",
            member(b"n", b'0', "x").of_size(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
            Broken("ends early"),
        ),
        (
            "a size of 64 GiB",
            member(b"n", b'0', "x").of_size(b"777777777777"),
            Broken("ends early"),
        ),
        (
            "a size that is no number",
            member(b"n", b'0', "x").of_size(b"12x\0\0\0\0\0\0\0\0\0"),
            Broken("not a number"),
        ),
        (
            "a size by pax of 16 EiB",
            many(&[pax(b'x', &[("size", b"18446744073709551615")]), file("n")]),
            Broken("size overflow"),
        ),
        (
            "a size by pax that is too large",
            many(&[pax(b'x', &[("size", b"5000000")]), file("n")]),
            Broken("ends early"),
        ),
        (
            "a folder with a size",
            member(b"d/", b'5', "").of_size(b"00000100000\0"),
            Broken(""),
        ),
        // Structure
        (
            "a checksum of something else",
            {
                let mut m = file("n");
                m[148] ^= 1;
                m
            },
            Broken("checksum"),
        ),
        ("half a header", file("n")[..300].to_vec(), Broken("")),
        (
            "two long names",
            many(&[member(b"L", b'L', "a").bytes(), named_by_gnu(b"b")]),
            Broken("two long name"),
        ),
        (
            "two pax headers",
            many(&[pax(b'x', &[("path", b"a")]), named_by_pax(b"b")]),
            Broken("two pax"),
        ),
        (
            "a long name of nothing",
            member(b"L", b'L', "a").bytes(),
            Broken("no future member"),
        ),
        (
            "pax records that are none",
            many(&[
                member(b"pax", b'x', "99999999999999999999 path=/etc/x\n-1 path=/x\n").bytes(),
                file("n"),
            ]),
            Odd(&[]),
        ),
        (
            "a name for all by pax",
            many(&[pax(b'g', &[("path", b"/etc/x")]), file("n")]),
            Odd(&[]),
        ),
        (
            "a second archive behind the first",
            many(&[end(), file("../x")]),
            Odd(&[Trailing]),
        ),
        (
            "a member behind one block of zeros",
            many(&[vec![0; 512], file("../x")]),
            Odd(&[Trailing]),
        ),
        (
            "an archive in the archive",
            member(b"inner.tar", b'0', many(&[file("../x"), end()])).bytes(),
            Odd(&[]),
        ),
    ]
}

#[test]
fn whatever_is_hostile_is_named_and_the_rest_is_read() {
    let body = sound();
    let top = top(&body);
    let usual = unpacked(&open([body.clone(), end()].concat()));
    assert_eq!(usual.len(), 4, "{usual:?}");
    for (name, hostile, said) in members(&top) {
        let whole = matches!(said, Said::Odd(_));
        let contents = open([body.clone(), hostile, if whole { end() } else { Vec::new() }].concat());
        let odd: Vec<OddEntry> = contents.odd.iter().map(|o| o.why).collect();
        assert!(
            contents.odd.iter().all(|o| !o.path.chars().any(char::is_control)),
            "{name}"
        );
        let broken = contents.broken.as_ref().map(ToString::to_string);
        match said {
            Said::Odd(expected) => assert_eq!((odd.as_slice(), broken), (expected, None), "{name}"),
            Said::Broken(words) => {
                let broken = broken.unwrap_or_else(|| panic!("{name}: nothing is wrong, {odd:?}"));
                assert!(
                    broken.starts_with("the archive is cut or damaged after") && broken.contains(words),
                    "{name}: {broken}"
                );
            }
        }
        // What is not below the folder of the bundle makes it a tar with a bundle in it; that is said elsewhere.
        if contents.record().is_some() {
            assert_eq!(unpacked(&contents), usual, "{name}");
        }
    }
}

/// The same inside of the bundle's own folder: it stays a bundle, and only what its manifest lists is unpacked.
#[test]
fn a_bundle_with_something_hostile_in_it_is_unpacked_without() {
    let body = sound();
    let top = top(&body);
    let usual = unpacked(&open([body.clone(), end()].concat()));
    let within = |name: &[u8]| [top.as_bytes(), name].concat();
    for hostile in [
        named_by_pax(&within(b"../x")),
        named_by_pax(&within(b"x\x1b[2J")),
        [
            member(&within(b"n"), b'2', "").with(157, b"/tmp").bytes(),
            member(&within(b"n/x"), b'0', "x").bytes(),
        ]
        .concat(),
        member(&within(b"N"), b'0', "x").bytes(),
        member(&within(b"n"), b'0', "x").bytes(),
        member(&within(b"inner.tar"), b'0', [file("../x"), end()].concat()).bytes(),
        member(&within(b"a.pb"), b'0', "x").of_size(&[0xff; 12]),
    ] {
        // Before the bundle and behind it: the first of two counts.
        let behind = [body.clone(), hostile.clone(), end()].concat();
        assert_eq!(unpacked(&open(behind)), usual);
        let before = open([hostile, body.clone(), end()].concat());
        if before.record().is_some() {
            let found = unpacked(&before);
            assert!(found.iter().all(|f| usual.contains(f)), "{found:?}");
        }
    }
}

/// Bombs that no file of the archive is needed for.
#[test]
fn bombs_in_headers_and_behind_the_end() {
    let zeros = vec![0u8; 24 << 20];
    let gzip = |parts: &[&[u8]]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        parts.iter().for_each(|p| gzip.write_all(p).expect("memory"));
        gzip.finish().expect("memory")
    };
    let big = |kind| {
        let bytes = member(b"b", kind, "").of_size(b"00140000000\0");
        gzip(&[&sound(), &bytes, &zeros])
    };
    for kind in [b'x', b'g', b'L', b'K', b'5', b'2'] {
        let contents = open(big(kind));
        let broken = contents.broken.as_ref().map(ToString::to_string).unwrap_or_default();
        assert!(
            broken.contains("unpacks to more than 8388608 bytes"),
            "{}: {broken}",
            kind as char
        );
        assert_eq!(unpacked(&contents).len(), 4);
    }
    // Several members of gzip are one stream, of which what is behind the end is no part.
    let body = sound();
    let (left, right) = body.split_at(700);
    let split = [gzip(&[left]), gzip(&[right, &end()])].concat();
    let contents = open(split.clone());
    assert!(
        contents.broken.is_none() && contents.odd.is_empty(),
        "{:?}",
        contents.odd
    );
    let contents = open([split.clone(), gzip(&[b"x", &zeros])].concat());
    assert!(contents.odd.iter().any(|o| o.why == OddEntry::Trailing));
    let contents = open([split, gzip(&[&zeros])].concat());
    assert_eq!(
        contents.odd.len(),
        1,
        "zeros without end are not looked through: {:?}",
        contents.odd
    );
    // A window of two terabytes is not made room for.
    assert!(!is_archive(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0, 0][..]));
}
