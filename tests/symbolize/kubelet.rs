//! Real kubelets against their own captures: names removed, looked up again, all equal. Needs kubelets, which are too
//! big to ship. KUBEPROF_KUBELETS=DIR holds what `fixtures/kubelets/build.sh` made: stripped kubelets, most of them linked
//! by the C linker as releases are, each with a profile of 12,000 locations that it wrote itself; `go tool pprof` is asked
//! the same on the same files.
//!
//! The other test: KUBEPROF_CAPTURES=DIR holds *.pb.gz of one version, KUBEPROF_KUBELET the binary that ran (or a twin),
//! KUBEPROF_KUBELET_EXTERNAL optionally the same sources linked by the C linker and stripped, as releases are. For that
//! one every address is moved to the same place of the same function, and `go tool pprof` is asked as well.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kubeprof::input::read_profile;
use kubeprof::model::{Location, LocationId, Profile};
use kubeprof::pprof::{Compression, Limit, encode_gzip};
use kubeprof::symbolize::locate::Image;
use kubeprof::symbolize::pclntab::GoTable;
use kubeprof::symbolize::{Binary, Single, apply};

type Chain = Vec<(String, String, i64)>;

fn chain(p: &Profile, n: usize) -> Chain {
    let text = |l: &kubeprof::model::Line| {
        let f = p.function(l.function);
        (p.text(f.system_name).to_owned(), p.text(f.filename).to_owned(), l.line)
    };
    p.lines_of(LocationId::new(n)).iter().map(text).collect()
}

fn captures() -> Vec<(PathBuf, Profile)> {
    let directory = std::env::var_os("KUBEPROF_CAPTURES").expect("KUBEPROF_CAPTURES");
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.to_string_lossy().ends_with(".pb.gz"));
    paths.sort();
    assert!(!paths.is_empty());
    let read = |p: PathBuf| (p.clone(), read_profile(&p, Limit::Proportional, false).unwrap().profile);
    paths.into_iter().map(read).collect()
}

/// The profile without names, each address moved.
fn bare(p: &Profile, moved: impl Fn(u64) -> u64) -> Profile {
    let mut p = p.clone();
    for l in &mut p.locations {
        *l = Location {
            line_count: 0,
            address: moved(l.address),
            ..*l
        };
    }
    p
}

/// Where the functions of one table are in another one: by name, where both have the name once and with one length.
fn moves(from: &GoTable<'_>, to: &GoTable<'_>) -> BTreeMap<u64, (u64, u64)> {
    let mut targets: HashMap<String, Vec<(u64, u64)>> = HashMap::new();
    for f in to.functions() {
        targets
            .entry(f.name.to_owned())
            .or_default()
            .push((f.start, f.end - f.start));
    }
    let mut moves = BTreeMap::new();
    for f in from.functions() {
        if let Some([(start, length)]) = targets.get(f.name).map(Vec::as_slice)
            && *length == f.end - f.start
        {
            moves.insert(f.start, (f.end, *start));
        }
    }
    moves
}

fn compare(path: &Path, truth: &Profile, binary: &Binary<'_>, mut p: Profile) -> (usize, usize) {
    let mapping = Some(kubeprof::model::MappingId::new(0));
    apply(
        &mut p,
        &Single {
            mapping,
            binary,
            refused: None,
        },
        false,
    );
    let (mut equal, mut all) = (0, 0);
    for n in 0..truth.locations.len() {
        // threadcreate has a place without a name at the address -1.
        if chain(truth, n).iter().all(|l| l.0.is_empty()) {
            continue;
        }
        all += 1;
        let (want, got) = (chain(truth, n), chain(&p, n));
        equal += usize::from(want == got);
        if want != got {
            eprintln!(
                "{}: {:#x}: {want:?} {got:?}",
                path.display(),
                truth.locations[n].address
            );
        }
    }
    (equal, all)
}

#[test]
#[ignore = "needs KUBEPROF_KUBELET and KUBEPROF_CAPTURES"]
fn every_location_of_every_capture_comes_back() {
    let open = |name| std::env::var_os(name).map(|p| Image::open(Path::new(&p)).unwrap());
    let image = open("KUBEPROF_KUBELET").expect("KUBEPROF_KUBELET");
    let binary = Binary::parse(&image).unwrap();
    let external = open("KUBEPROF_KUBELET_EXTERNAL");
    let external = external.as_ref().map(|i| Binary::parse(i).unwrap());
    let (mut equal, mut all, mut equal_external, mut all_external, mut files) = (0, 0, 0, 0, 0);
    let moves = external
        .as_ref()
        .map(|e| moves(binary.go().unwrap(), e.go().unwrap()))
        .unwrap_or_default();
    let mut pprof = Pprof::default();
    for (path, truth) in captures() {
        let (e, a) = compare(&path, &truth, &binary, bare(&truth, |a| a));
        (equal, all, files) = (equal + e, all + a, files + 1);
        if let Some(external) = &external {
            let moved = |a: u64| match moves.range(..=a).next_back() {
                Some((start, (end, target))) if a < *end => target + (a - start),
                _ => 0,
            };
            let mut there = truth.clone();
            // What cannot be moved with certainty is left out.
            for l in &mut there.locations {
                l.line_count = if moved(l.address) == 0 { 0 } else { l.line_count };
            }
            let mut p = bare(&there, moved);
            pprof.ask(&there, &p, external);
            // The external file is laid out otherwise; its addresses are ELF addresses as they are.
            p.mappings[0].limit = 0;
            let (e, a) = compare(&path, &there, external, p);
            (equal_external, all_external) = (equal_external + e, all_external + a);
        }
    }
    eprintln!("{files} captures: {equal} of {all} locations equal to what the kubelet embedded");
    assert_eq!(equal, all);
    if external.is_some() {
        eprintln!(
            "external, stripped: {equal_external} of {all_external} ({} could not be moved)",
            all - all_external
        );
        eprintln!(
            "go tool pprof on it: of {}: right outermost function {}, right file:line {}, right chain {}",
            pprof.all, pprof.function, pprof.line, pprof.chain
        );
        assert_eq!(equal_external, all_external);
        assert!(all_external * 10 > all * 9);
    }
}

#[derive(Default)]
struct Pprof {
    all: usize,
    function: usize,
    line: usize,
    chain: usize,
}

impl Pprof {
    fn ask(&mut self, truth: &Profile, bare: &Profile, external: &Binary<'_>) {
        let directory = std::env::temp_dir().join(format!("kubeprof-pprof-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let (input, output) = (directory.join("bare.pb.gz"), directory.join("named.pb.gz"));
        let mut bare = bare.clone();
        // pprof skips mappings that claim to have names; the mapping must be where the file says.
        let code = external.elf().segments().iter().find(|s| s.executable).unwrap();
        let row = &mut bare.mappings[0];
        row.has_functions = false;
        (row.start, row.offset) = (code.address & !0xfff, code.offset & !0xfff);
        row.limit = (code.address + code.size + 0xfff) & !0xfff;
        row.build_id = bare.strings.intern("");
        encode_gzip(&bare, fs::File::create(&input).unwrap(), Compression(1)).unwrap();
        let kubelet = std::env::var_os("KUBEPROF_KUBELET_EXTERNAL").unwrap();
        let done = Command::new("go")
            .args(["tool", "pprof", "-symbolize=local", "-proto", "-output"])
            .arg(&output)
            .arg(kubelet)
            .arg(&input)
            .env("PPROF_TMPDIR", &directory)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let named = read_profile(&output, Limit::Proportional, false).unwrap().profile;
        let mut by_address = HashMap::new();
        for n in 0..named.locations.len() {
            by_address.insert(named.locations[n].address, chain(&named, n));
        }
        for n in 0..truth.locations.len() {
            let empty = Chain::new();
            let got = by_address.get(&bare.locations[n].address).unwrap_or(&empty);
            self.add(&chain(truth, n), got);
        }
        fs::remove_dir_all(&directory).unwrap();
    }

    fn add(&mut self, want: &Chain, got: &Chain) {
        let (Some(outer), Some(inner)) = (want.last(), want.first()) else {
            return;
        };
        self.all += 1;
        self.function += usize::from(got.last().is_some_and(|g| g.0 == outer.0));
        self.line += usize::from(got.first().is_some_and(|g| (&g.1, g.2) == (&inner.1, inner.2)));
        self.chain += usize::from(got == want);
    }
}

/// Functions, lines and inline chains of seven stripped kubelets. Files too, but for one thing: `runtime/pprof` keeps one
/// file for each function name, so for a package's `init`, which is in many files, it embeds any of them.
#[test]
#[ignore = "needs KUBEPROF_KUBELETS, made by fixtures/kubelets/build.sh"]
fn every_location_that_a_kubelet_wrote_of_itself_comes_back() {
    let folder = PathBuf::from(std::env::var_os("KUBEPROF_KUBELETS").expect("KUBEPROF_KUBELETS"));
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(".pb.gz")?.to_owned()))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    let mut wrong = 0;
    for name in &names {
        let path = folder.join(format!("{name}.pb.gz"));
        let truth = read_profile(&path, Limit::Proportional, false).unwrap().profile;
        let image = Image::open(&folder.join(name)).unwrap();
        let binary = Binary::parse(&image).unwrap();
        // Releases before Go 1.24 have their version nowhere else.
        let stamped = kubeprof::symbolize::buildinfo::stamped_kubernetes_version(binary.elf());
        let info = binary.build_info().unwrap();
        // No release is position-independent; there it stands beside other texts and is not guessed.
        if !name.ends_with("-pie") || stamped.is_some() {
            assert_eq!(stamped.as_deref(), info.kubernetes_version(), "{name}");
        }
        let mut named = bare(&truth, |a| a);
        let single = Single {
            mapping: Some(kubeprof::model::MappingId::new(0)),
            binary: &binary,
            refused: None,
        };
        apply(&mut named, &single, false);
        let (mut all, mut equal, mut other_file, mut inlined) = (0, 0, 0, 0);
        for n in 0..truth.locations.len() {
            let (want, got) = (chain(&truth, n), chain(&named, n));
            if want.is_empty() {
                continue;
            }
            all += 1;
            inlined += usize::from(want.len() > 1);
            let same = |files: bool| {
                want.len() == got.len()
                    && want
                        .iter()
                        .zip(&got)
                        .all(|(a, b)| a.0 == b.0 && a.2 == b.2 && (!files || a.1 == b.1))
            };
            let of_init = want.iter().zip(&got).all(|(a, b)| a.1 == b.1 || a.0.ends_with(".init"));
            equal += usize::from(same(true));
            other_file += usize::from(!same(true) && same(false) && of_init);
            let good = same(true) || same(false) && of_init;
            if !good {
                eprintln!("{name}: {:#x}: {want:?} {got:?}", truth.locations[n].address);
            }
        }
        eprintln!(
            "{name}: {} of {all} locations ({inlined} with inlined calls); in {other_file} the kubelet names another file of its `init`",
            equal + other_file
        );
        wrong += all - equal - other_file;
        let pprof = ask_pprof(&truth, &folder.join(name));
        eprintln!(
            "  go tool pprof on it: outermost function {}, file:line {}, chain {} of {}",
            pprof.function, pprof.line, pprof.chain, pprof.all
        );
    }
    assert_eq!(wrong, 0);
}

/// What `go tool pprof` makes of the profile without names.
fn ask_pprof(truth: &Profile, kubelet: &Path) -> Pprof {
    let directory = tempfile::TempDir::new().unwrap();
    let (input, output) = (
        directory.path().join("bare.pb.gz"),
        directory.path().join("named.pb.gz"),
    );
    let mut p = bare(truth, |a| a);
    // pprof skips mappings that claim to have names, and files of this name whose build ID it cannot read.
    p.mappings[0].has_functions = false;
    p.mappings[0].build_id = p.strings.intern("");
    encode_gzip(&p, fs::File::create(&input).unwrap(), Compression(1)).unwrap();
    let done = Command::new("go")
        .args(["tool", "pprof", "-symbolize=local", "-proto", "-output"])
        .arg(&output)
        .arg(kubelet)
        .arg(&input)
        .env("PPROF_TMPDIR", directory.path())
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let named = read_profile(&output, Limit::Proportional, false).unwrap().profile;
    let by_address: HashMap<u64, Chain> = (0..named.locations.len())
        .map(|n| (named.locations[n].address, chain(&named, n)))
        .collect();
    let mut tally = Pprof::default();
    for n in 0..truth.locations.len() {
        let empty = Chain::new();
        tally.add(
            &chain(truth, n),
            by_address.get(&truth.locations[n].address).unwrap_or(&empty),
        );
    }
    tally
}
