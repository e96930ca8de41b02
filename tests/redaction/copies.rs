//! A redacted copy as a whole: profiles in protobuf, what is left out and why, sentences of format 1, and the key.

use std::fs;
use std::path::Path;

use kubeprof::bundle::facts::{Expect, examine};
use kubeprof::bundle::manifest::{Cause, Event, Missing};
use kubeprof::bundle::redact::{Class, Key, Redacted, redact};
use kubeprof::bundle::{Contents, Record};
use kubeprof::model::{Label, Mapping, Profile};
use kubeprof::pprof::{Compression, Limit, encode_gzip, read};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::texts::{NODE, compare, lines, redacted, slot, text, told};
use crate::cli::made_profile::{Made, profile};

/// A bundle of these lines and files: what redaction says of it, its copy and the key.
fn copied(journal: &[u8], files: &[(&str, &[u8])]) -> (Redacted, tempfile::TempDir, Key) {
    let dir = tempfile::tempdir().expect("a folder");
    let before = dir.path().join("before");
    let write = |path: &str, bytes: &[u8]| {
        let path = before.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("room");
        fs::write(path, bytes).expect("room");
    };
    write("manifest.jsonl", journal);
    files.iter().for_each(|(path, bytes)| write(path, bytes));
    let contents = Contents::folder(&before, Limit::Proportional).expect("a bundle");
    let record = contents.record().expect("a journal");
    let mut key = Key::new([7; 32]);
    let done = redact(
        &contents,
        &record,
        &mut key,
        Limit::Proportional,
        &dir.path().join("after"),
    )
    .expect("room");
    (done, dir, key)
}

fn line(event: Value) -> String {
    let mut line = json!({"at": "2026-11-24T02:38:00Z"});
    line.as_object_mut()
        .expect("a line")
        .extend(event.as_object().expect("an event").clone());
    format!("{line}\n")
}

fn artifact(name: &str, path: &str, bytes: &[u8], facts: Value) -> String {
    let sha256: String = Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    line(
        json!({"event": "artifact", "node": NODE, "run": 1, "artifact": name, "path": path, "bytes": bytes.len(),
        "sha256": sha256, "facts": facts}),
    )
}

fn started() -> String {
    line(json!({"event": "started", "schema": 2, "tool": "test", "asked": {}}))
}

/// Redacts one profile; its copy with every pseudonym told.
fn redacted_profile(p: &Profile) -> Vec<String> {
    let mut bytes = Vec::new();
    encode_gzip(p, &mut bytes, Compression::suiting(p)).expect("memory");
    let facts = examine(&bytes, Expect::Profile(None), Limit::Proportional).expect("a profile");
    let facts = serde_json::to_value(facts).expect("JSON");
    let journal = started() + &artifact("heap", "n/heap.pb.gz", &bytes, facts);
    let (done, dir, key) = copied(journal.as_bytes(), &[("n/heap.pb.gz", &bytes)]);
    assert_eq!((done.files, done.left_out.len()), (1, 0), "{done:?}");
    let journal = fs::read(dir.path().join("after/manifest.jsonl")).expect("a journal");
    let record = Record::of_journal(&journal);
    let path = record.artifacts().next().expect("an artifact").path.clone();
    assert!(path.ends_with("/heap.pb.gz"), "{path}");
    let copy = fs::read(dir.path().join("after").join(path)).expect("a profile");
    let copy = read(copy, Limit::Proportional, false).expect("a profile").profile;
    assert_eq!(copy.samples.all_values(), p.samples.all_values());
    let told = |t: &str| told(t, &key);
    let mut said = Vec::new();
    said.extend(
        copy.mappings
            .iter()
            .map(|m| format!("{} {}", told(copy.text(m.file)), told(copy.text(m.build_id)))),
    );
    said.extend(
        copy.functions
            .iter()
            .map(|f| format!("{} {}", copy.text(f.name), told(copy.text(f.filename)))),
    );
    said.extend(copy.comments.iter().map(|&c| told(copy.text(c))));
    said.push(told(copy.text(copy.doc_url)));
    for l in copy.samples.labels(0) {
        let (key, text, unit) = (copy.text(l.key), copy.text(l.text), copy.text(l.unit));
        said.push(format!("{}={}{} {}", told(key), told(text), l.number, told(unit)));
    }
    said
}

#[test]
fn profiles_keep_their_code_and_numbers() {
    let one = Made {
        stack: &["zqmain.f", "zqmain.g", "zqmain.h", "zqmain.i"],
        values: &[7],
        texts: &[],
        numbers: &[],
    };
    let mut p = profile(&[("inuse_space", "bytes")], &[one]);
    for (n, file) in [
        "/home/zqalice/src/x.go",
        "zqrel/x.go",
        "C:\\Users\\zqbob\\x.go",
        "C:/Users/zqbob/x.go",
    ]
    .iter()
    .enumerate()
    {
        p.functions[n].filename = p.strings.intern(file);
    }
    for (n, (file, id)) in [
        ("/home/zqalice/kubelet (deleted)", "0a1b2c"),
        ("[vdso]", "a-b_c/d"),
        ("", "zq build"),
        ("/usr/lib/libc.so.6", ""),
    ]
    .iter()
    .enumerate()
    {
        let mapping = Mapping {
            id: n as u64 + 1,
            file: p.strings.intern(file),
            build_id: p.strings.intern(id),
            ..Mapping::default()
        };
        p.mappings.push(mapping);
    }
    let comment = p.strings.intern("running");
    p.comments.push(comment);
    p.doc_url = p.strings.intern("https://zq.example");
    let mut labels = Vec::new();
    for (key, value) in [("pod", "running"), ("zqkey", "bytes")] {
        labels.push(Label::text(p.strings.intern(key), p.strings.intern(value)));
    }
    for (key, unit) in [
        ("bytes", "bytes"),
        ("zqsize", "zqunit"),
        ("request", ""),
        ("wait", "nanoseconds"),
    ] {
        labels.push(Label::number(p.strings.intern(key), 5, p.strings.intern(unit)));
    }
    let (stack, values) = (p.samples.stack(0), p.samples.values(0).to_vec());
    p.samples = kubeprof::model::Samples::new(1);
    p.samples.push(stack, &values, &labels);
    assert_eq!(
        redacted_profile(&p),
        [
            "/home/<user zqalice>/kubelet (deleted) 0a1b2c",
            "[vdso] a-b_c/d",
            " <label zq build>",
            "/usr/lib/libc.so.6 ",
            "zqmain.f /home/<user zqalice>/src/x.go",
            "zqmain.g zqrel/x.go",
            "zqmain.h C:\\Users\\<user zqbob>\\x.go",
            "zqmain.i C:/Users/<user zqbob>/x.go",
            "<label running>",
            "<label https://zq.example>",
            "pod=<label running>0 ",
            "<label zqkey>=bytes0 ",
            "bytes=5 bytes",
            "<label zqsize>=5 <label zqunit>",
            "request=5 ",
            "wait=5 nanoseconds",
        ]
    );
}

/// What cannot be redacted is left out, and said so; what is not what was taken, as well.
#[test]
fn what_is_left_out_is_said() {
    let text = json!({"form": "text"});
    let journal = [
        started(),
        artifact("kept", "n/kept.txt", b"zqtext", text.clone()),
        artifact("metrics-2", "n/metrics-2.txt", b"a 1\n", text.clone()),
        artifact("statusz", "n/statusz.txt", b" {\"zqkey\":1}", text.clone()),
        artifact("args", "n/args.bin", b"--hostname-override\0running", text.clone()),
        artifact("gone", "n/gone.txt", b"zqtext", text.clone()),
        artifact("logs", "n/altered.txt", b"zqtext", text.clone()),
        artifact("cut", "n/cut.txt", b"zqtext", text.clone()),
        artifact("trace", "n/trace.trace", b"zqtrace", json!({"form": "trace"})),
        artifact("other", "n/other.bin", b"zqother", json!({"form": "other"})),
        artifact("binary", "n/binary.txt", b"\xff", text.clone()),
        artifact("json", "n/json.json", b"{zq", json!({"form": "json"})),
        artifact("heap", "n/heap.pb.gz", b"zqheap", json!({"form": "proto"})),
        // A later line takes the place of this one.
        artifact("twice", "n/twice-1.txt", b"zqone", text.clone()),
        artifact("twice", "n/twice-2.txt", b"running", text.clone()),
        line(json!({"event": "aside", "path": "n/aside", "bytes": 2, "sha256": "zq"})),
        line(json!({"event": "later", "zq": 1})),
        "zq damaged\n".to_owned(),
        line(json!({"event": "binary", "path": "binaries/aa/kubelet", "bytes": 2, "sha256": "zq", "node": NODE})),
        line(json!({"event": "finished"})),
    ];
    let torn = [journal.concat().as_bytes(), b"{\"zq"].concat();
    let files: &[(&str, &[u8])] = &[
        ("n/kept.txt", b"zqtext"),
        ("n/metrics-2.txt", b"a 1\n"),
        ("n/statusz.txt", b" {\"zqkey\":1}"),
        ("n/args.bin", b"--hostname-override\0running"),
        ("n/altered.txt", b"zqtexT"),
        ("n/cut.txt", b"zqtex"),
        ("n/trace.trace", b"zqtrace"),
        ("n/other.bin", b"zqother"),
        ("n/binary.txt", b"\xff"),
        ("n/json.json", b"{zq"),
        ("n/heap.pb.gz", b"zqheap"),
        ("n/twice-1.txt", b"zqone"),
        ("n/twice-2.txt", b"running"),
        ("n/extra.txt", b"zq"),
    ];
    let (done, dir, key) = copied(&torn, files);
    assert_eq!(done.files, 5);
    assert_eq!(done.missing, ["n/gone.txt"]);
    assert_eq!(done.altered, ["n/altered.txt", "n/cut.txt"]);
    assert_eq!(done.extra, ["n/extra.txt", "n/twice-1.txt"]);
    let left_out: Vec<_> = done
        .left_out
        .iter()
        .map(|(path, cause, _)| (path.as_str(), *cause))
        .collect();
    let expected = [
        ("n/gone.txt", Cause::Unreadable),
        ("n/altered.txt", Cause::Altered),
        ("n/cut.txt", Cause::Altered),
        ("n/trace.trace", Cause::NotRedactable),
        ("n/other.bin", Cause::NotRedactable),
        ("n/binary.txt", Cause::NotText),
        ("n/json.json", Cause::Unreadable),
        ("n/heap.pb.gz", Cause::Unreadable),
        ("binaries/aa/kubelet", Cause::NotRedactable),
    ];
    assert_eq!(left_out, expected);
    // The copy's journal has the same order, its own hashes, and what is left out as skipped.
    let root = dir.path().join("after");
    let journal = fs::read_to_string(root.join("manifest.jsonl")).expect("a journal");
    let said = lines(&told(&journal, &key)).into_iter().map(|line| {
        let details = &line["details"];
        let what = ["event", "node", "artifact", "who", "cause"]
            .map(|key| self::text(&line[key]))
            .join(" ");
        format!(
            "{what} {} {}",
            self::text(&details["effect"]),
            self::text(&details["message"])
        )
    });
    let node = format!("<node {NODE}>");
    let kept = |name: &str| format!("artifact {node} {name}    ");
    let skipped = |name: &str, cause: &str| format!("skipped {node} {name} kubeprof {cause} left_out ");
    let said: Vec<String> = said.collect();
    assert_eq!(said[0].trim_end(), "started");
    let heads: Vec<&str> = said[1..].iter().map(String::as_str).collect();
    let expected = [
        kept("kept"),
        kept("metrics-2"),
        kept("statusz"),
        kept("args"),
        skipped("gone", "unreadable"),
        skipped("logs", "altered"),
        skipped("cut", "altered"),
        skipped("trace", "not_redactable"),
        skipped("other", "not_redactable"),
        skipped("binary", "not_text"),
        skipped("json", "unreadable"),
        skipped("heap", "unreadable"),
        kept("twice"),
        "finished       ".to_owned(),
    ];
    assert_eq!(heads.len(), expected.len(), "{heads:#?}");
    for (found, expected) in heads.iter().zip(&expected) {
        assert!(found.starts_with(expected.trim_end()), "{found}\n{expected}");
    }
    // What the reader says of what it cannot read is told, without names.
    let message = heads[10].rsplit_once("left_out ").expect("a message").1;
    assert!(message.contains("line 1 column 2"), "{message}");
    // Files have the names of their artifacts, and the endings that they had.
    let record = Record::of_journal(journal.as_bytes());
    let texts = record.artifacts().map(|a| {
        let file = a.path.rsplit('/').next().expect("a file");
        let bytes = fs::read(root.join(&a.path)).expect("a file");
        assert_eq!(a.bytes, bytes.len() as u64);
        format!("{file} {}", told(&String::from_utf8_lossy(&bytes), &key))
    });
    let texts: Vec<String> = texts.collect();
    assert_eq!(
        texts,
        [
            "kept.txt <label zqtext>",
            "metrics-2.txt a 1\n",
            "statusz.txt {\n  \"<label zqkey>\": 1\n}\n",
            "args.bin --hostname-override\0<node running>",
            "twice.txt running",
        ]
    );
    assert!(!Path::new(&root.join("n")).exists());
}

/// Sentences that an older kubeprof wrote: who is quoted as a user is one, wherever he stands.
#[test]
fn sentences_of_format_1() {
    let rows = [
        (
            "you are \"running\" and may not get nodes/proxy",
            "you are \"<user running>\" and may not get nodes/proxy",
        ),
        (
            "the kubelet knows you as \"zqjane\": running",
            "the kubelet knows you as \"<user zqjane>\": running",
        ),
        (
            "whether (\"zqbob\" may): zqbob",
            "whether (\"<user zqbob>\" may): <user zqbob>",
        ),
        (
            "--user='zq joe' and 'zq joe'",
            "--user='<user zq joe>' and '<user zq joe>'",
        ),
        (
            "--serviceaccount=zqns:zqsa now",
            "--serviceaccount=<user zqns:zqsa> now",
        ),
        ("zqjane and zqcarol", "<user zqjane> and <user zqcarol>"),
        ("User \"zqcarol\" cannot list", "User \"<user zqcarol>\" cannot list"),
        ("the node is running", "the node is running"),
    ];
    let of = |(at, (sentence, _)): (usize, &(&str, &str))| {
        let why = (*sentence).to_owned();
        let missing = Missing {
            slot: slot(&format!("a-{at}")),
            ..Missing::default()
        };
        Event::Failed(match at % 2 {
            0 => Missing { why, ..missing },
            _ => Missing { remedy: why, ..missing },
        })
    };
    let (_, journal) = redacted(&[], rows.iter().enumerate().map(of).collect());
    let found: Vec<String> = { lines(&journal).into_iter().skip(2) }
        .map(|line| text(&line["why"]) + &text(&line["remedy"]))
        .collect();
    compare(found.iter().map(String::as_str), &rows);
}

#[test]
fn a_key_keeps_its_pseudonyms_and_its_secret() {
    let mut key = Key::new([7; 32]);
    assert!(key.is_empty());
    assert_eq!((key.len(), key.hidden().count()), (0, 0));
    let classes = [
        (Class::Node, "node"),
        (Class::Address, "addr"),
        (Class::Host, "host"),
        (Class::User, "user"),
        (Class::Label, "label"),
        (Class::Machine, "machine"),
    ];
    let mut all = Vec::new();
    for (class, word) in classes {
        let pseudonym = key.pseudonym(class, "zq");
        let (start, digits) = pseudonym.rsplit_once('-').expect("a class");
        assert!(start == word && digits.len() == 8, "{pseudonym}");
        assert!(digits.chars().all(|c| c.is_ascii_hexdigit()), "{pseudonym}");
        // The same name has the same, and a pseudonym is its own.
        assert_eq!(key.pseudonym(class, "zq"), pseudonym);
        assert_eq!(key.pseudonym(Class::Host, &pseudonym), pseudonym);
        all.push(digits.to_owned());
    }
    all.dedup();
    assert_eq!(
        (key.len(), key.is_empty(), all.len()),
        (6, false, 6),
        "each class has its own"
    );
    assert_eq!(key.hidden().collect::<Vec<_>>(), ["zq"; 6]);
    // Another secret, other pseudonyms; a file keeps all.
    assert_ne!(
        Key::new([8; 32]).pseudonym(Class::Node, "zq"),
        key.pseudonym(Class::Node, "zq")
    );
    let file = key.to_json();
    assert!(file.ends_with(b"}\n"));
    assert_eq!(Key::parse(&file).expect("a key"), key);
    // Two names never share one: where the short form is another's, it is made longer.
    let mut json: Value = serde_json::from_slice(&file).expect("JSON");
    let name = |key: &mut Key| key.pseudonym(Class::Label, "zqnew");
    let short = name(&mut key.clone());
    json["names"][&short] = json!("another");
    let mut taken = Key::parse(json.to_string().as_bytes()).expect("a key");
    let longer = name(&mut taken);
    assert!(
        longer.starts_with(&short) && longer.len() == short.len() + 8,
        "{short} {longer}"
    );
    assert_eq!(name(&mut taken), longer);
    json["names"][&longer] = json!("a third");
    assert_eq!(
        name(&mut Key::parse(json.to_string().as_bytes()).expect("a key")).len(),
        short.len() + 24
    );
    // What is no key.
    let whole: Value = serde_json::from_slice(&file).expect("JSON");
    for (field, value) in [
        ("schema", json!("kubeprof/redaction-key/2")),
        ("secret", json!("00")),
        ("names", json!(1)),
    ] {
        let mut other = whole.clone();
        other[field] = value;
        assert!(Key::parse(other.to_string().as_bytes()).is_err(), "{field}");
    }
    assert!(Key::parse(b"zq").is_err());
}
