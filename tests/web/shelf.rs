//! `kubeprof web`: a list of what is below the given folders, with verdicts, and any of them on a page.

use std::fs;

use super::{Server, fixture};

fn links(page: &str) -> Vec<String> {
    page.split("href=\"report?b=")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(|id| id.replace("&amp;", "&"))
        .collect()
}

#[test]
fn a_folder_is_a_list_with_verdicts() {
    let folder = tempfile::tempdir().unwrap();
    for (name, from) in [("frozen", "frozen-runtime"), ("healthy", "healthy-1.37.2")] {
        let to = folder.path().join(name);
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(fixture(&format!("captures/{from}"))).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    fs::write(folder.path().join("notes.txt"), "not a source").unwrap();
    let server = Server::start(&["web", "--no-browser", folder.path().to_str().unwrap()]);
    let list = server.get("/");
    assert_eq!(list.status, 200, "{}", list.body);
    assert!(list.body.contains("frozen") && list.body.contains("healthy") && !list.body.contains("notes.txt"));
    assert!(list.body.contains(">sick<"), "{}", list.body);
    assert_eq!(list.header("refresh"), Some("30"));
    let single: Vec<String> = links(&list.body).into_iter().filter(|id| !id.contains('&')).collect();
    assert_eq!(single.len(), 2);
    for id in &single {
        let page = server.get(&format!("/report?b={id}"));
        assert_eq!(page.status, 200, "{}", page.body.chars().take(200).collect::<String>());
        assert!(page.body.contains("\"mode\":\"report\""));
    }
    // Two together.
    let both = links(&list.body)
        .into_iter()
        .find(|id| id.contains('&'))
        .expect("a comparison");
    let page = server.get(&format!("/report?b={both}"));
    assert_eq!(page.status, 200, "{}", page.body.chars().take(200).collect::<String>());
    // A new one appears.
    let to = folder.path().join("later");
    fs::create_dir(&to).unwrap();
    fs::copy(
        fixture("captures/ctx-leak-1.36.1/s10-heap.pb.gz"),
        to.join("heap.pb.gz"),
    )
    .unwrap();
    assert!(server.get("/").body.contains("later"));
}

#[test]
fn only_what_is_listed_can_be_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::copy(
        fixture("captures/ctx-leak-1.36.1/s10-heap.pb.gz"),
        outside.path().join("heap.pb.gz"),
    )
    .unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(outside.path(), folder.path().join("link")).unwrap();
    let hostile = folder.path().join("<script>alert(1)</script>");
    if fs::create_dir(&hostile).is_ok() {
        fs::copy(
            fixture("captures/ctx-leak-1.36.1/s10-heap.pb.gz"),
            hostile.join("heap.pb.gz"),
        )
        .ok();
    }
    let server = Server::start(&["web", "--no-browser", folder.path().to_str().unwrap()]);
    let list = server.get("/");
    assert!(!list.body.contains("link<"), "links are not followed: {}", list.body);
    assert!(!list.body.contains("<script>alert"));
    for path in [
        "/report",
        "/report?b=",
        "/report?b=../../etc",
        "/report?b=/etc/passwd",
        "/report?b=000000000000",
        "/../",
        "/heap.pb.gz",
    ] {
        let status = server.get(path).status;
        assert!(status == 404 || status == 400, "{path}: {status}");
    }
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn one_source_is_shown_at_once() {
    let source = fixture("captures/frozen-runtime");
    let server = Server::start(&["web", "--no-browser", &source]);
    let first = server.get("/");
    assert_eq!(first.status, 302);
    let place = first.header("location").unwrap().to_owned();
    let page = server.ask("GET", &format!("/{place}"), &[("Accept-Encoding", "gzip")]);
    assert_eq!(page.status, 200);
    assert!(page.bytes.len() < 2_000_000, "{}", page.bytes.len());
}
