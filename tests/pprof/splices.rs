//! Dumps that were cut, spliced and mixed at random: nothing panics, and a total is never more than was there, but for
//! pieces that lost their header. `KUBEPROF_SPLICES=N` sets how many are tried (100,000 in `tests/full.sh splices`).

use std::fs;
use std::io::Read as _;

use kubeprof::pprof::goroutines::parse_all;
use kubeprof::pprof::{Limit, Remark};

use super::carriers::Dice;

/// The first goroutines of a dump of a real kubelet.
fn dump(name: &str, goroutines: usize) -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/captures/").to_owned() + name;
    let packed = fs::read(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(&packed[..])
        .read_to_string(&mut text)
        .expect("a text");
    let blocks: Vec<&str> = text.split("\n\n").take(goroutines).collect();
    blocks.join("\n\n") + "\n"
}

fn total(text: &[u8]) -> u64 {
    parse_all(text).evidence().dumps.iter().map(|d| d.goroutines).sum()
}

#[test]
fn cuts_splices_and_mixtures_of_two_dumps() {
    let runs: u64 = std::env::var("KUBEPROF_SPLICES").map_or(400, |n| n.parse().expect("a number"));
    let a = dump("frozen-runtime/a-before-goroutine.debug2.txt.gz", 25);
    let b = dump("healthy-1.37.2/last-goroutine.debug2.txt.gz", 25);
    assert_eq!((total(a.as_bytes()), total(b.as_bytes())), (25, 25));
    let mut dice = Dice::new(7);
    for run in 0..runs {
        let mut pieces = 1u64;
        let mut text: Vec<u8> = Vec::new();
        let mut at = |n: usize| dice.below(n + 1);
        match run % 4 {
            // A cut at both ends.
            0 => {
                let from = at(a.len());
                let to = from + at(a.len() - from);
                text.extend_from_slice(&a.as_bytes()[from..to]);
            }
            // The head of one and the tail of the other.
            1 => {
                text.extend_from_slice(&a.as_bytes()[..at(a.len())]);
                text.extend_from_slice(&b.as_bytes()[at(b.len())..]);
                pieces = 2;
            }
            // Runs of lines of both in turn.
            2 => {
                let (mut left, mut right) = (a.lines(), b.lines());
                while pieces < 500 {
                    let mut taken = 0;
                    for line in left.by_ref().take(1 + at(12)) {
                        text.extend_from_slice(line.as_bytes());
                        text.push(b'\n');
                        taken += 1;
                    }
                    if taken == 0 {
                        break;
                    }
                    std::mem::swap(&mut left, &mut right);
                    pieces += 1;
                }
            }
            // Bytes taken out here and there.
            _ => {
                let mut rest = a.as_bytes();
                while !rest.is_empty() {
                    let keep = at(rest.len().min(2000));
                    text.extend_from_slice(&rest[..keep]);
                    rest = &rest[keep..];
                    rest = &rest[at(rest.len().min(40))..];
                    pieces += 1;
                }
            }
        }
        let found = total(&text);
        let most = match run % 4 {
            0 | 3 => 25,
            _ => 50,
        };
        assert!(
            found <= most + pieces,
            "run {run}: {found} of {most} in {pieces} pieces"
        );
    }
}

/// As `journalctl --reverse` prints it, and as log viewers copy it.
#[test]
fn lines_that_stand_newest_first_are_turned_round() {
    let text = dump("frozen-runtime/a-before-goroutine.debug2.txt.gz", 25);
    let journal: String = text
        .lines()
        .map(|l| format!("Nov 24 03:12:44 node-a7 kubelet[4711]: {l}\n"))
        .collect();
    for (name, text) in [("bare", text.clone()), ("journal", journal)] {
        let forward = parse_all(text.as_bytes());
        let reversed: String = text.lines().rev().map(|l| format!("{l}\n")).collect();
        let read = kubeprof::pprof::read(reversed.as_bytes(), Limit::Proportional, false).expect("a dump");
        assert!(
            read.remarks.contains(&Remark::NewestFirst),
            "{name}: {:?}",
            read.remarks
        );
        let dumps = read.dumps.expect("dumps");
        let stacks = |d: &kubeprof::pprof::goroutines::Dumps| -> Vec<(u64, u64)> {
            d.list.iter().map(|d| (d.facts.goroutines, d.facts.damaged)).collect()
        };
        assert_eq!(stacks(&dumps), stacks(&forward), "{name}");
        // The profile is that of the text in its order.
        let profile = kubeprof::pprof::read(text.as_bytes(), Limit::Proportional, false)
            .expect("a dump")
            .profile;
        assert_eq!(read.profile.totals(), profile.totals(), "{name}");
    }
    // Lines in no order at all: only headers prove goroutines, and nothing proves a stack.
    let mut lines: Vec<&str> = text.lines().collect();
    let mut dice = Dice::new(3);
    for i in (1..lines.len()).rev() {
        lines.swap(i, dice.below(i + 1));
    }
    let read = kubeprof::pprof::read(lines.join("\n").as_bytes(), Limit::Proportional, false).expect("a dump");
    assert!(read.remarks.contains(&Remark::OrderLost), "{:?}", read.remarks);
    let dumps = read.dumps.expect("dumps");
    assert_eq!(dumps.list.iter().map(|d| d.facts.goroutines).sum::<u64>(), 25);
    assert!(
        dumps
            .list
            .iter()
            .all(|d| d.goroutines.iter().all(|g| d.frames(g).is_empty()))
    );
}
