//! What `--resume` takes from the bundle, and what it does not: nothing that a bundle says is a place to send credentials to.
//!
//! Bundles travel: through tickets, chats and mail. So the server comes from the kubeconfig or the command line, and must be
//! the one that the bundle names; what stands in the bundle alone has to be typed.

use crate::cli::hints::Failure;
use std::path::Path;

use anyhow::{Result, anyhow, bail};

use super::args::CaptureArgs;
use crate::bundle::Record;
use crate::bundle::manifest::{Asked, JOURNAL};
use crate::capture::refusal::Route;
use crate::capture::transport::Transport;

/// What the bundle was to hold.
pub(super) fn asked(root: &Path) -> Result<Asked> {
    let path = root.join(JOURNAL);
    let fail = |why: &dyn std::fmt::Display| {
        anyhow!(Failure::new(
            format!("{}: {why}", path.display()),
            "--resume takes the folder that a capture made"
        ))
    };
    // Neither a link nor a pipe nor a device is read.
    let found = std::fs::symlink_metadata(&path).map_err(|e| fail(&e))?;
    if !found.is_file() {
        return Err(fail(&"not a file"));
    }
    let bytes = std::fs::read(&path).map_err(|e| fail(&e))?;
    let record = Record::of_journal(&bytes);
    let mut asked = record.asked;
    for other in record.merged {
        let same = (&other.every, &other.once, other.snapshots, &other.route, &other.server)
            == (&asked.every, &asked.once, asked.snapshots, &asked.route, &asked.server);
        let twice = other.nodes.iter().any(|n| asked.nodes.contains(n));
        if !same || twice {
            bail!(Failure::new(
                format!(
                    "{}: it was merged of captures that were asked for different things",
                    root.display()
                ),
                "--resume the bundles that it was merged of, and `kubeprof bundle merge` them anew"
            ));
        }
        asked.nodes.extend(other.nodes);
    }
    Ok(asked)
}

/// The route that a bundle was captured by.
fn route_of(asked: &Asked) -> Route {
    [Route::Direct, Route::KubectlProxy]
        .into_iter()
        .find(|r| r.name() == asked.route)
        .unwrap_or(Route::ApiServer)
}

/// Whether what is typed says where to go, and goes where the bundle was captured.
///
/// # Errors
/// When only the bundle says where, or it was captured elsewhere.
pub(super) fn destination(asked: &Asked, args: &CaptureArgs) -> Result<()> {
    let way = &args.way;
    let typed = match (way.direct.is_empty(), &way.via) {
        (false, _) => Route::Direct,
        (true, Some(_)) => Route::KubectlProxy,
        (true, None) => Route::ApiServer,
    };
    let captured = route_of(asked);
    match captured {
        Route::Direct if typed != captured => bail!(Failure::new(
            format!(
                "the bundle was captured directly from {}, and a bundle does not say where your credentials go",
                names(&asked.nodes)
            ),
            format!(
                "type it: --direct {}",
                asked
                    .nodes
                    .iter()
                    .map(|n| typeable(n, "HOST"))
                    .collect::<Vec<_>>()
                    .join(" --direct ")
            )
        )),
        Route::KubectlProxy if typed != captured => bail!(Failure::new(
            format!(
                "the bundle was captured through a `kubectl proxy` at {:?}, and a bundle does not say where to connect",
                asked.server
            ),
            format!("type it: --via {}", typeable(&asked.server, "URL"))
        )),
        Route::ApiServer if typed != captured && !args.force => bail!(Failure::new(
            format!(
                "the bundle was captured through the API server {:?}, and this goes another way",
                asked.server
            ),
            "leave --direct and --via out; --force where it is the same node"
        )),
        _ => {}
    }
    let mut typed = args.nodes.iter().chain(&way.direct);
    if let Some(node) = typed.find(|n| !asked.nodes.contains(n)) {
        bail!(Failure::new(
            format!("the bundle was not asked for {node:?}, but for {}", names(&asked.nodes)),
            "capture it into a folder of its own, and `kubeprof bundle merge` both"
        ));
    }
    let port = asked.nodes.iter().find(|n| n.contains(':'));
    if let Some(node) = port.filter(|_| args.nodes.is_empty() && way.direct.is_empty()) {
        bail!(Failure::new(
            format!(
                "the bundle was captured from a port that it names itself, {node:?}, and a bundle does not say where to connect"
            ),
            format!(
                "type the nodes: kubeprof capture {} --resume DIR",
                asked
                    .nodes
                    .iter()
                    .map(|n| typeable(n, "NODE"))
                    .collect::<Vec<_>>()
                    .join(" ")
            )
        ));
    }
    Ok(())
}

/// Whether this is the server that the bundle was captured through: nodes of two clusters may have one name.
///
/// # Errors
/// When it is another.
pub(super) fn server(asked: &Asked, transport: &Transport, args: &CaptureArgs) -> Result<()> {
    if args.force || asked.server == transport.server() {
        return Ok(());
    }
    let hint = match transport.route() {
        Route::KubectlProxy => "--via of that one; --force where it is the same cluster at another port",
        _ => "--context or --kubeconfig of that cluster; --force where it is the same cluster under another address",
    };
    bail!(Failure::new(
        format!(
            "the bundle was captured through {:?}, and this is {}",
            asked.server,
            transport.server()
        ),
        hint
    ))
}

/// Names of nodes as they can be shown.
fn names(nodes: &[String]) -> String {
    let names: Vec<String> = nodes.iter().map(|n| format!("{n:?}")).collect();
    names.join(", ")
}

/// A text of a bundle in a command that somebody may copy: only where a shell takes it for a word.
fn typeable<'a>(text: &'a str, placeholder: &'a str) -> &'a str {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        true => text,
        false => placeholder,
    }
}
