//! `web`: the page of `report` alive, for folders of bundles: a list with verdicts, and any of them together.
//!
//! Only what was found below the given paths can be asked for, by an identifier of the list and never by a path; links are
//! not followed. New bundles appear when the list is loaded again, which it does by itself.

use std::collections::HashMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::Args;
use sha2::{Digest, Sha256};

use super::{Exit, diagnose, open, pprof, report};
use crate::bundle::manifest::JOURNAL;
use crate::cli::hints;
use crate::diagnose::report::Diagnosis;
use crate::kubelet::Knowledge;
use crate::pprof::Limit;
use crate::render::diagnosis;
use crate::render::pages::{self, Content, Link, Site};
use crate::web::{self, Guard, Handler, Request, Response};

const EXAMPLES: &str = "\
Examples:
  kubeprof web bundles/                            a list of the bundles in a folder, with verdicts
  kubeprof web BUNDLE                              one report, alive
  kubeprof web --listen 0.0.0.0:8080 bundles/      for others too; the printed address has a token in it";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct WebArgs {
    /// Folders of bundles, bundles, folders of profiles or files [default: the current folder]
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Address to listen on; anything but the loopback needs the token that is printed
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// Do not open a browser
    #[arg(long)]
    no_browser: bool,
    /// Largest size of an unpacked profile
    #[arg(long, value_name = "SIZE", help_heading = "Input", value_parser = super::args::parse_size)]
    max_size: Option<u64>,
    #[command(flatten)]
    known: diagnose::SourceArgs,
}

/// Sources that are listed at most.
const MOST: usize = 500;
/// Folders below a given one that are looked into.
const DEEPEST: usize = 3;
/// Reports that are kept ready.
const KEPT: usize = 4;

pub(super) fn answer(args: &WebArgs) -> Result<Exit> {
    let paths = if args.paths.is_empty() {
        vec![PathBuf::from(".")]
    } else {
        args.paths.clone()
    };
    let roots: Result<Vec<PathBuf>> = (paths.iter())
        .map(|p| fs::canonicalize(p).with_context(|| p.display().to_string()))
        .collect();
    let listener = TcpListener::bind(&args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    let at = listener.local_addr()?;
    let token = (!at.ip().is_loopback()).then(web::token).transpose()?;
    let guard = Guard::new(at, token);
    let url = guard.url();
    let shelf = Shelf {
        roots: roots?,
        limit: args.max_size.map_or(Limit::Proportional, Limit::Bytes),
        knowledge: open::knowledge_of(args.known.table())?,
        known: args.known.clone(),
        verdicts: Mutex::default(),
        pages: Mutex::default(),
    };
    let handler: Arc<Handler> = Arc::new(move |request: &Request| shelf.answer(request));
    let browser = !args.no_browser;
    web::serve(listener, guard, handler, |_: SocketAddr| {
        say!("Serving on {url} (Ctrl-C ends it)");
        if browser {
            pprof::open_browser(&url);
        }
    })?;
    Ok(Exit::Fine)
}

/// Something that a report can be made of.
#[derive(Clone, Debug)]
struct Source {
    id: String,
    path: PathBuf,
    name: String,
    /// Its newest file: when that changes it is read again.
    changed: Option<SystemTime>,
}

/// A verdict, or why there is none.
type Judged = std::result::Result<Diagnosis, String>;

type Dated<T> = (Option<SystemTime>, Arc<T>);

struct Shelf {
    roots: Vec<PathBuf>,
    limit: Limit,
    known: diagnose::SourceArgs,
    knowledge: Arc<Knowledge>,
    /// By source, with the change that they are of.
    verdicts: Mutex<HashMap<String, Dated<Judged>>>,
    /// The newest first.
    pages: Mutex<Vec<(String, Arc<Vec<u8>>)>>,
}

impl Shelf {
    fn answer(&self, request: &Request) -> Response {
        let sources = self.sources();
        match request.path.as_str() {
            "/" => match sources.as_slice() {
                [only] if self.roots.len() == 1 && only.path == self.roots[0] => {
                    Response::redirect(302, &format!("report?b={}", only.id))
                }
                _ => self.list(&sources),
            },
            "/report" => {
                let asked: Vec<&str> = request.all("b").take(20).collect();
                let chosen: Vec<Source> = (asked.iter())
                    .filter_map(|id| sources.iter().find(|s| s.id == *id))
                    .cloned()
                    .collect();
                if chosen.is_empty() || chosen.len() != asked.len() {
                    return Response::text(404, "no such source; the list has those that there are");
                }
                self.report(&chosen, request.get("node"))
            }
            _ => Response::text(404, "not found"),
        }
    }

    /// What there is now.
    fn sources(&self) -> Vec<Source> {
        let mut found = Vec::new();
        for root in &self.roots {
            look(root, root, 0, &mut found);
        }
        found.sort_by(|a, b| b.changed.cmp(&a.changed).then_with(|| a.name.cmp(&b.name)));
        found.truncate(MOST);
        found
    }

    fn verdict(&self, source: &Source) -> Arc<Judged> {
        let known = self
            .verdicts
            .lock()
            .ok()
            .and_then(|known| known.get(&source.id).cloned());
        if let Some((changed, known)) = known
            && changed == source.changed
        {
            return known;
        }
        let made = diagnose::observe(std::slice::from_ref(&source.path), self.limit, &self.known);
        let made = Arc::new(made.map_err(|e| format!("{e:#}")));
        if let Ok(mut verdicts) = self.verdicts.lock() {
            if verdicts.len() > 2 * MOST {
                verdicts.clear();
            }
            verdicts.insert(source.id.clone(), (source.changed, made.clone()));
        }
        made
    }

    fn list(&self, sources: &[Source]) -> Response {
        let text = |text: &str| Link {
            text: text.to_owned(),
            ..Link::default()
        };
        let heads = ["source", "node", "kubelet", "verdict", "first finding", "captured", ""];
        let mut rows = vec![heads.map(text).to_vec()];
        for (i, source) in sources.iter().enumerate() {
            let verdict = self.verdict(source);
            let link = Link {
                text: source.name.clone(),
                href: format!("report?b={}", source.id),
                current: false,
            };
            let (node, version, word, first, at) = match verdict.as_ref() {
                Err(reason) => (
                    String::new(),
                    String::new(),
                    "unreadable".to_owned(),
                    reason.clone(),
                    String::new(),
                ),
                Ok(d) => (
                    d.examined.node.clone(),
                    d.examined.kubernetes.clone(),
                    d.verdict.as_str().to_owned(),
                    d.findings.first().map(diagnosis::summary).unwrap_or_default(),
                    d.examined
                        .first
                        .map(|t| t.strftime("%Y-%m-%d %H:%M UTC").to_string())
                        .unwrap_or_default(),
                ),
            };
            // With the one below, which is the next older.
            let compare = sources.get(i + 1).map_or_else(Link::default, |older| Link {
                text: "with the one below".to_owned(),
                href: format!("report?b={}&b={}", older.id, source.id),
                current: false,
            });
            let strong = Link {
                current: word == "sick",
                ..text(&word)
            };
            rows.push(vec![
                link,
                text(&node),
                text(&version),
                strong,
                text(&first),
                text(&at),
                compare,
            ]);
        }
        let site = Site {
            title: "kubeprof".to_owned(),
            page: "./".to_owned(),
            ..Site::default()
        };
        let facts = [
            format!(
                "{} sources, the newest first. The list renews itself every 30 seconds.",
                sources.len()
            ),
            "Several are compared at report?b=ID&b=ID with the identifiers of their links.".to_owned(),
        ];
        let mut body = Vec::new();
        match pages::page(&site, &facts, &Content::Table(rows), &mut body) {
            Err(e) => Response::text(500, e.to_string()),
            Ok(()) => {
                let mut response = Response::new("text/html; charset=utf-8", body);
                response.headers.push(("Refresh", "30".to_owned()));
                response
            }
        }
    }

    fn report(&self, sources: &[Source], node: &str) -> Response {
        let mut key = node.to_owned();
        for source in sources {
            key.push_str(&format!("|{}{:?}", source.id, source.changed));
        }
        let known =
            |pages: &Vec<(String, Arc<Vec<u8>>)>| pages.iter().find(|(k, _)| *k == key).map(|(_, page)| page.clone());
        if let Some(page) = self.pages.lock().ok().and_then(|pages| known(&pages)) {
            return Response::new("text/html; charset=utf-8", page.as_slice());
        }
        let paths: Vec<PathBuf> = sources.iter().map(|s| s.path.clone()).collect();
        let node = Some(node).filter(|n| !n.is_empty());
        let made = report::of(&paths, node, self.limit, &self.known, &self.knowledge).and_then(|made| {
            let mut body = Vec::new();
            report::html(&made, &paths, None, Vec::new(), &mut body)?;
            Ok(body)
        });
        match made {
            Err(e) => Response::text(422, hints::told_chain(&e)),
            Ok(body) => {
                let body = Arc::new(body);
                if let Ok(mut pages) = self.pages.lock() {
                    pages.truncate(KEPT - 1);
                    pages.insert(0, (key, body.clone()));
                }
                Response::new("text/html; charset=utf-8", body.as_slice())
            }
        }
    }
}

/// Finds sources: bundles, packed bundles, folders that have profiles themselves, single files that were named. Links are not
/// followed.
fn look(root: &Path, path: &Path, depth: usize, found: &mut Vec<Source>) {
    let Ok(facts) = fs::symlink_metadata(path) else { return };
    if found.len() >= 4 * MOST || facts.file_type().is_symlink() {
        return;
    }
    if facts.is_file() {
        let name = path
            .file_name()
            .map(|n| n.to_string_lossy().into_owned())
            .unwrap_or_default();
        let packed = [".tar", ".tar.gz", ".tgz", ".tar.zst"]
            .iter()
            .any(|end| name.ends_with(end));
        if packed || depth == 0 {
            found.push(source(root, path, facts.modified().ok()));
        }
        return;
    }
    if !facts.is_dir() {
        return;
    }
    if let Ok(journal) = fs::symlink_metadata(path.join(JOURNAL)) {
        found.push(source(root, path, journal.modified().ok()));
        return;
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(path)
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .collect();
    entries.sort();
    let is_profile = |p: &PathBuf| {
        let name = p
            .file_name()
            .map(|n| n.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        let ends = [
            ".pb.gz",
            ".pb",
            ".prof",
            ".debug2.txt",
            ".debug1.txt",
            ".debug2.txt.gz",
            ".debug1.txt.gz",
        ];
        ends.iter().any(|end| name.ends_with(end)) && fs::symlink_metadata(p).is_ok_and(|m| m.is_file())
    };
    let profiles: Vec<&PathBuf> = entries.iter().filter(|p| is_profile(p)).collect();
    if !profiles.is_empty() {
        let newest = profiles
            .iter()
            .filter_map(|p| fs::symlink_metadata(p).ok()?.modified().ok())
            .max();
        found.push(source(root, path, newest));
        return;
    }
    if depth < DEEPEST {
        for entry in &entries {
            let hidden = entry.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
            if !hidden {
                look(root, entry, depth + 1, found);
            }
        }
    }
}

fn source(root: &Path, path: &Path, changed: Option<SystemTime>) -> Source {
    let inside = path.strip_prefix(root).ok().filter(|p| !p.as_os_str().is_empty());
    let name = inside.map_or_else(
        || {
            path.file_name()
                .map_or_else(|| path.display().to_string(), |n| n.to_string_lossy().into_owned())
        },
        |p| p.display().to_string(),
    );
    let id: String = Sha256::digest(path.as_os_str().as_encoded_bytes())
        .iter()
        .take(6)
        .map(|b| format!("{b:02x}"))
        .collect();
    Source {
        id,
        path: path.to_owned(),
        name,
        changed,
    }
}
