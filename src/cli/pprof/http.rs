//! `-http=HOST:PORT`: pprof's addresses with their parameters, answered by kubeprof's own pages.
//!
//! `/flamegraph` is the page of `kubeprof flame`; the others are tables, texts and a call graph that needs no Graphviz.
//! Options of the command line are the base of every page; parameters override them. GET changes nothing, so that
//! `/saveconfig` and `/deleteconfig` are refused: an address is a configuration that can be kept.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;

use super::config::Config;
use super::sources::LocalSources;
use super::{Failure, output, report_from};
use crate::analysis::{self, Granularity, RoutineOrder, View};
use crate::cli::hints;
use crate::model::Profile;
use crate::pprof::{Compression, encode_gzip_as_read};
use crate::render;
use crate::render::pages::{self, Content, Link, Site};
use crate::web::{self, Guard, Handler, Request, Response};

/// Parameters of addresses and the options that they set.
const PARAMETERS: &[(&str, &str)] = &[
    ("calltree", "call_tree"),
    ("rel", "relative_percentages"),
    ("unit", "unit"),
    ("compact", "compact_labels"),
    ("intel", "intel_syntax"),
    ("n", "nodecount"),
    ("nf", "nodefraction"),
    ("ef", "edgefraction"),
    ("trim", "trim"),
    ("f", "focus"),
    ("i", "ignore"),
    ("prunefrom", "prune_from"),
    ("h", "hide"),
    ("s", "show"),
    ("sf", "show_from"),
    ("tf", "tagfocus"),
    ("ti", "tagignore"),
    ("ts", "tagshow"),
    ("th", "taghide"),
    ("mean", "mean"),
    ("si", "sample_index"),
    ("norm", "normalize"),
    ("sort", "sort"),
    ("dropneg", "drop_negative"),
    ("g", "granularity"),
    ("noinlines", "noinlines"),
    ("showcolumns", "showcolumns"),
];

/// The pages and what they are called.
const VIEWS: [(&str, &str); 6] = [
    ("flamegraph", "Flame graph"),
    ("top", "Top"),
    ("graph", "Graph"),
    ("peek", "Peek"),
    ("source", "Source"),
    ("disasm", "Disassemble"),
];

/// Functions that `/disasm` and `/source` show at most, the largest first.
const MOST_ROUTINES: usize = 50;

/// What all pages are about.
struct Shown {
    profile: Profile,
    config: Config,
    title: String,
}

/// Serves until it is told to stop.
///
/// # Errors
/// A text for stderr.
pub(super) fn serve(
    profile: Profile,
    config: Config,
    address: &str,
    no_browser: bool,
    title: String,
) -> Result<(), String> {
    let listener = listen(address)?;
    let at = listener.local_addr().map_err(|e| e.to_string())?;
    let token = (!at.ip().is_loopback())
        .then(web::token)
        .transpose()
        .map_err(|e| e.to_string())?;
    let guard = Guard::new(at, token);
    let url = guard.url();
    let shown = Shown { profile, config, title };
    let handler: Arc<Handler> = Arc::new(move |request: &Request| shown.answer(request));
    let ready = |_: SocketAddr| {
        say!("Serving web UI on {url}");
        if !no_browser {
            output::open_browser(&url);
        }
    };
    web::serve(listener, guard, handler, ready).map_err(|e| e.to_string())
}

/// `HOST:PORT` as pprof takes it: an empty host is localhost, an empty port one that is free.
fn listen(address: &str) -> Result<TcpListener, String> {
    let (host, port) = address
        .rsplit_once(':')
        .ok_or_else(|| format!("-http={address}: no port\nhint: -http=localhost:8080, or -http=: for any free port"))?;
    let host = if host.is_empty() {
        "localhost"
    } else {
        host.trim_start_matches('[').trim_end_matches(']')
    };
    let port: u16 = match port {
        "" => 0,
        port => port
            .parse()
            .map_err(|_| format!("-http={address}: {port:?} is not a port"))?,
    };
    let places = (host, port)
        .to_socket_addrs()
        .map_err(|e| format!("-http={address}: {e}"))?;
    // IPv4 first: that is what `localhost` in an address means to most.
    let mut places: Vec<SocketAddr> = places.collect();
    places.sort_by_key(|a| !a.is_ipv4());
    TcpListener::bind(places.as_slice()).map_err(|e| format!("-http={address}: {e}"))
}

impl Shown {
    fn answer(&self, request: &Request) -> Response {
        let path = request.path.as_str();
        let inside = path
            .strip_prefix("/ui")
            .filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let page = inside.unwrap_or(path).trim_start_matches('/');
        let with_query = |place: &str| format!("{place}{}", query_text(&request.query));
        match (page, inside.is_some()) {
            // Relative, so that a token in front stays.
            ("", false) => return Response::redirect(307, &with_query("ui/")),
            ("", true) if path == "/ui" => return Response::redirect(307, &with_query("ui/")),
            ("", true) | ("flamegraph2" | "flamegraphold", _) => {
                return Response::redirect(301, &with_query("flamegraph"));
            }
            ("saveconfig" | "deleteconfig", _) => {
                return Response::text(
                    405,
                    "nothing can be changed here: an address with its parameters is a configuration, keep it",
                );
            }
            _ => {}
        }
        let config = match self.config_of(request) {
            Ok(config) => config,
            Err(reason) => return Response::text(400, reason),
        };
        match self.page(page, &config, request) {
            Ok(Some(response)) => response,
            Ok(None) => Response::text(404, "404 page not found"),
            Err(e) => Response::text(400, e.to_string()),
        }
    }

    /// The options of the command line with those of the address. An empty parameter leaves an option as it is.
    fn config_of(&self, request: &Request) -> Result<Config, String> {
        let mut config = self.config.clone();
        for (parameter, option) in PARAMETERS {
            let Some((_, value)) = request.query.iter().find(|(name, _)| name == parameter) else {
                continue;
            };
            if value.is_empty() {
                continue;
            }
            if *option == "sample_index" {
                analysis::sample_index(&self.profile, value).map_err(|e| hints::told(&e))?;
            }
            config.assign(option, value)?;
        }
        Ok(config)
    }

    fn page(&self, page: &str, config: &Config, request: &Request) -> Result<Option<Response>, Failure> {
        let html = |body: Vec<u8>| Ok(Some(Response::new("text/html; charset=utf-8", body)));
        match page {
            "flamegraph" => html(self.flame(config, request)?),
            "top" => html(self.top(config, request)?),
            "graph" => html(self.graph(config, request)?),
            "peek" | "source" | "disasm" => html(self.of_functions(page, config, request)?),
            "download" => {
                let mut bytes = Vec::new();
                encode_gzip_as_read(&self.profile, &mut bytes, Compression::suiting(&self.profile))?;
                let mut response = Response::new("application/vnd.google.protobuf+gzip", bytes);
                response
                    .headers
                    .push(("Content-Disposition", "attachment;filename=profile.pb.gz".to_owned()));
                Ok(Some(response))
            }
            _ => Ok(None),
        }
    }

    fn site(&self, page: &str, config: &Config, request: &Request) -> Site {
        let query = query_text(&request.query);
        let mut links: Vec<Link> = (VIEWS.iter())
            .map(|&(name, title)| Link {
                text: title.to_owned(),
                href: format!("{name}{query}"),
                current: name == page,
            })
            .collect();
        links.push(Link {
            text: "Download".to_owned(),
            href: "download".to_owned(),
            current: false,
        });
        let types: Vec<String> = self
            .profile
            .sample_types
            .iter()
            .map(|t| self.profile.text(t.kind).to_owned())
            .collect();
        let chosen = analysis::sample_index(&self.profile, config.text("sample_index")).unwrap_or(0);
        let samples = types
            .iter()
            .enumerate()
            .filter(|_| types.len() > 1)
            .map(|(i, kind)| Link {
                text: kind.clone(),
                href: format!("{page}{}", query_text(&with(&request.query, "si", kind))),
                current: i == chosen,
            });
        Site {
            title: self.title.clone(),
            page: page.to_owned(),
            links,
            samples: samples.collect(),
            search: request.get("f").to_owned(),
            kept: request.query.iter().filter(|(name, _)| name != "f").cloned().collect(),
        }
    }

    fn flame(&self, config: &Config, request: &Request) -> Result<Vec<u8>, Failure> {
        let mut query = config.query("flamegraph");
        if query.granularity == Granularity::Functions {
            query.granularity = Granularity::FileFunctions;
        }
        query.trim = analysis::Trim::NONE;
        // The graph is kubeprof's own, with owners and errors; filters are those that were asked for.
        query.dialect = analysis::Dialect::Native;
        query.mean = false;
        let view = analysis::prepare(self.profile.clone(), &query)?;
        let flame = analysis::flame(&view, analysis::FlameLimits::default())?;
        let mut body = Vec::new();
        render::flame_page(
            &flame,
            &self.title,
            &self.site("flamegraph", config, request),
            &mut body,
        )?;
        Ok(body)
    }

    fn top(&self, config: &Config, request: &Request) -> Result<Vec<u8>, Failure> {
        let mut query = config.query("top");
        query.trim.node_count = Some(500);
        let view = analysis::prepare(self.profile.clone(), &query)?;
        let top = analysis::top(&view);
        let content = Content::Top(&top, &view);
        self.write("top", config, request, &facts(&view), &content)
    }

    fn graph(&self, config: &Config, request: &Request) -> Result<Vec<u8>, Failure> {
        let view = analysis::prepare(self.profile.clone(), &config.query("dot"))?;
        let drawing = analysis::drawing(&view);
        let mut svg = Vec::new();
        let link = |name: &str| {
            let exact = format!("^{}$", regex::escape(name));
            format!("peek{}", query_text(&with(&request.query, "f", &exact)))
        };
        render::graph_svg(&drawing, Some(&link), &mut svg)?;
        let content = Content::Picture(String::from_utf8_lossy(&svg).into_owned());
        self.write("graph", config, request, &facts(&view), &content)
    }

    /// Pages about the functions that match `f`, which filters as well.
    fn of_functions(&self, page: &str, config: &Config, request: &Request) -> Result<Vec<u8>, Failure> {
        let command = match page {
            "source" => "weblist",
            other => other,
        };
        let mut query = config.query(command);
        if page == "peek" {
            query.granularity = Granularity::Lines;
        }
        let matching = config.text("focus");
        let mut text = Vec::new();
        if page == "peek" {
            let sources = &LocalSources::confined;
            report_from(self.profile.clone(), &query, command, matching, sources, &mut text)?;
            let content = Content::Text(String::from_utf8_lossy(&text).into_owned());
            return self.write(page, config, request, &[], &content);
        }
        let mut view = analysis::prepare(self.profile.clone(), &query)?;
        let facts = facts(&view);
        if page == "disasm" {
            let mut complaints = Vec::new();
            let order = RoutineOrder::Flat(MOST_ROUTINES);
            if let Err(e) = super::disasm::print(&view, matching, order, &mut text, &mut complaints) {
                let why = String::from_utf8_lossy(&complaints).into_owned();
                return Err(Failure::Query(format!("{e}\n{why}")));
            }
            let content = Content::Text(String::from_utf8_lossy(&text).into_owned());
            return self.write(page, config, request, &facts, &content);
        }
        view.query.dialect = analysis::Dialect::Native;
        let mut listing = analysis::list_sources(&view, matching)?;
        listing.keep_largest(MOST_ROUTINES);
        let code = super::code_of(&view, &listing)?;
        let mut sources = LocalSources::confined(&query)?;
        render::pprof::source_listing(&listing, &code, &view, &mut sources, &mut text)?;
        let content = Content::Sources(String::from_utf8_lossy(&text).into_owned());
        self.write(page, config, request, &facts, &content)
    }

    fn write(
        &self,
        page: &str,
        config: &Config,
        request: &Request,
        facts: &[String],
        content: &Content<'_>,
    ) -> Result<Vec<u8>, Failure> {
        let mut body = Vec::new();
        pages::page(&self.site(page, config, request), facts, content, &mut body)?;
        body.flush()?;
        Ok(body)
    }
}

fn facts(view: &View) -> Vec<String> {
    render::pprof::facts(view)
}

/// Parameters with one set anew.
fn with(query: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let others = query.iter().filter(|(known, _)| known != name).cloned();
    others.chain([(name.to_owned(), value.to_owned())]).collect()
}

/// `?a=b&c=d`, or nothing.
fn query_text(query: &[(String, String)]) -> String {
    let mut text = String::new();
    for (name, value) in query {
        text.push(if text.is_empty() { '?' } else { '&' });
        encode(name, &mut text);
        text.push('=');
        encode(value, &mut text);
    }
    text
}

fn encode(text: &str, out: &mut String) {
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(b as char),
            b => out.push_str(&format!("%{b:02X}")),
        }
    }
}
