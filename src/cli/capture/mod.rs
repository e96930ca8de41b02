//! `kubeprof capture`: typed arguments -> a session, watched; then what came, what did not, and what to type next.

mod args;
mod plan;
mod resume;
mod summary;
mod watch;

use crate::cli::hints::Failure;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};

pub(super) use args::{CaptureArgs, SNAPSHOTS, WayArgs, parse_time};

use super::Exit;
use crate::bundle::Writer;
use crate::bundle::manifest::{Asked, Binary, Event, Finished, SCHEMA, Started};
use crate::capture::binary;
use crate::capture::endpoints::Phase;
use crate::capture::mask;
use crate::capture::preflight::{self, Asker, Permission};
use crate::capture::refusal::{Cause, Refusal};
use crate::capture::session::{Options, Session, Target, Visited};
use crate::capture::transport::{self, Stop, Transport, check_node};
use crate::cli::refusal::{self, Words};
use crate::render::terminal::sanitize;

/// Runs the command.
pub(super) fn answer(args: &CaptureArgs) -> Result<Exit> {
    in_runtime(args, Told::Summary)
}

/// Captures for another command; what did not come is said on standard error.
pub(super) fn take(args: &CaptureArgs) -> Result<Exit> {
    in_runtime(args, Told::Missing)
}

/// What a capture says at its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Summary,
    Missing,
}

fn in_runtime(args: &CaptureArgs, told: Told) -> Result<Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(2)
        .build()
        .context("cannot wait for the network")?;
    transport::hush();
    let exit = std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(run(args, told))));
    // A decoder that is still at work has nobody to tell.
    runtime.shutdown_background();
    exit.unwrap_or_else(|_| {
        bail!(Failure::new(
            "kubeprof itself broke: the line above says where",
            "please report it; what was taken is in the bundle, and --resume goes on"
        ))
    })
}

async fn run(args: &CaptureArgs, told: Told) -> Result<Exit> {
    let (pull, stop) = Stop::new();
    tokio::spawn(async move {
        interrupted().await;
        let _ = pull.send(true);
        say!("interrupted: closing the bundle; press Ctrl-C again to exit immediately");
        interrupted().await;
        std::process::exit(130);
    });
    let before = args.resume.as_deref().map(resume::asked).transpose()?;
    let mut options = match &before {
        Some(asked) => args.options_of(asked)?,
        None => args.options()?,
    };
    let targets = targets(args, before.as_ref(), &stop).await?;
    let Some(first) = targets.first() else {
        bail!(Failure::new(
            "no node is named",
            "kubeprof capture NODE --out DIR; `kubectl get nodes` lists the names"
        ));
    };
    if !first.transport.route().has_api_server() {
        if let Some(name) = ["version", "node"].into_iter().find(|n| options.plan.named.contains(n)) {
            bail!(Failure::new(
                format!("{name} comes from the API server, and there is none on the way of --direct"),
                format!("leave {name} out of --profiles, or go through the API server")
            ));
        }
        options.plan.drop("version");
        options.plan.drop("node");
    }
    if args.dry_run {
        return plan::dry_run(&options, &targets, &stop, args).await;
    }
    if let Some(from) = &args.binary {
        readable(from)?;
    }
    if first.transport.route().has_api_server() && !args.force {
        check(&options, &targets, &asker(&first.transport, &stop, &say_again(args))).await?;
    }
    let started = started(&options, &targets, first);
    let (writer, root) = open(args, started)?;
    let writer = Arc::new(writer);
    let watch = watch::watcher(args.quiet, requests(&options));
    let session = Session::new(Arc::clone(&writer), options.clone(), stop.clone(), watch);
    let (visited, ended) = session.run(targets).await;
    let executable = match &args.binary {
        Some(from) if ended.is_none() => Some(executable(&writer, from, &visited, args, &stop).await),
        _ => None,
    };
    let ended = ended.map(|r| worded(&r).why);
    let mut summary = summary::Summary::of(&writer.record(), &options, visited, ended);
    summary.executable(executable);
    match told {
        Told::Summary => summary.print(args, &root)?,
        Told::Missing => summary.refusals(),
    }
    Ok(summary.exit())
}

/// Fetches the executable, which takes longer than everything else and is worth less.
async fn executable(
    writer: &Writer,
    from: &binary::From,
    visited: &[Visited],
    args: &CaptureArgs,
    stop: &Stop,
) -> Result<Binary> {
    let Some(first) = visited.first() else {
        bail!("no node was visited");
    };
    if !args.quiet {
        let from = from.to_string();
        say!(
            "{}: taking the executable from {}",
            sanitize(&first.node),
            sanitize(&from)
        );
    }
    let taken = binary::take(writer, from, &first.node, args.limits().stall, stop).await;
    if let Err(e) = &taken {
        writer.append(Event::Failed(e.missing(&first.node, first.runs)))?;
    }
    // The journal has a line more; the summary beside it is to say the same.
    writer.finish(Finished::default())?;
    Ok(taken?)
}

/// A file that cannot be read is said before the capture, which takes longer.
fn readable(from: &binary::From) -> Result<()> {
    let binary::From::File(path) = from else { return Ok(()) };
    let looked = std::fs::File::open(path).and_then(|f| f.metadata());
    let why = match looked {
        Ok(m) if m.is_file() => return Ok(()),
        Ok(_) => "not a file".to_owned(),
        Err(e) => e.to_string(),
    };
    bail!(Failure::new(
        format!("--binary {}: {why}", path.display()),
        "name the executable that the kubelet runs, or ssh://[user@]host"
    ))
}

/// Who asks the API server before anything is begun.
fn asker<'a>(transport: &'a Transport, stop: &'a Stop, again: &'a dyn Fn(&Refusal, Duration)) -> Asker<'a> {
    Asker { transport, stop, again }
}

/// Says that something is asked for once more.
fn say_again(args: &CaptureArgs) -> impl Fn(&Refusal, Duration) + use<> {
    let quiet = args.quiet;
    move |refusal, wait| {
        if !quiet {
            let why = format!("{}: {}", refusal.who, worded(refusal).why);
            say!("{}; retrying in {} s", sanitize(&why), wait.as_secs());
        }
    }
}

/// How many artifacts of one process there are to take.
fn requests(options: &Options) -> usize {
    let every = options.plan.of(Phase::Every).count();
    let rest = options.plan.artifacts.len() - every;
    every * usize::try_from(options.schedule.snapshots).unwrap_or(1) + rest
}

/// Begins the bundle, or goes on with it.
fn open(args: &CaptureArgs, started: Started) -> Result<(Writer, PathBuf)> {
    match (&args.resume, &args.out) {
        (Some(root), _) => {
            let (writer, mended) = Writer::resume(root, started)?;
            for (what, files) in [
                ("named", &mended.named),
                ("removed", &mended.removed),
                ("put aside", &mended.aside),
                ("gone", &mended.gone),
            ] {
                if !files.is_empty() && !args.quiet {
                    say!("{what}: {}", files.join(", "));
                }
            }
            Ok((writer, root.clone()))
        }
        (None, Some(root)) => Ok((Writer::create(root, started)?, root.clone())),
        (None, None) => bail!(Failure::new("no folder is named", "--out DIR")),
    }
}

/// The kubelets to visit, each once.
async fn targets(args: &CaptureArgs, before: Option<&Asked>, stop: &Stop) -> Result<Vec<Target>> {
    let limits = args.limits();
    let (way, direct) = args.way.way();
    let mut nodes = args.nodes.clone();
    if let Some(asked) = before {
        resume::destination(asked, args)?;
        if nodes.is_empty() && direct.is_empty() {
            nodes = asked.nodes.clone();
        }
    }
    let mut targets: Vec<Target> = Vec::new();
    if !direct.is_empty() {
        for node in direct {
            if targets.iter().all(|t| t.node != node) {
                let transport = Transport::open(&args.way.directly(&node), limits).await?;
                targets.push(Target { node, transport });
            }
        }
        return Ok(targets);
    }
    // Before the way is looked for: nobody is asked about what names no node.
    for node in &nodes {
        check_node(node)?;
    }
    let mut stopped = stop.clone();
    let transport = tokio::select! {
        biased;
        // A credential plugin may wait for somebody for minutes.
        () = stopped.pulled() => bail!("interrupted"),
        opened = Transport::open(&way, limits) => opened?,
    };
    if let Some(asked) = before {
        resume::server(asked, &transport, args)?;
    }
    if args.all_nodes || args.selector.is_some() {
        let selector = args.selector.as_deref().unwrap_or_default();
        let listed = preflight::nodes(&asker(&transport, stop, &say_again(args)), selector, args.max_nodes).await;
        nodes = listed.map_err(|r| refused(&r))?;
        // What an API server calls a node is shown, and stands in paths.
        for node in &nodes {
            check_node(node)?;
        }
    }
    for node in nodes {
        if targets.iter().all(|t| t.node != node) {
            let transport = transport.clone();
            targets.push(Target { node, transport });
        }
    }
    Ok(targets)
}

/// Says what will be refused before anything is begun.
async fn check(options: &Options, targets: &[Target], asker: &Asker<'_>) -> Result<()> {
    let Some(first) = targets.first() else { return Ok(()) };
    let mut denied = Vec::new();
    let mut words = String::new();
    if let Permission::Denied { .. } = preflight::may_proxy(asker, None).await.map_err(|r| refused(&r))? {
        // Perhaps a rule names some nodes.
        for target in targets {
            let of_node = preflight::may_proxy(asker, Some(&target.node)).await;
            if let Permission::Denied { reason } = of_node.map_err(|r| refused(&r))? {
                denied.push(target.node.clone());
                words = reason;
            }
        }
    }
    if denied.len() == targets.len() {
        let user = preflight::whoami(asker).await.unwrap_or_else(|| "YOU".to_owned());
        let words = if words.is_empty() {
            String::new()
        } else {
            format!(" ({words})")
        };
        bail!(Failure::new(
            format!(
                "API server: {user:?} may not get nodes/proxy of {}{words}",
                denied.join(", ")
            ),
            format!(
                "have a cluster admin run `kubectl apply -f -` on this; or --force tries anyway\n\n{}",
                preflight::rbac(&options.plan, &user, &denied, &["proxy"])
            )
        ));
    }
    if targets.len() == 1 {
        preflight::node(asker, &first.node).await.map_err(|r| refused(&r))?;
    }
    Ok(())
}

/// A refusal in words.
fn worded(r: &Refusal) -> Words {
    refusal::words(r.who, r.cause, &r.details)
}

fn refused(r: &Refusal) -> anyhow::Error {
    let Words { why, remedy } = worded(r);
    if r.cause == Cause::MayNotListNodes {
        let flag = if r.details.selector.is_empty() {
            "--all-nodes"
        } else {
            "-l"
        };
        return anyhow!(Failure::new(
            format!("{}: {why}", r.who),
            format!(
                "{flag} needs the right to list nodes: name the nodes one by one, or have a cluster admin run `kubectl apply -f -` on this\n\n{}",
                preflight::list_rbac(&r.details.user)
            )
        ));
    }
    anyhow!(Failure::new(format!("{}: {why}", r.who), remedy))
}

/// Returns when the user or the system wants the process to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut terminate), Ok(mut hangup)) = signals else {
        return std::future::pending().await;
    };
    tokio::select! {
        done = tokio::signal::ctrl_c() => if done.is_err() { std::future::pending::<()>().await },
        _ = terminate.recv() => {}
        // The terminal is gone, not what was taken.
        _ = hangup.recv() => {}
    }
}

/// What the manifest says was asked.
fn started(options: &Options, targets: &[Target], first: &Target) -> Started {
    let plan = &options.plan;
    let names = |phase| plan.of(phase).map(|e| e.artifact.to_owned()).collect::<Vec<_>>();
    let mut once = names(Phase::Once);
    once.extend(names(Phase::Last));
    let interval = match options.schedule.snapshots {
        0 | 1 => 0,
        _ => options.schedule.every.as_millis(),
    };
    let mut settings = std::collections::BTreeMap::new();
    if plan.has("cpu") {
        settings.insert("cpu_seconds".to_owned(), plan.cpu.as_secs().to_string());
    }
    if plan.has("trace") {
        settings.insert("trace_seconds".to_owned(), plan.trace.as_secs_f64().to_string());
    }
    if !plan.named.is_empty() {
        settings.insert("named".to_owned(), plan.named.join(","));
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
        let name = Path::new(program.as_str()).file_name();
        *program = name.map_or_else(|| "kubeprof".to_owned(), |n| n.to_string_lossy().into_owned());
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
