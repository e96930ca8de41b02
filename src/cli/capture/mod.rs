//! `kubeprof capture`: typed arguments -> a session, watched; then what came, what did not, and what to type next.

mod args;
mod summary;
mod watch;

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};

pub(super) use args::CaptureArgs;

use super::Exit;
use crate::bundle::Writer;
use crate::bundle::manifest::{Asked, SCHEMA, Started};
use crate::capture::endpoints::Phase;
use crate::capture::mask;
use crate::capture::session::{Options, Session, Target};
use crate::capture::transport::{Stop, Transport};

/// Runs the command.
pub(super) fn answer(args: &CaptureArgs) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .context("cannot wait for the network")?;
    let exit = runtime.block_on(run(args));
    // A decoder that is still at work has nobody to tell.
    runtime.shutdown_background();
    exit
}

async fn run(args: &CaptureArgs) -> Result<Exit> {
    let options = args.options()?;
    let mut targets = Vec::new();
    for (name, way) in args.way.ways() {
        let transport = Transport::open(&way, args.limits()).await?;
        let nodes = name.map_or_else(|| args.nodes.clone(), |name| vec![name]);
        targets.extend(nodes.into_iter().map(|node| Target {
            node,
            transport: transport.clone(),
        }));
    }
    let mut seen = Vec::new();
    targets.retain(|t| {
        let new = !seen.contains(&t.node);
        seen.push(t.node.clone());
        new
    });
    let Some(first) = targets.first() else {
        bail!("no node is named\nhint: kubeprof capture NODE --out DIR; `kubectl get nodes` lists the names");
    };
    let started = started(&options, &targets, first);
    let (writer, root) = match (&args.resume, &args.out) {
        (Some(root), _) => {
            let (writer, mended) = Writer::resume(root, started)?;
            for (what, files) in [
                ("named", &mended.named),
                ("removed", &mended.removed),
                ("put aside", &mended.aside),
            ] {
                if !files.is_empty() && !args.quiet {
                    eprintln!("{what}: {}", files.join(", "));
                }
            }
            (writer, root)
        }
        (None, Some(root)) => (Writer::create(root, started)?, root),
        (None, None) => bail!("no folder is named\nhint: --out DIR"),
    };
    let writer = Arc::new(writer);
    let watch = watch::watcher(args.quiet, options.plan.artifacts.len());
    let (pull, stop) = Stop::new();
    tokio::spawn(async move {
        interrupted().await;
        let _ = pull.send(true);
        eprintln!("interrupted: closing the bundle; once more to leave at once");
        interrupted().await;
        std::process::exit(130);
    });
    let session = Session::new(Arc::clone(&writer), options.clone(), stop, watch);
    let (visited, ended) = session.run(targets).await?;
    let summary = summary::Summary::of(&writer.record(), &options, visited, ended);
    summary.print(args, root)?;
    Ok(summary.exit())
}

/// Returns when the user or the system wants the process to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        done = tokio::signal::ctrl_c() => if done.is_err() { std::future::pending::<()>().await },
        _ = terminate.recv() => {}
    }
}

/// What the manifest says was asked.
fn started(options: &Options, targets: &[Target], first: &Target) -> Started {
    let plan = &options.plan;
    let names = |phase| plan.of(phase).map(|e| e.artifact.to_owned()).collect::<Vec<_>>();
    let mut once = names(Phase::Once);
    once.extend(names(Phase::Last));
    let interval = if options.schedule.snapshots > 1 {
        options.schedule.every.as_millis()
    } else {
        0
    };
    let mut settings = std::collections::BTreeMap::new();
    if plan.has("cpu") {
        settings.insert("cpu_seconds".to_owned(), plan.cpu.as_secs().to_string());
    }
    if let Some(bytes) = options.until.memory {
        settings.insert("until_memory".to_owned(), bytes.to_string());
    }
    if let Some(n) = options.until.goroutines {
        settings.insert("until_goroutines".to_owned(), n.to_string());
    }
    let command: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let mut command = mask::command(&command);
    if let Some(program) = command.first_mut() {
        let name = Path::new(program.as_str())
            .file_name()
            .map(|n| n.to_string_lossy().into_owned());
        *program = name.unwrap_or_else(|| "kubeprof".to_owned());
    }
    Started {
        schema: SCHEMA,
        tool: concat!("kubeprof ", env!("CARGO_PKG_VERSION")).to_owned(),
        resumed: false,
        asked: Asked {
            nodes: targets.iter().map(|t| t.node.clone()).collect(),
            every: names(Phase::Every),
            once,
            snapshots: options.schedule.snapshots,
            interval_ms: u64::try_from(interval).unwrap_or(u64::MAX),
            route: first.transport.route().name().to_owned(),
            server: first.transport.server().to_owned(),
            command,
            options: settings,
        },
    }
}
