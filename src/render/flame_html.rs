//! The flame graph as one page that needs nothing else: [`page`](super::page) with one graph and its table.

use std::io::{self, Write};

use super::flame::facts;
use super::page::{self, Names, Page, Snapshot, Taken};
use super::pages::{Link, Site};
use crate::analysis::{Comparison, Flame};

/// Writes the page. `name` says which profile it is, in the title.
///
/// # Errors
/// What `out` reports.
pub fn flame_html(flame: &Flame, name: &str, out: &mut dyn Write) -> io::Result<()> {
    flame_page(flame, name, &Site::default(), out)
}

/// As [`flame_html`], with links to the other pages of a site.
///
/// # Errors
/// What `out` reports.
pub fn flame_page(flame: &Flame, name: &str, site: &Site, out: &mut dyn Write) -> io::Result<()> {
    let mut names = Names::new();
    // The two sides of a comparison are two moments.
    let moments: &[&str] = match flame.comparison {
        Comparison::None => &["profile"],
        Comparison::Base => &["old", "new"],
        Comparison::Signed => &["lost", "gained"],
    };
    let taken: Vec<Taken> = (0..moments.len())
        .map(|snapshot| Taken {
            snapshot,
            source: name.to_owned(),
            ..Taken::default()
        })
        .collect();
    let snapshot = |name: &&str| Snapshot {
        at: (flame.header.time_nanos != 0).then_some(flame.header.time_nanos / 1_000_000),
        name: (*name).to_owned(),
        process: 0,
    };
    let profile = page::profile(flame, "profile", name, &taken, &mut names);
    let page = Page {
        mode: "flame",
        title: name.to_owned(),
        summary: String::new(),
        facts: facts::facts(flame)
            .into_iter()
            .map(|(k, v)| (k.to_owned(), v))
            .collect(),
        snapshots: moments.iter().map(snapshot).collect(),
        profiles: vec![profile],
        names: &names,
        sections: Links {
            links: site.links.iter().chain(&site.samples).filter(|l| !l.current).collect(),
        },
        hide: None,
    };
    page::write(page, &facts::title(flame, name), out)
}

/// A flame graph has none of the sections of a report; served, it has links.
#[derive(serde::Serialize)]
struct Links<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<&'a Link>,
}
