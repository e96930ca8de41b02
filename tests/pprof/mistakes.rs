//! Files that people save by mistake: each is named with its remedy, bare, with HTTP headers, and packed.
//!
//! `KUBEPROF_REFUSALS_DIR=FOLDER cargo test --test integration pprof::mistakes` also names every `*.http` file of that folder.

use std::io::Write as _;

use flate2::write::GzEncoder;
use kubeprof::pprof::mistakes::{Mistake, http_response, recognise};
use kubeprof::pprof::{Conversion, Limit, Remark, read};

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut e = GzEncoder::new(Vec::new(), flate2::Compression::default());
    e.write_all(data).unwrap();
    e.finish().unwrap()
}

fn name(data: &[u8]) -> Mistake {
    recognise(data).unwrap_or_else(|| panic!("not recognised: {:?}", String::from_utf8_lossy(data)))
}

const FORBIDDEN: &str = r#"{
  "kind": "Status",
  "apiVersion": "v1",
  "metadata": {},
  "status": "Failure",
  "message": "nodes \"n1\" is forbidden: User \"jane\" cannot get resource \"nodes/proxy\" in API group \"\" at the cluster scope",
  "reason": "Forbidden",
  "details": {"name": "n1", "kind": "nodes"},
  "code": 403
}
"#;

#[test]
fn a_status_says_its_code_reason_and_message() {
    let want = Mistake::Status {
        code: 403,
        reason: "Forbidden".to_owned(),
        message:
            "nodes \"n1\" is forbidden: User \"jane\" cannot get resource \"nodes/proxy\" in API group \"\" at the \
                  cluster scope"
                .to_owned(),
    };
    assert_eq!(name(FORBIDDEN.as_bytes()), want);
    assert_eq!(name(&gzip(FORBIDDEN.as_bytes())), want);
    let saved = format!("HTTP/2 403 \r\ncontent-type: application/json\r\n\r\n{FORBIDDEN}");
    assert_eq!(name(saved.as_bytes()), want);
    assert!(want.what().contains("403 Forbidden"), "{}", want.what());
    assert!(want.remedy().contains("nodes/proxy"), "{}", want.remedy());
}

#[test]
fn unreachable_kubelets_are_told_apart() {
    for (tail, remedy) in [
        (
            "dial tcp 10.0.0.7:10250: connect: connection refused",
            "systemctl status kubelet",
        ),
        ("dial tcp 10.0.0.7:10250: i/o timeout", "firewall"),
        ("x509: certificate signed by unknown authority", "serving certificate"),
        ("No agent available", "konnectivity"),
    ] {
        let status = format!(
            r#"{{"kind":"Status","apiVersion":"v1","message":"error trying to reach service: {tail}","reason":"ServiceUnavailable","code":503}}"#
        );
        let have = name(status.as_bytes()).remedy();
        assert!(have.contains(remedy), "{tail}: {have}");
    }
}

#[test]
fn plain_answers() {
    let text = |t: &str| t.to_owned();
    for (body, want) in [
        ("Debug endpoints are disabled.\n", Mistake::DebuggingDisabled),
        ("profiling endpoint is disabled.\n", Mistake::ProfilingDisabled),
        (
            "logs endpoint is disabled.\n",
            Mistake::EndpointDisabled { endpoint: text("logs") },
        ),
        ("Unauthorized", Mistake::KubeletUnauthorized),
        (
            "Forbidden (user=viewer, verb=get, resource=nodes, subresource(s)=[proxy])\n",
            Mistake::KubeletForbidden { user: text("viewer") },
        ),
        (
            "Forbidden (user=viewer, verb=get, resource=nodes, subresource=proxy)",
            Mistake::KubeletForbidden { user: text("viewer") },
        ),
        (
            "Authorization error (user=viewer, verb=get, resource=nodes, subresource=proxy)",
            Mistake::KubeletAuthorizationError,
        ),
        ("404 page not found\n", Mistake::PathNotFound),
        ("404: Page Not Found", Mistake::PathNotFound),
        ("Unknown profile\n", Mistake::UnknownProfile),
        ("405: Method Not Allowed", Mistake::MethodNotAllowed),
        (
            "seconds and debug params are incompatible\n",
            Mistake::BadParameter {
                text: text("seconds and debug params are incompatible"),
            },
        ),
        (
            "Could not enable CPU profiling: cpu profiling already in use\n",
            Mistake::AlreadyProfiling {
                text: text("Could not enable CPU profiling: cpu profiling already in use"),
            },
        ),
        (
            "Client sent an HTTP request to an HTTPS server.\n",
            Mistake::HttpOnTlsPort,
        ),
        (
            "[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n",
            Mistake::Health,
        ),
        ("ok", Mistake::Health),
        (
            "Error from server (NotFound): nodes \"n9\" not found\n",
            Mistake::ClientError {
                text: text("Error from server (NotFound): nodes \"n9\" not found"),
            },
        ),
    ] {
        assert_eq!(name(body.as_bytes()), want, "{body:?}");
        let saved = format!("HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\n\r\n{body}");
        assert_eq!(name(saved.as_bytes()), want, "{body:?} with headers");
    }
}

#[test]
fn other_files() {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(64, 0);
    let mut core = elf.clone();
    (elf[16], core[16]) = (2, 4);
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let index =
        b"<html>\n<head>\n<title>/debug/pprof/</title>\n</head>\n<body>\n<a href='heap?debug=1'>heap</a></body></html>";
    let login =
        b"<!DOCTYPE html><html><head><title>Example SSO</title></head><form><input type=\"password\"></form></html>";
    let html = |title: &str, login| Mistake::Html {
        title: title.to_owned(),
        login,
    };
    let kind = |kind: &str| Mistake::KubernetesObject { kind: kind.to_owned() };
    let cases: Vec<(&[u8], Mistake)> = vec![
        (b"", Mistake::Empty),
        (b" \r\n\n", Mistake::Empty),
        (
            b"go 1.26 trace\0\0\0\x01\x02",
            Mistake::ExecutionTrace {
                version: "1.26".to_owned(),
            },
        ),
        (b"PERFILE2\x68\0\0\0", Mistake::PerfData),
        (&elf, Mistake::Elf { core: false }),
        (&core, Mistake::Elf { core: true }),
        (&tar, Mistake::Archive { format: "tar" }),
        (b"PK\x03\x04\x14\0", Mistake::Archive { format: "zip" }),
        (index, Mistake::PprofIndex),
        (login, html("example sso", true)),
        (
            b"<html><head><title>502 Bad Gateway</title></head></html>",
            html("502 bad gateway", false),
        ),
        (
            b"# HELP go_goroutines Number of goroutines.\n# TYPE go_goroutines gauge\ngo_goroutines 512\n",
            Mistake::Metrics,
        ),
        (
            b"{\"kind\":\"NodeList\",\"apiVersion\":\"v1\",\"items\":[]}",
            kind("NodeList"),
        ),
        (b"{\"kubeletconfig\":{\"enableServer\":true}}", Mistake::Configz),
        (b"{\"node\":{\"nodeName\":\"n1\"},\"pods\":[]}", Mistake::Json),
        (b"{\"node\":{\"nodeName\":\"n1\",", Mistake::Json),
        (b"[1, 2]", Mistake::Json),
        (
            b"{\"schema\":\"kubeprof/top/1\",\"rows\":[]}",
            Mistake::KubeprofReport {
                schema: "kubeprof/top/1".to_owned(),
            },
        ),
        (
            b"apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nauthentication:\n  x509: {}\n",
            kind("KubeletConfiguration"),
        ),
        (b"---\nname: x\nsteps:\n- a\n", Mistake::Yaml),
        (
            b"I1123 10:11:12.345678    7 kubelet.go:12] \"Starting\"\n",
            Mistake::Log,
        ),
        (
            b"Nov 23 10:11:12 n1 kubelet[77]: I1123 10:11:12.345678    7 kubelet.go:12] \"Starting\"\n",
            Mistake::Log,
        ),
        (
            b"/usr/bin/kubelet\0--config=/var/lib/kubelet/config.yaml\0--v=2",
            Mistake::CommandLine,
        ),
        (
            b"File: kubelet\nType: inuse_space\nShowing nodes accounting for 12MB, 99% of 12MB total\n",
            Mistake::PprofReport,
        ),
        (
            b"Fetching profile over HTTP from http://h/debug/pprof/heap\nSaved profile in /home/jane/pprof/x.pb.gz\n",
            Mistake::PprofFetch {
                saved: "/home/jane/pprof/x.pb.gz".to_owned(),
            },
        ),
    ];
    for (data, want) in cases {
        assert_eq!(name(data), want, "{:?}", String::from_utf8_lossy(data));
        assert!(!want.what().is_empty() && !want.remedy().is_empty());
    }
}

/// What people attach in place of the profile.
#[test]
fn reports_drawings_and_other_stacks() {
    let drawing = |format| Mistake::Drawing { format };
    let threads = |of| Mistake::Threads { of };
    let source = |language| Mistake::Source { language };
    for (text, want) in [
        ("%PDF-1.7\n%\u{e2}\n1 0 obj\n", drawing("PDF")),
        (
            "<svg xmlns=\"http://www.w3.org/2000/svg\"><title>kubelet</title></svg>",
            drawing("SVG"),
        ),
        (
            "<?xml version=\"1.0\"?>\n<!DOCTYPE svg PUBLIC \"x\">\n<svg width=\"1\"><g><title>x</title></g></svg>",
            drawing("SVG"),
        ),
        ("digraph \"kubelet\" {\nnode [style=filled];\n", drawing("Graphviz")),
        ("(pprof) top 5\n5950ms of 9660ms total (61.59%)\n", Mistake::PprofReport),
        (
            "$ go tool pprof x\nEntering interactive mode (type \"help\" for commands)\n(pprof) \n",
            Mistake::PprofReport,
        ),
        (
            "5950ms of 9660ms total (61.59%)\n      flat  flat%   sum%        cum   cum%\n",
            Mistake::PprofReport,
        ),
        (
            "PeriodType: cpu nanoseconds\nPeriod: 10000000\nSamples:\n",
            Mistake::PprofReport,
        ),
        (
            "File: kubelet\nType: cpu\n-----------+-------------------------------------------------------\n      10ms   f\n",
            Mistake::PprofReport,
        ),
        (
            "Total: 10ms\nROUTINE ======================== main.f in f.go\n",
            Mistake::PprofReport,
        ),
        ("positions: instr line\nevents: cpu(ms)\n", Mistake::PprofReport),
        ("heap_v2/524288\n  t*: 1: 2 [0: 0]\n", Mistake::Jemalloc),
        ("main;a;b 12\nmain;a;c 3\n", Mistake::Folded),
        ("k8s.io/a.f;k8s.io/b.(*T).g (inline) 7\n", Mistake::Folded),
        (
            "/debug/pprof/\n\nTypes of profiles available:\nCount Profile\n12 allocs\n0 block\n41 goroutine\nfull goroutine stack dump\n",
            Mistake::PprofIndex,
        ),
        (
            "00000000: 1f8b 0800 0000 0000 00ff 0a04 0801 1002  ................\n",
            Mistake::HexDump,
        ),
        ("#0  0x00007f in futex ()\n#1  0x00007e in main ()\n", threads("gdb")),
        (
            "(dlv) goroutines\n* Goroutine 1 - User: main.go:7 main.main (0x1)\n",
            threads("delve"),
        ),
        (
            "2026-03-12 07:41:30\nFull thread dump OpenJDK 64-Bit Server VM:\n",
            threads("Java"),
        ),
        (
            "Traceback (most recent call last):\n  File \"x.py\", line 7, in f\n",
            threads("Python"),
        ),
        (
            "kubelet  4711 12345.678901:     250000 cpu-clock:\n\t  47b1a1 f\n\nkubelet  4711 12345.678902:     250000 cpu-clock:\n",
            Mistake::PerfScript,
        ),
        ("package main\n\nimport \"fmt\"\n\nfunc main() {}\n", source("Go")),
        ("#!/bin/sh\ncurl localhost\n", source("a script")),
    ] {
        assert_eq!(name(text.as_bytes()), want, "{text}");
        assert!(!want.what().is_empty() && !want.remedy().is_empty());
    }
    assert_eq!(name(b"\x89PNG\r\n\x1a\n"), drawing("PNG"));
}

/// Text never ends in an error about protobuf, whatever it is.
#[test]
fn text_is_called_text() {
    for (text, words) in [
        ("hello", "begins \"hello\""),
        (
            "node-a7   Ready   <none>   3d   v1.36.1\n",
            "no goroutine dump is recognized",
        ),
        (
            "x: goroutine 7 [running] hangs\ny\n",
            "1 line that begins like a goroutine",
        ),
        ("PACKAGE  SIZE\n7 8\n", "text in which no profile"),
        (
            "I0312 07:41:30.123456 7 a.go:1] \"x\"\nI0312 07:41:30.2 7 a.go:1] \"y\"\n",
            "a log in which no goroutine dump is recognized",
        ),
        ("\u{e4}\u{f6}\u{fc} \u{4e2d}\n", "text in which no profile"),
    ] {
        for plain in [false, true] {
            let e = read(text.as_bytes(), Limit::Proportional, plain).unwrap_err();
            assert!(e.hint().is_some(), "{text}: {e}");
            let e = e.to_string();
            assert!(e.contains(words), "{text}: {e}");
            assert!(!e.contains('\n') && !e.contains("wire type"), "{text}: {e}");
        }
    }
}

/// A profile behind or before other bytes, and one that a conversion went over.
#[test]
fn profiles_with_something_around_them() {
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/gotext/goroutine.pb.gz")).unwrap();
    let raw = kubeprof::pprof::inflate(&whole, Limit::Proportional)
        .unwrap()
        .into_owned();
    let total = |p: &kubeprof::model::Profile| p.totals();
    let want = total(&kubeprof::pprof::decode(&raw).unwrap().0);
    let behind = |head: &[u8], body: &[u8]| [head, body].concat();
    let crlf: Vec<u8> = whole
        .iter()
        .flat_map(|&b| if b == b'\n' { vec![b'\r', b'\n'] } else { vec![b] })
        .collect();
    let latin: String = whole.iter().map(|&b| char::from(b)).collect();
    let warning = b"W1127 kubectl is old\nFlag --x has been deprecated\n";
    for (what, bytes, remark) in [
        (
            "a warning",
            behind(warning, &whole),
            Remark::Behind(warning.len() as u64),
        ),
        (
            "a warning before raw bytes",
            behind(warning, &raw),
            Remark::Behind(warning.len() as u64),
        ),
        ("a mark", behind(b"\xef\xbb\xbf", &whole), Remark::Behind(3)),
        (
            "a prompt behind",
            behind(&whole, b"\n[root@n ~]# "),
            Remark::Trailing(13),
        ),
        (
            "headers",
            behind(b"HTTP/2 200 \r\nx: y\r\n\r\n", &whole),
            Remark::HttpHeaders,
        ),
        ("line ends", crlf, Remark::Converted(Conversion::LineEnds)),
        ("Latin-1", latin.into_bytes(), Remark::Converted(Conversion::Latin1)),
    ] {
        let read = read(bytes, Limit::Proportional, false).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(total(&read.profile), want, "{what}");
        // Line ends are left alone where the stream happens to have none.
        if what != "line ends" || whole.contains(&b'\n') {
            assert!(read.remarks.contains(&remark), "{what}: {:?}", read.remarks);
        }
    }
    let replaced = String::from_utf8_lossy(&whole).into_owned().into_bytes();
    let question: Vec<u8> = whole.iter().map(|&b| if b < 0x80 { b } else { b'?' }).collect();
    let seven: Vec<u8> = whole.iter().map(|b| b & 0x7f).collect();
    for (bytes, culprit) in [
        (replaced, "read the response as text".replace("read ", "reads ")),
        (question, "mail or a terminal program".to_owned()),
        (seven, "mail or a terminal program".to_owned()),
    ] {
        let e = read(bytes, Limit::Proportional, false).unwrap_err();
        let hint = e.hint().expect("a hint");
        let e = e.to_string();
        assert!(e.contains("a gzip stream that a conversion of texts went over"), "{e}");
        assert!(hint.contains(&culprit), "{hint}");
    }
}

#[test]
fn half_downloads() {
    // A sample type, a sample, and a string of 50 bytes of which 4 are there.
    let proto = b"\x0a\x04\x08\x01\x10\x02\x12\x04\x0a\x00\x12\x00\x32\x32abcd";
    assert_eq!(
        name(proto),
        Mistake::Truncated {
            format: "protobuf",
            have: proto.len() as u64
        }
    );
    assert_eq!(recognise(&proto[..12]), None, "whole records");
    let packed = gzip(&[7; 100_000]);
    let half = &packed[..packed.len() / 2];
    assert_eq!(
        name(half),
        Mistake::Truncated {
            format: "gzip",
            have: half.len() as u64
        }
    );
    let mut damaged = packed.clone();
    damaged[packed.len() / 2] ^= 0xff;
    assert!(matches!(
        name(&damaged),
        Mistake::Damaged { format: "gzip" } | Mistake::Truncated { .. }
    ));
}

#[test]
fn responses_with_headers() {
    let body = gzip(b"whatever this is");
    let mut saved =
        b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n"
            .to_vec();
    let at = saved.len();
    saved.extend_from_slice(&body);
    assert_eq!(http_response(&saved), Some((200, at)));
    assert_eq!(name(&saved), Mistake::HttpResponse { status: 200, body: at });
    assert!(name(&saved).remedy().contains(&format!("tail -c +{}", at + 1)));
    assert_eq!(http_response(b"HTTP/1.1 200 OK\r\nno end of the head"), None);
    assert_eq!(http_response(b"HTTP is a protocol\n\n"), None);
}

#[test]
fn what_is_not_known_is_not_named() {
    for data in [
        &b"hello"[..],
        b"\xff\xfe\x00\x01",
        b"goroutine profile: total 1\n",
        b"heap profile: 0: 0 [0: 0] @ heap/2\n",
    ] {
        assert_eq!(recognise(data), None, "{:?}", String::from_utf8_lossy(data));
    }
}

#[test]
fn a_folder_of_real_answers() {
    let Some(folder) = std::env::var_os("KUBEPROF_REFUSALS_DIR") else {
        return;
    };
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "http") {
            continue;
        }
        let data = std::fs::read(&path).unwrap();
        let mistake = name(&data);
        assert!(
            !matches!(mistake, Mistake::HttpResponse { .. }),
            "{}: {mistake}",
            path.display()
        );
        eprintln!("{}: {mistake}", path.display());
        seen += 1;
    }
    assert!(seen > 0);
}

/// What tools between the kubelet and the file do to it.
#[test]
fn wrappings_are_named() {
    let utf16: Vec<u8> = "\u{feff}goroutine 1 [running]:\r\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(name(&utf16), Mistake::Utf16);
    assert_eq!(
        name(b"H4sIAAAAAAAA/+xdCXQcxZnu7pHkYWTZYxtjGx+\nMMBgHY2ODZS==\n"),
        Mistake::Base64
    );
    let yaml = b"apiVersion: v1\ncode: 403\nkind: Status\nmessage: 'nodes \"n1\" is forbidden'\nreason: Forbidden\nstatus: Failure\n";
    let want = Mistake::Status {
        code: 403,
        reason: "Forbidden".to_owned(),
        message: "nodes \"n1\" is forbidden".to_owned(),
    };
    assert_eq!(name(yaml), want);
    assert!(Mistake::Archive { format: "xz" }.remedy().contains("xz -d"));
}
