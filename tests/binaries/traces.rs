//! Texts with raw program counters: panics and dumps of Go, through `kubeprof symbolize --filter --return-pcs`.

use std::fs;
use std::path::Path;

use kubeprof::symbolize::Binary;

use super::support::{Place, stdout};

/// Every frame of a real trace: the place that the runtime printed is the outermost one that the filter gives.
#[test]
fn a_trace_of_the_runtime_gets_the_places_that_it_prints() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/traces/quit-1.26.8-cgo-external-sw.txt");
    let trace = fs::read_to_string(path).unwrap();
    let out = place.run(
        &["symbolize", "--binary", &place.binary(), "--filter", "--return-pcs"],
        &trace,
    );
    let named = stdout(&out);
    assert_eq!(named.lines().count(), trace.lines().count());
    let mut checked = 0;
    for (was, is) in trace.lines().zip(named.lines()) {
        let (Some(at), Some(printed)) = (
            was.find(" pc=0x"),
            was.strip_prefix('\t').and_then(|l| l.split(' ').next()),
        ) else {
            continue;
        };
        let front: String = is.chars().take(was.chars().count()).collect();
        assert_eq!(front, was, "{is}");
        let names = is[was.len()..].trim().trim_start_matches('(').trim_end_matches(')');
        let outermost = names.rsplit(" <- ").next().unwrap();
        assert!(outermost.ends_with(&format!(" {printed}")), "{}: {is}", &was[at..]);
        checked += 1;
    }
    assert!(checked > 30, "{checked}");
}

/// What is no return address: the place of a signal, what it interrupted, a goroutine that has not started yet. And what
/// repeats an inlined call is not named twice.
#[test]
fn addresses_that_are_no_return_addresses_are_taken_as_they_are() {
    let place = Place::new("1.26.8-cgo-external-sw");
    let data = fs::read(place.path("kubelet")).unwrap();
    let binary = Binary::parse(&data).unwrap();
    let table = binary.go().unwrap();
    let function = |name: &str| table.functions().find(|f| f.name == name).unwrap();
    let (main, trap) = (function("main.main"), function("runtime.sigpanic"));
    // An instruction that begins a line: one byte before it is another line.
    let line = |pc: u64| {
        let mut frames = Vec::new();
        table.lookup(pc, &mut frames).unwrap();
        (frames.len() == 1).then(|| frames[0].line)
    };
    let turn = (main.start + 1..main.end)
        .find(|pc| matches!((line(pc - 1), line(*pc)), (Some(a), Some(b)) if a != b))
        .unwrap();
    let (before, here) = (line(turn - 1).unwrap(), line(turn).unwrap());
    let run = |text: &str| {
        let args = ["symbolize", "--binary", &place.binary(), "--filter", "--return-pcs"];
        stdout(&place.run(&args, text))
    };
    let named = |line: u32| format!("(main.main example.com/fixture/main.go:{line})");
    assert_eq!(run(&format!("pc={turn:#x}")), format!("pc={turn:#x} {}", named(before)));
    let signal = format!("[signal SIGSEGV: x code=0x1 addr=0x8 pc={turn:#x}]\npc={turn:#x}");
    assert_eq!(run(&signal).matches(&named(here)).count(), 2, "{}", run(&signal));
    let interrupted = format!("pc={:#x}\npc={turn:#x}\npc={turn:#x}", trap.start + 1);
    let out = run(&interrupted);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[1].ends_with(&named(here)) && lines[2].ends_with(&named(before)),
        "{out}"
    );
    let entry = format!("pc={:#x}", main.start);
    assert!(run(&entry).contains("(main.main "), "{}", run(&entry));
    let (pc, _) = place.oracle().into_iter().find(|(_, f)| f.len() == 3).unwrap();
    let mut chain = Vec::new();
    table.lookup(pc, &mut chain).unwrap();
    let stack: Vec<String> = chain.iter().map(|f| format!("{:#x}", f.pc + 1)).collect();
    let out = run(&stack.join(" "));
    assert_eq!(out.matches(" <- ").count(), 2, "{out}");
    assert_eq!(out.matches("(inlined: named before)").count(), 2, "{out}");
}
