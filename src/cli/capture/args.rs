//! What was typed after `kubeprof capture`, and what it means.

use crate::cli::hints::Failure;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::bundle::manifest::Asked;
use crate::capture::binary::From;
use crate::capture::endpoints::{Plan, Preset};
use crate::capture::schedule::Schedule;
use crate::capture::session::{Options, Threshold};
use crate::capture::transport::{Access, Direct, Limits, Secret, Tls, Way};
use crate::cli::args::{Colour, Format, parse_size};

/// How many snapshots a series may have.
pub(in crate::cli) const SNAPSHOTS: std::ops::RangeInclusive<i64> = 1..=10_000;
/// Kubelets end every answer after so long.
const LONGEST_CPU: Duration = Duration::from_secs(4 * 3600);

const EXAMPLES: &str = "\
Examples:
  kubeprof capture worker-03 --out incident                       through the API server, with your kubeconfig
  kubeprof capture worker-03 --out incident --series 6 --every 2m a series: what grows, and how sure
  kubeprof capture worker-03 --out night --until-memory 2Gi       wait for the trouble, then take it
  kubeprof capture --direct 127.0.0.1 --out incident              on the node itself
  kubeprof capture --resume incident                              what an interruption left out
  kubeprof capture -l pool=gpu --dry-run                          what would be asked, at what cost, with which rights

Exit status: 0 all was taken, 2 error, 3 the bundle is partial (it says what is missing and why).";

// Take profiles, metrics and configuration of kubelets into a bundle; explain what is refused and why.
#[derive(Args, Debug, Clone)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct CaptureArgs {
    /// Names of nodes
    #[arg(value_name = "NODE")]
    pub(in crate::cli) nodes: Vec<String>,
    /// Take nodes with these labels, e.g. pool=gpu
    #[arg(short = 'l', long, value_name = "LABELS", conflicts_with_all = ["nodes", "direct", "resume"])]
    pub(super) selector: Option<String>,
    /// Take all nodes of the cluster, up to --max-nodes
    #[arg(long, conflicts_with_all = ["nodes", "direct", "selector", "resume"])]
    pub(in crate::cli) all_nodes: bool,
    /// Stop when -l or --all-nodes selects more nodes than this
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) max_nodes: usize,
    /// Ask no kubelet: list the requests, what they cost and the rights they need
    #[arg(long, conflicts_with = "resume")]
    pub(super) dry_run: bool,
    /// Folder for the bundle; it must not exist
    #[arg(long, value_name = "DIR", required_unless_present_any = ["resume", "dry_run"])]
    pub(super) out: Option<PathBuf>,
    /// Go on with this bundle: take what is missing, in snapshots of their own
    #[arg(long, value_name = "DIR", conflicts_with = "out")]
    pub(super) resume: Option<PathBuf>,

    /// Artifacts to take, e.g. heap,goroutine,cpu; a wrong name lists them all
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        conflicts_with_all = ["quick", "full"],
        help_heading = "What"
    )]
    pub(super) profiles: Vec<String>,
    /// Take only what takes seconds: no CPU profile
    #[arg(long, conflicts_with = "full", help_heading = "What")]
    pub(in crate::cli) quick: bool,
    /// Take everything but the trace; this runs a garbage collection in every snapshot
    #[arg(long, help_heading = "What")]
    pub(super) full: bool,
    /// Take a heap profile right after a garbage collection, too
    #[arg(long, help_heading = "What")]
    pub(super) gc: bool,
    /// Take an execution trace of this length, too, e.g. 5s (large)
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "What")]
    pub(super) trace: Option<Duration>,
    /// Add the kubelet binary: a file, or ssh://[user@]host for the one that runs there; it must match the profiles
    #[arg(long, value_name = "PATH|URL", value_parser = From::parse, help_heading = "What")]
    pub(super) binary: Option<From>,
    /// Length of the CPU profile in seconds [default: 30]; 0 for none
    #[arg(long, value_name = "N", help_heading = "What")]
    pub(in crate::cli) seconds: Option<u64>,
    /// Allow a CPU profile of more than 60 s; load balancers in front of API servers often cut idle connections
    #[arg(long, help_heading = "What")]
    pub(super) allow_long_cpu: bool,
    /// Skip the goroutine dump (debug=2) above this number of goroutines: the kubelet stops while it writes one
    #[arg(long, value_name = "N", default_value_t = 50_000, help_heading = "What")]
    pub(super) max_goroutines: u64,
    /// Take what is costly for a node in trouble, too, and ask servers that do not look like a kubelet
    #[arg(long, help_heading = "What")]
    pub(super) force: bool,

    /// Number of snapshots [default: 1]; 6 or more tell growth from noise
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(SNAPSHOTS), help_heading = "When")]
    pub(in crate::cli) series: Option<u32>,
    /// Time from the start of one snapshot to the start of the next, e.g. 2m [default: 60s]
    #[arg(long, value_name = "TIME", value_parser = parse_time, help_heading = "When")]
    pub(in crate::cli) every: Option<Duration>,
    /// Wait until the kubelet has this much resident memory, e.g. 2Gi; only its metrics are read meanwhile
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "When")]
    pub(super) until_memory: Option<u64>,
    /// Wait until the kubelet has this many goroutines
    #[arg(long, value_name = "N", help_heading = "When")]
    pub(super) until_goroutines: Option<u64>,
    /// How often to read the metrics while waiting
    #[arg(long, value_name = "TIME", value_parser = parse_time, default_value = "15s", help_heading = "When")]
    pub(super) look_every: Duration,
    /// Timeout of a request, beyond the time that the kubelet measures
    #[arg(long, alias = "request-timeout", value_name = "TIME", value_parser = parse_time, default_value = "60s", help_heading = "When")]
    pub(in crate::cli) timeout: Duration,
    /// Largest artifact
    #[arg(long, value_name = "SIZE", value_parser = parse_size, default_value = "256MB", help_heading = "When")]
    pub(super) max_bytes: u64,
    /// Number of nodes to visit at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256), help_heading = "When")]
    pub(super) parallel: u16,

    #[command(flatten)]
    pub(in crate::cli) way: WayArgs,

    /// Format of the summary
    #[arg(short, long, value_enum, default_value_t = Format::Text, value_name = "FORMAT", help_heading = "Output")]
    pub(super) output: Format,
    /// When to use color
    #[arg(long, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", help_heading = "Output")]
    pub(super) color: Colour,
    /// Print no progress on standard error
    #[arg(short, long, help_heading = "Output")]
    pub(super) quiet: bool,
}

// The way to the kubelets.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Way")]
pub(in crate::cli) struct WayArgs {
    /// Ask the kubelet itself, at HOST[:10250] (several allowed, and names of nodes then have no meaning)
    #[arg(long, value_name = "HOST", conflicts_with_all = ["via", "nodes"])]
    pub(in crate::cli) direct: Vec<String>,
    /// Ask a running `kubectl proxy`, e.g. http://127.0.0.1:8001
    #[arg(long, value_name = "URL")]
    pub(super) via: Option<String>,
    /// Kubeconfig, instead of KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Cluster of the kubeconfig
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// User of the kubeconfig
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Address of the API server
    #[arg(short, long, value_name = "URL")]
    server: Option<String>,
    /// Bearer token
    #[arg(long, value_name = "TOKEN", env = "KUBEPROF_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// User to act as
    #[arg(long = "as", value_name = "USER")]
    act_as: Option<String>,
    /// Group to act as (several allowed)
    #[arg(long = "as-group", value_name = "GROUP", requires = "act_as")]
    act_as_group: Vec<String>,
    /// CA of the server, PEM
    #[arg(long, value_name = "FILE")]
    certificate_authority: Option<PathBuf>,
    /// Client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "client_key")]
    client_certificate: Option<PathBuf>,
    /// Key of the client certificate, PEM
    #[arg(long, value_name = "FILE", requires = "client_certificate")]
    client_key: Option<PathBuf>,
    /// Accept any certificate of the server
    #[arg(long)]
    insecure_skip_tls_verify: bool,
    /// Name that the server's certificate must have
    #[arg(long, value_name = "NAME")]
    tls_server_name: Option<String>,
}

impl WayArgs {
    fn tls(&self) -> Tls {
        Tls {
            certificate_authority: self.certificate_authority.clone(),
            client_certificate: self.client_certificate.clone(),
            client_key: self.client_key.clone(),
            token: self.token.clone().map(Secret),
            insecure: self.insecure_skip_tls_verify,
            server_name: self.tls_server_name.clone(),
        }
    }

    /// The way that was typed, and the kubelets that it names itself.
    pub(super) fn way(&self) -> (Way, Vec<String>) {
        if let Some(first) = self.direct.first() {
            return (self.directly(first), self.direct.clone());
        }
        if let Some(url) = &self.via {
            return (Way::Via(url.clone()), Vec::new());
        }
        let access = Access {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            cluster: self.cluster.clone(),
            user: self.user.clone(),
            server: self.server.clone(),
            act_as: self.act_as.clone(),
            act_as_groups: self.act_as_group.clone(),
            tls: self.tls(),
            say: Some(|words| say!("{words}")),
        };
        (Way::Cluster(access), Vec::new())
    }

    /// The part of the command line that says where to go, which a resumption does not take from the bundle.
    pub(super) fn typed(&self) -> String {
        let direct = self.direct.iter().map(|d| format!(" --direct {d}"));
        direct.chain(self.via.iter().map(|v| format!(" --via {v}"))).collect()
    }

    /// To this kubelet, with the certificates and tokens that were typed.
    pub(super) fn directly(&self, address: &str) -> Way {
        Way::Direct(Direct {
            address: address.to_owned(),
            tls: self.tls(),
        })
    }
}

impl CaptureArgs {
    /// A capture into `out` with nothing else typed.
    ///
    /// # Errors
    /// When an environment variable that stands for an option is malformed.
    pub(in crate::cli) fn into_folder(out: &Path) -> Result<Self> {
        #[derive(clap::Parser)]
        struct Typed {
            #[command(flatten)]
            args: CaptureArgs,
        }
        let words = ["capture".as_ref(), "--out".as_ref(), out.as_os_str()];
        Ok(<Typed as clap::Parser>::try_parse_from(words)?.args)
    }

    /// What to take and when.
    ///
    /// # Errors
    /// When an artifact is not known, or a CPU profile is longer than is wise.
    pub(super) fn options(&self) -> Result<Options> {
        let mut plan = match (self.profiles.is_empty(), self.quick, self.full) {
            (false, ..) => Plan::list(&self.profiles)?,
            (_, true, _) => Plan::preset(Preset::Quick),
            (_, _, true) => Plan::preset(Preset::Full),
            _ => Plan::preset(Preset::Usual),
        };
        if self.gc {
            plan.add("heap-gc")?;
            plan.name("heap-gc");
        }
        if let Some(trace) = self.trace {
            if trace.is_zero() {
                bail!(Failure::new(
                    "a trace of no time holds nothing",
                    "--trace 5s, or leave it out"
                ));
            }
            plan.add("trace")?;
            plan.name("trace");
            plan.trace = trace;
        }
        let seconds = self.seconds.unwrap_or(30);
        if seconds == 0 {
            if plan.named.contains(&"cpu") {
                bail!(Failure::new(
                    "a CPU profile of 0 s is asked for by its name",
                    "give it --seconds, or leave cpu out of --profiles"
                ));
            }
            plan.drop("cpu");
        }
        if seconds > 60 && !self.allow_long_cpu {
            bail!(Failure::new(
                format!(
                    "a CPU profile of {seconds} s: the kubelet sends nothing until it ends, and proxies in front of API servers often close idle connections after 60 s"
                ),
                "--seconds 50, or --allow-long-cpu if you know the way"
            ));
        }
        if seconds > LONGEST_CPU.as_secs() {
            bail!(Failure::new(
                "kubelets end every answer after 4 hours",
                "--seconds of at most 14400"
            ));
        }
        plan.cpu = Duration::from_secs(seconds);
        let snapshots = self.series.unwrap_or(1);
        let every = self.every.unwrap_or(Duration::from_secs(60));
        if every.is_zero() && snapshots > 1 {
            bail!(Failure::new("snapshots need some time between them", "--every 60s"));
        }
        let schedule = Schedule { snapshots, every };
        Ok(self.with(plan, schedule))
    }

    /// What a bundle was to hold, to go on with it.
    ///
    /// # Errors
    /// When an artifact is not known to this version, or what is typed asks for something else.
    pub(super) fn options_of(&self, asked: &Asked) -> Result<Options> {
        let names: Vec<String> = asked.every.iter().chain(&asked.once).cloned().collect();
        let mut plan = Plan::list(&names)?;
        if i64::from(asked.snapshots) > *SNAPSHOTS.end() {
            bail!(Failure::new(
                format!(
                    "the bundle was asked for {} snapshots, which no capture takes",
                    asked.snapshots
                ),
                "its manifest was changed: capture anew"
            ));
        }
        plan.named.clear();
        let option = |key: &str| asked.options.get(key).map(String::as_str);
        for name in option("named").unwrap_or_default().split(',') {
            plan.name(name);
        }
        let seconds = |key: &str| {
            let seconds = option(key).and_then(|s| s.parse().ok())?;
            Duration::try_from_secs_f64(seconds).ok()
        };
        plan.cpu = seconds("cpu_seconds").unwrap_or(plan.cpu);
        plan.trace = seconds("trace_seconds").unwrap_or(plan.trace);
        if plan.cpu > LONGEST_CPU || plan.trace > LONGEST_CPU {
            bail!(Failure::new(
                "kubelets end every answer after 4 hours",
                "the manifest of the bundle was changed: capture anew"
            ));
        }
        let schedule = Schedule {
            snapshots: asked.snapshots.max(1),
            every: Duration::from_millis(asked.interval_ms),
        };
        let number = |key: &str| option(key).and_then(|n| n.parse().ok());
        let until = Threshold {
            memory: number("until_memory"),
            goroutines: number("until_goroutines"),
        };
        self.agrees(&plan, schedule, until)?;
        Ok(Options {
            until,
            ..self.with(plan, schedule)
        })
    }

    /// What is typed beside --resume may say once more what the bundle was asked for, and nothing else.
    fn agrees(&self, plan: &Plan, schedule: Schedule, until: Threshold) -> Result<()> {
        let differs = |flag: &str, typed: String, was: String| {
            bail!(Failure::new(
                format!("the bundle was asked for {was}, and {flag} asks for {typed}"),
                format!(
                    "--resume takes what is missing of what was asked: leave {flag} out; or capture into a folder of its own, and `kubeprof bundle merge` both"
                )
            ))
        };
        if let Some(n) = self.series.filter(|n| *n != schedule.snapshots) {
            return differs("--series", n.to_string(), format!("{} snapshots", schedule.snapshots));
        }
        if let Some(every) = self.every.filter(|e| *e != schedule.every && schedule.snapshots > 1) {
            return differs(
                "--every",
                format!("{every:?}"),
                format!("one every {:?}", schedule.every),
            );
        }
        let words = |n: Option<u64>| n.map_or_else(|| "no threshold".to_owned(), |n| n.to_string());
        if self.until_memory.is_some() && self.until_memory != until.memory {
            return differs("--until-memory", words(self.until_memory), words(until.memory));
        }
        if self.until_goroutines.is_some() && self.until_goroutines != until.goroutines {
            return differs(
                "--until-goroutines",
                words(self.until_goroutines),
                words(until.goroutines),
            );
        }
        // Without a CPU profile to take, its length says nothing.
        if let Some(seconds) = self
            .seconds
            .filter(|_| plan.has("cpu") || self.options().is_ok_and(|o| o.plan.has("cpu")))
            && (plan.has("cpu") != (seconds > 0) || (seconds > 0 && plan.cpu.as_secs() != seconds))
        {
            let was = match plan.has("cpu") {
                true => format!("a CPU profile of {} s", plan.cpu.as_secs()),
                false => "no CPU profile".to_owned(),
            };
            return differs("--seconds", seconds.to_string(), was);
        }
        if self.trace.is_some_and(|t| plan.has("trace") && t != plan.trace) {
            return differs(
                "--trace",
                format!("{:?}", self.trace.unwrap_or_default()),
                format!("{:?}", plan.trace),
            );
        }
        let flags = [
            ("--profiles", !self.profiles.is_empty()),
            ("--quick", self.quick),
            ("--full", self.full),
            ("--gc", self.gc),
            ("--trace", self.trace.is_some()),
        ];
        let Some((flag, _)) = flags.into_iter().find(|(_, typed)| *typed) else {
            return Ok(());
        };
        let names = |plan: &Plan| {
            let names = plan.artifacts.iter().map(|e| e.artifact);
            // Not to be had on every way; whether they are asked for is not said by a flag.
            let names: Vec<&str> = names.filter(|n| !matches!(*n, "node" | "version")).collect();
            names.join(",")
        };
        let mut typed = self.options()?.plan;
        if !plan.has("cpu") && !typed.named.contains(&"cpu") {
            typed.drop("cpu");
        }
        match names(&typed) == names(plan) {
            true => Ok(()),
            false => differs(flag, names(&typed), names(plan)),
        }
    }

    fn with(&self, plan: Plan, schedule: Schedule) -> Options {
        Options {
            plan,
            schedule,
            until: Threshold {
                memory: self.until_memory,
                goroutines: self.until_goroutines,
            },
            look_every: self.look_every.max(Duration::from_secs(1)),
            max_goroutines: self.max_goroutines,
            parallel: usize::from(self.parallel),
            force: self.force,
        }
    }

    /// How long to wait for what.
    pub(super) fn limits(&self) -> Limits {
        Limits {
            allowance: self.timeout,
            stall: Limits::default().stall.min(self.timeout),
            cap: self.max_bytes,
        }
    }
}

/// `90s`, `2m`, `1h30m`, or a number of seconds.
pub(in crate::cli) fn parse_time(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let wrong = || format!("{text:?} is not a duration; for instance 90s, 2m, 1h30m");
    let time: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(time).map_err(|_| wrong())
}
