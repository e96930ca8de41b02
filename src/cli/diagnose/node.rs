//! `diagnose NODE`: a capture into a bundle of its own, which is then diagnosed.

use crate::cli::hints::Failure;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::super::capture::{CaptureArgs, WayArgs};
use super::super::{Exit, capture};
use crate::capture::transport::check_node;

// What `diagnose` captures where it is given names of nodes.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Nodes")]
pub(super) struct NodeArgs {
    /// Capture all nodes of the cluster, one line for each
    #[arg(long, conflicts_with = "direct")]
    pub(super) all_nodes: bool,
    /// Snapshots to capture [default: 1]; 6 or more tell growth from noise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(capture::SNAPSHOTS))]
    series: Option<u32>,
    /// From the start of one snapshot to the start of the next, e.g. 2m [default: 60s]
    #[arg(long, value_name = "TIME", requires = "series", value_parser = capture::parse_time)]
    every: Option<Duration>,
    /// Also a CPU profile of this many seconds
    #[arg(long, value_name = "SECONDS")]
    cpu: Option<u64>,
    /// Timeout of a request [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = capture::parse_time)]
    timeout: Option<Duration>,
    /// Folder for the captured bundle [default: kubeprof-NODE-TIME]
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(super) way: WayArgs,
}

/// Endings of files: what ends so is a file that is missing, not a node.
const ENDINGS: &[&str] = &[
    "gz", "txt", "pb", "json", "log", "out", "prof", "pprof", "tar", "tgz", "zst", "zip",
];

/// The sources that are names of nodes: no file has that name, and a node may.
fn nodes(sources: &[PathBuf]) -> Vec<&str> {
    let is_node = |s: &&str| {
        let ending = s.rsplit_once('.').map_or("", |(_, e)| e);
        *s != "-" && !s.contains('/') && !ENDINGS.contains(&ending) && check_node(s).is_ok()
    };
    let missing = sources.iter().filter(|s| !s.exists());
    missing.filter_map(|s| s.to_str()).filter(is_node).collect()
}

/// Captures what `sources` and `args` name, and gives the bundle; nothing where all sources are files.
///
/// # Errors
/// When nothing could be captured, or nodes are mixed with files.
pub(super) fn captured(sources: &[PathBuf], args: &NodeArgs) -> Result<Option<PathBuf>> {
    let nodes = nodes(sources);
    let is_asked = args.all_nodes || !args.way.direct.is_empty();
    if nodes.is_empty() && !is_asked {
        return Ok(None);
    }
    if nodes.len() != sources.len() || is_asked && !sources.is_empty() {
        let named = nodes.first().copied().unwrap_or("--all-nodes or --direct");
        bail!(Failure::new(
            format!("{named}: nodes and files at once"),
            "capture first, then diagnose the bundle and the files"
        ));
    }
    let root = args.bundle.clone().unwrap_or_else(|| default_root(&nodes));
    let mut asked = CaptureArgs::into_folder(&root)?;
    asked.nodes = nodes.iter().map(|&n| n.to_owned()).collect();
    asked.all_nodes = args.all_nodes;
    asked.series = args.series;
    asked.every = args.every;
    asked.seconds = args.cpu;
    asked.quick = args.cpu.is_none();
    asked.timeout = args.timeout.unwrap_or(asked.timeout);
    asked.way = args.way.clone();
    let what = match nodes.as_slice() {
        [] => "the capture".to_owned(),
        nodes => format!("{}: no such file, so taken for a node", nodes.join(", ")),
    };
    match capture::take(&asked).with_context(|| what)? {
        Exit::Failed => bail!("nothing was captured: the lines above say who refused and what to change"),
        _ => say!("captured into {}", root.display()),
    }
    Ok(Some(root))
}

fn default_root(nodes: &[&str]) -> PathBuf {
    let time = Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let name = match nodes {
        [one] => one.replace(':', "_"),
        _ => "nodes".to_owned(),
    };
    PathBuf::from(format!("kubeprof-{name}-{time}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_nodes_are_told_from_missing_files() {
        let of = |s: &str| nodes(&[PathBuf::from(s)]).len();
        assert_eq!(of("worker-03"), 1);
        assert_eq!(of("ip-10-0-0-1.eu-west-1.compute.internal"), 1);
        for file in [
            "Cargo.toml",
            "heap.pb.gz",
            "dumps/worker-03",
            "-",
            "src",
            "goroutine.debug2.txt",
        ] {
            assert_eq!(of(file), 0, "{file}");
        }
    }
}
