//! Texts as a whole inside of something: other line ends, other encodings, mails, pages, records; lines that were broken
//! after something was put in front of them. Each gives the goroutines of the bare text, and what stands in no order proves
//! no more than its headers.

use std::fmt::Write as _;
use std::io::Write as _;

use kubeprof::pprof::{Conversion, Limit, Read, Remark, read};

use super::carriers::Dice;

/// Goroutines with long names and long paths, of which few look alike.
fn dump() -> String {
    let mut text = String::from(
        "goroutine 1 [select, 14 minutes]:\n\
         k8s.io/kubernetes/pkg/kubelet.(*Kubelet).syncLoopIteration(0xc000a4f900, {0x3fd2a58, 0xc0001a0000}, 0xc0005a2ae0, {0x3fd2a80, 0xc000a4f900}, 0xc000bd8c60)\n\
         \t/go/src/k8s.io/kubernetes/pkg/kubelet/kubelet.go:2490 +0x1f2\n\
         k8s.io/kubernetes/pkg/kubelet.(*Kubelet).Run(0xc000a4f900, 0xc0005a2ae0)\n\
         \t/go/src/k8s.io/kubernetes/pkg/kubelet/kubelet.go:1650 +0x571\n\
         created by k8s.io/kubernetes/cmd/kubelet/app.startKubelet in goroutine 1\n\
         \t/go/src/k8s.io/kubernetes/cmd/kubelet/app/server.go:1270 +0xa5\n\
         \n\
         goroutine 77 [sync.Mutex.Lock, 13 minutes, locked to thread]:\n\
         sync.runtime_SemacquireMutex(0xc000b2c008?, 0x40?, 0xc000a0fe48?)\n\
         \t/usr/local/go/src/runtime/sema.go:95 +0x25\n\
         sync.(*Mutex).Lock(...)\n\
         \t/usr/local/go/src/sync/mutex.go:92\n\
         k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Relist(0xc000b2c000)\n\
         \t/go/src/k8s.io/kubernetes/pkg/kubelet/pleg/generic.go:231 +0x6d\n\
         k8s.io/apimachinery/pkg/util/wait.BackoffUntil.func1(0xc000a0ff80?)\n\
         \t/go/src/k8s.io/kubernetes/vendor/k8s.io/apimachinery/pkg/util/wait/backoff.go:226 +0x33\n\
         created by k8s.io/kubernetes/pkg/kubelet/pleg.(*GenericPLEG).Start in goroutine 1\n\
         \t/go/src/k8s.io/kubernetes/pkg/kubelet/pleg/generic.go:171 +0x10f\n\
         \n",
    );
    for i in 0..6 {
        let _ = write!(
            text,
            "goroutine {} [IO wait, {} minutes]:\n\
             internal/poll.runtime_pollWait(0x7f8e5c0a2f08, 0x72)\n\
             \t/usr/local/go/src/runtime/netpoll.go:345 +0x85\n\
             example.org/module{i}/client.(*remoteRuntimeService).ExecSync(0xc000a7f140, {{0x3fd2a58, 0xc0001a{i:04}}}, {{0xc0012f0000, 0x40}})\n\
             \t/go/src/example.org/module{i}/client/remote_runtime.go:6{i}3 +0x1a5\n\
             created by example.org/module{i}/client.(*manager).AddPod in goroutine {}\n\
             \t/go/src/example.org/module{i}/client/prober_manager.go:227 +0x5c5\n\
             \n",
            200 + i,
            3 + i,
            17 + i,
        );
    }
    text
}

fn lines(text: &str) -> Vec<&str> {
    text.strip_suffix('\n').unwrap_or(text).split('\n').collect()
}

fn each(text: &str, with: impl Fn(usize, &str) -> String) -> String {
    lines(text).iter().enumerate().map(|(i, l)| with(i, l)).collect()
}

fn taken(bytes: &[u8]) -> Read {
    read(bytes, Limit::Proportional, false).unwrap_or_else(|e| panic!("{e}"))
}

/// All that is known of each goroutine, dump by dump.
fn goroutines(read: &Read) -> Vec<Vec<String>> {
    let dumps = &read.dumps.as_ref().expect("dumps").list;
    let of = |d: &kubeprof::pprof::goroutines::GoroutineDump| -> Vec<String> {
        let one = |g: &kubeprof::pprof::goroutines::Goroutine| {
            let mut text = format!("{} {} {:?} {:?}", g.id, d.text(g.state), g.wait_minutes, g.header);
            for f in d.frames(g) {
                let _ = write!(
                    text,
                    "\n{} {}:{} {:x}",
                    d.text(f.function),
                    d.text(f.file),
                    f.line,
                    f.offset
                );
            }
            if let Some(c) = g.created_by {
                let _ = write!(
                    text,
                    "\nby {} {}:{} {:?}",
                    d.text(c.function),
                    d.text(c.file),
                    c.line,
                    c.parent
                );
            }
            let _ = write!(text, "\n{}", if g.damaged { "damaged" } else { "whole" });
            text
        };
        d.goroutines.iter().map(one).collect()
    };
    dumps.iter().map(of).collect()
}

fn escaped(text: &str) -> String {
    serde_json::to_string(text).expect("JSON")
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\t', "&#9;")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for (i, three) in bytes.chunks(3).enumerate() {
        let word = three.iter().fold(0u32, |w, b| w << 8 | u32::from(*b)) << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at) & 63) as usize];
            out.push(if at > three.len() { '=' } else { char::from(digit) });
        }
        if i % 19 == 18 {
            out.push('\n');
        }
    }
    out
}

/// Broken at `width`, at blanks where `soft` is set and there is one.
fn broken(line: &str, width: usize, soft: bool) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest: Vec<char> = line.chars().collect();
    while rest.len() > width {
        let blank = rest[..width].iter().rposition(|c| *c == ' ').filter(|&at| at > 0);
        let at = match (soft, blank) {
            (true, Some(blank)) => blank + 1,
            (true, None) => rest.iter().position(|c| *c == ' ').map_or(rest.len(), |at| at + 1),
            (false, _) => width,
        };
        pieces.push(rest.drain(..at).collect());
    }
    pieces.push(rest.into_iter().collect());
    pieces
}

#[test]
fn whatever_a_text_was_put_into_it_is_the_same() {
    let text = dump();
    let want = goroutines(&taken(text.as_bytes()));
    assert_eq!(want[0].len(), 8);
    let utf16 = |big: bool| -> Vec<u8> {
        let units = text.encode_utf16();
        units
            .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
            .collect()
    };
    let utf32 = |big: bool| -> Vec<u8> {
        let units = text.chars().map(u32::from);
        units
            .flat_map(|u| if big { u.to_be_bytes() } else { u.to_le_bytes() })
            .collect()
    };
    let stamp = "Mar 12 07:41:30 node-a7 kubelet[4711]: ";
    let nanos = |i: usize| 1_773_301_290_000_000_000u64 + i as u64;
    let all = lines(&text);
    let loki = |backwards: bool, pretty: bool| -> Vec<u8> {
        let mut values: Vec<serde_json::Value> = (all.iter().enumerate())
            .map(|(i, l)| serde_json::json!([nanos(i).to_string(), l]))
            .collect();
        if backwards {
            values.reverse();
        }
        let stream = serde_json::json!({"unit": "kubelet.service", "node": "a7"});
        let whole = serde_json::json!({"status": "success", "data": {"resultType": "streams", "result": [{"stream": stream, "values": values}]}});
        if pretty {
            return serde_json::to_vec_pretty(&whole).expect("JSON");
        }
        serde_json::to_vec(&whole).expect("JSON")
    };
    let strings = |pretty: bool| -> Vec<u8> {
        if pretty {
            return serde_json::to_vec_pretty(&all).expect("JSON");
        }
        serde_json::to_vec(&all).expect("JSON")
    };
    let quoted_printable = || {
        let text = text.replace('=', "=3D").replace('\t', "=09");
        let wrapped = each(&text, |_, l| broken(l, 75, false).join("=\n") + "\n");
        format!("From: a@b\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n{wrapped}")
    };
    let gzipped = || {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text.as_bytes()).expect("memory");
        gz.finish().expect("memory")
    };
    let part = |encoded: &str| {
        format!(
            "MIME-Version: 1.0\n\n--b\nContent-Type: text/plain\n\nsee below\n--b\nContent-Disposition: attachment\ncontent-transfer-encoding: BASE64\n\n{encoded}\n--b--\n"
        )
    };
    let record = |i: usize, l: &str| {
        format!(
            "{{\"offset\":{i},\"result\":{{\"_raw\":{},\"_time\":\"2026-03-12T07:41:30.000+00:00\",\"host\":\"n1\"}}}}\n",
            escaped(&format!("{stamp}{l}"))
        )
    };
    let split = |l: &str, end: &str, other: fn(bool) -> &'static str| -> String {
        let pieces = broken(&format!("{l}{end}"), 40, false);
        let last = pieces.len() - 1;
        (pieces.iter().enumerate())
            .map(|(i, piece)| {
                format!(
                    "{{\"log\":{},\"stream\":\"stderr\"{}}}\n",
                    escaped(piece),
                    other(i == last)
                )
            })
            .collect()
    };
    let quote = |width: usize, soft: bool| {
        each(&text, |_, l| {
            let mut pieces = broken(&l.replace('\t', "        "), width, soft);
            for piece in &mut pieces {
                *piece = format!("> {piece}\n");
            }
            pieces.concat()
        })
    };
    for (name, bytes) in [
        ("CR", text.replace('\n', "\r").into_bytes()),
        ("NUL", text.replace('\n', "\0").into_bytes()),
        ("VT", text.replace('\n', "\u{b}").into_bytes()),
        ("U+2028", text.replace('\n', "\u{2028}").into_bytes()),
        ("U+0085", text.replace('\n', "\u{85}").into_bytes()),
        ("CR journal", each(&text, |_, l| format!("{stamp}{l}\r")).into_bytes()),
        ("UTF-16LE", utf16(false)),
        ("UTF-16BE", utf16(true)),
        ("UTF-32LE", utf32(false)),
        ("UTF-32BE", utf32(true)),
        ("UTF-32 with a mark", [&[0xff, 0xfe, 0, 0][..], &utf32(false)].concat()),
        ("base64 mail", part(&base64(text.as_bytes())).into_bytes()),
        ("gzip in a mail", part(&base64(&gzipped())).into_bytes()),
        ("quoted-printable", quoted_printable().into_bytes()),
        (
            "one line of HTML",
            format!("<div>{}</div>", html(&text).replace('\n', "<br/>")).into_bytes(),
        ),
        (
            "spans",
            format!(
                "<pre><code>{}</code></pre>",
                each(&text, |_, l| format!("<span>{}</span><br>", html(l)))
            )
            .into_bytes(),
        ),
        (
            "paragraphs",
            each(&text, |_, l| format!("<p class=\"x\">{}</p>", html(l))).into_bytes(),
        ),
        (
            "rows",
            format!(
                "<table>{}</table>",
                each(&text, |i, l| format!("<tr><td>{i}</td><td>{}</td></tr>\n", html(l)))
            )
            .into_bytes(),
        ),
        (
            "XML",
            format!(
                "<Events>{}</Events>",
                each(&text, |_, l| format!(
                    "<Event><Data Name=\"m\">{}</Data></Event>",
                    html(l)
                ))
            )
            .into_bytes(),
        ),
        ("a list of strings", strings(false)),
        ("a list of strings, pretty", strings(true)),
        (
            "a list of records",
            format!(
                "[{}]",
                each(&text, |i, l| format!(
                    "{}{{\"m\": {}, \"t\": {i}}}",
                    if i == 0 { "" } else { ", " },
                    escaped(l)
                ))
            )
            .into_bytes(),
        ),
        ("Loki", loki(false, false)),
        ("Loki, newest first", loki(true, false)),
        ("Loki, pretty", loki(false, true)),
        ("Loki, pretty, newest first", loki(true, true)),
        ("Splunk", each(&text, record).into_bytes()),
        (
            "Docker, in parts",
            each(&text, |_, l| split(l, "\n", |_| "")).into_bytes(),
        ),
        (
            "fluent-bit, in parts",
            each(&text, |_, l| {
                split(
                    l,
                    "",
                    |last| if last { ",\"logtag\":\"F\"" } else { ",\"logtag\":\"P\"" },
                )
            })
            .into_bytes(),
        ),
        (
            "partial_message",
            each(&text, |_, l| {
                split(l, "", |last| if last { "" } else { ",\"partial_message\":true" })
            })
            .into_bytes(),
        ),
        (
            "strace",
            each(&text, |_, l| {
                format!(
                    "[pid  4711] write(2, {}, {}) = {}\n",
                    escaped(&format!("{l}\n")),
                    l.len() + 1,
                    l.len() + 1
                )
            })
            .into_bytes(),
        ),
        (
            "kernel records",
            each(&text, |i, l| {
                format!("30,{},{},-;kubelet[4711]: {l}\n", 100 + i, 12_345_678 + i)
            })
            .into_bytes(),
        ),
        ("a mail, broken and quoted", quote(72, true).into_bytes()),
        ("a mail, broken anywhere and quoted", quote(76, false).into_bytes()),
        (
            "a journal broken by an editor",
            each(&text, |_, l| {
                broken(&format!("{stamp}{l}"), 100, false).join("\n") + "\n"
            })
            .into_bytes(),
        ),
    ] {
        let read = taken(&bytes);
        let found = goroutines(&read);
        assert_eq!(found.len(), 1, "{name}: {:?}", read.remarks);
        for (found, want) in found[0].iter().zip(&want[0]) {
            assert_eq!(found, want, "{name}: {:?}", read.remarks);
        }
        assert_eq!(found[0].len(), want[0].len(), "{name}");
    }
}

/// What stands in no order proves only that there are goroutines with these headers.
#[test]
fn lines_in_no_order_prove_no_stack_and_no_more_goroutines() {
    let text = dump();
    let other = text
        .replace("goroutine 1 ", "goroutine 91 ")
        .replace("goroutine 77 ", "goroutine 977 ")
        .replace("goroutine 20", "goroutine 920");
    let mut dice = Dice::new(11);
    let mut tries = Vec::new();
    for _ in 0..40 {
        let mut all = lines(&text);
        for i in (1..all.len()).rev() {
            all.swap(i, dice.below(i + 1));
        }
        tries.push((8, true, all.join("\n") + "\n"));
    }
    let mut sorted = lines(&text);
    sorted.sort_unstable();
    tries.push((8, true, sorted.join("\n") + "\n"));
    // Two dumps of one writer at once.
    for _ in 0..40 {
        let (mut a, mut b) = (lines(&text), lines(&other));
        a.reverse();
        b.reverse();
        let mut woven = String::new();
        while !(a.is_empty() && b.is_empty()) {
            let from = if dice.below(2) == 0 && !a.is_empty() || b.is_empty() {
                &mut a
            } else {
                &mut b
            };
            woven += from.pop().expect("a line");
            woven.push('\n');
        }
        tries.push((16, false, woven));
    }
    for (most, is_proven, text) in tries {
        let read = taken(text.as_bytes());
        let dumps = &read.dumps.as_ref().expect("dumps").list;
        let total: u64 = dumps.iter().map(|d| d.facts.goroutines).sum();
        let is_doubtful = |r: &Remark| matches!(r, Remark::OrderLost | Remark::OrderDoubtful(_));
        let is_said = is_proven || read.remarks.iter().any(is_doubtful);
        assert!(
            total <= most || !is_said,
            "{total} of {most}, {:?}\n{text}",
            read.remarks
        );
        assert!(dumps.iter().any(|d| d.facts.is_damaged()), "{text}");
        // What is woven may keep most of its pairs.
        if !is_proven {
            continue;
        }
        assert!(read.remarks.contains(&Remark::OrderLost), "{:?}\n{text}", read.remarks);
        assert!(
            dumps
                .iter()
                .all(|d| d.goroutines.iter().all(|g| d.frames(g).is_empty()))
        );
    }
}

/// A piece of a name is no name: the end of a line was cut off, or a line was broken in a way that nothing undoes.
#[test]
fn pieces_of_names_are_no_functions() {
    let text = dump();
    let known: Vec<String> = goroutines(&taken(text.as_bytes()))[0]
        .iter()
        .flat_map(|g| {
            g.lines()
                .skip(1)
                .map(|l| l.split(' ').next().unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    for width in [20, 30, 41, 55] {
        let text = each(&text, |_, l| l.chars().take(width).collect::<String>() + "\n");
        let Ok(read) = read(text.as_bytes(), Limit::Proportional, false) else {
            continue;
        };
        for dump in &read.dumps.as_ref().expect("dumps").list {
            for f in dump.goroutines.iter().flat_map(|g| dump.frames(g)) {
                let name = dump.text(f.function).to_owned();
                assert!(known.contains(&name), "{width}: {name}");
            }
        }
    }
}

#[test]
fn what_a_conversion_did_to_a_profile_is_undone_or_said() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/gotext/heap.pb.gz");
    let packed = std::fs::read(path).expect("a profile");
    let bytes = kubeprof::pprof::inflate(&packed, Limit::Proportional)
        .expect("packed right")
        .into_owned();
    let want = taken(&bytes).profile.totals();
    let latin: String = bytes.iter().map(|&b| char::from(b)).collect();
    let crlf: Vec<u8> = bytes
        .iter()
        .flat_map(|&b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] })
        .collect();
    for (converted, how) in [(latin.into_bytes(), Conversion::Latin1), (crlf, Conversion::LineEnds)] {
        let read = taken(&converted);
        assert_eq!(read.profile.totals(), want, "{how:?}");
        assert!(read.remarks.contains(&Remark::ConvertedRaw(how)), "{:?}", read.remarks);
    }
    let refused = |bytes: &[u8]| {
        let error = read(bytes, Limit::Proportional, false).expect_err("damaged");
        (error.to_string(), error.hint().expect("a hint").into_owned())
    };
    let (what, hint) = refused(String::from_utf8_lossy(&bytes).as_bytes());
    assert!(
        what.contains("replaced by U+FFFD") && hint.contains("capture again"),
        "{what} {hint}"
    );
    // gzip begins with 1f 8b 08.
    for (start, word) in [
        ("\u{1f}\u{2039}\u{8}", "Windows-1252"),
        ("\u{1f}\u{ef}\u{8}", "code page"),
    ] {
        let (what, hint) = refused(format!("{start}\0\0\0\u{fffd}\u{fffd}").as_bytes());
        assert!(what.contains(word) && hint.contains("capture again"), "{what} {hint}");
    }
}

#[test]
fn a_readable_text_is_never_a_protobuf() {
    for text in [
        "some words\0and more of them\0until the end\0",
        "a line\rand one more\rand the last\rof it",
    ] {
        let error = read(text, Limit::Proportional, false)
            .expect_err("no profile")
            .to_string();
        assert!(!error.contains("wire type") && !error.contains("field"), "{error}");
    }
}
