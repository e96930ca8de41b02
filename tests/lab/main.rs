//! `kubeprof capture` against a real etcd, kube-apiserver, containerd and kubelet on this machine.
//!
//! `tests/lab/run.sh` brings them up and runs this; without them it says that it is skipped. The cases run one after another,
//! because they restart and stop parts of the one node. A transcript is written to `$LAB/transcript.txt`.
#![cfg(all(feature = "capture", feature = "cli"))]

mod compare;
mod cost;
mod cut;

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

const NODE: &str = "worker-03";
const KUBELET: &str = "10.88.0.2:10250";

/// The lab and what was said in it.
pub(crate) struct Lab {
    folder: PathBuf,
    transcript: String,
    bundles: tempfile::TempDir,
}

/// One run of kubeprof.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) bundle: PathBuf,
}

impl Ran {
    #[track_caller]
    fn is(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{}", self.out);
        for word in words {
            assert!(self.out.contains(word), "{word:?} is not said:\n{}", self.out);
        }
    }

    /// Lines of the journal.
    pub(crate) fn events(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.bundle.join("manifest.jsonl")).expect("a journal");
        let lines = text.lines().map(|l| serde_json::from_str::<Value>(l).expect("JSON"));
        lines.filter(|e| e["event"] == kind).collect()
    }

    /// Names of the artifacts that are there.
    fn there(&self) -> Vec<String> {
        let name = |e: &Value| e["artifact"].as_str().unwrap_or_default().to_owned();
        self.events("artifact").iter().map(name).collect()
    }
}

impl Lab {
    /// The lab, if it is up.
    fn find() -> Option<Self> {
        let folder = PathBuf::from(std::env::var_os("KUBEPROF_LAB")?);
        let up = Command::new("curl")
            .args(["-sfk", "-o", "/dev/null", "--cert"])
            .arg(folder.join("pki/admin.crt"))
            .arg("--key")
            .arg(folder.join("pki/admin.key"))
            .arg("https://127.0.0.1:6443/readyz")
            .status();
        up.is_ok_and(|s| s.success()).then(|| Lab {
            folder,
            transcript: String::new(),
            bundles: tempfile::tempdir().expect("a folder"),
        })
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Runs a part of the lab's script.
    fn script(&mut self, args: &[&str], env: &[(&str, &str)]) {
        let shown: Vec<String> = env.iter().map(|(k, v)| format!("{k}={v} ")).collect();
        let _ = writeln!(self.transcript, "# {}lab.sh {}", shown.concat(), args.join(" "));
        let log = std::fs::File::create(self.folder.join("log/script.log")).expect("a log");
        let status = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/lab.sh"))
            .args(args)
            .envs(env.iter().copied())
            .env("LAB", &self.folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .status();
        assert!(
            status.is_ok_and(|s| s.success()),
            "lab.sh {args:?}; see the log in the lab"
        );
    }

    fn command(&self, args: &[&str]) -> Command {
        let built = || env!("CARGO_BIN_EXE_kubeprof").into();
        let mut command = Command::new(std::env::var_os("KUBEPROF").unwrap_or_else(built));
        command
            .args(args)
            .current_dir(self.bundles.path())
            .env("KUBECONFIG", self.file("admin.kubeconfig"))
            .env_remove("HTTPS_PROXY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs kubeprof; `bundle` names its `--out`.
    pub(crate) fn kubeprof(&mut self, bundle: &str, args: &[&str], env: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        command.envs(env.iter().copied());
        let child = command.spawn().expect("kubeprof starts");
        self.ended(bundle, args, child)
    }

    fn ended(&mut self, bundle: &str, args: &[&str], child: Child) -> Ran {
        let done = child.wait_with_output().expect("kubeprof ends");
        let out = format!(
            "{}{}",
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
        let code = done.status.code();
        let shown = args.join(" ").replace(&self.folder.display().to_string(), "$LAB");
        let said = out.replace(&self.folder.display().to_string(), "$LAB");
        let _ = writeln!(self.transcript, "$ kubeprof {shown}\n{said}[exit {code:?}]\n");
        Ran {
            code,
            out,
            bundle: self.bundle(bundle),
        }
    }

    /// Where a bundle is.
    pub(crate) fn bundle(&self, name: &str) -> PathBuf {
        self.bundles.path().join(name)
    }

    fn title(&mut self, text: &str) {
        eprintln!("lab: {text}");
        let _ = writeln!(self.transcript, "\n=== {text}");
    }

    /// `bundle verify` ends so.
    #[track_caller]
    fn verifies(&mut self, ran: &Ran, code: i32) {
        let bundle = ran.bundle.display().to_string();
        let verify = self.kubeprof("", &["bundle", "verify", &bundle], &[]);
        assert_eq!(verify.code, Some(code), "{}", verify.out);
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let path = self.folder.join("transcript.txt");
        if std::fs::write(&path, &self.transcript).is_ok() {
            eprintln!("lab: the transcript is {}", path.display());
        }
    }
}

#[test]
fn the_lab() {
    let Some(mut lab) = Lab::find() else {
        // Past what the test runner keeps to itself.
        let skipped = b"SKIPPED: the lab is not up; `BIN=DIR tests/lab/run.sh` as root brings it up and runs this\n";
        drop(std::io::stderr().write_all(skipped));
        return;
    };
    let lab = &mut lab;
    through_the_api_server(lab);
    cost::of_a_series(lab);
    directly(lab);
    through_kubectl_proxy(lab);
    without_rights(lab);
    unknown_node(lab);
    second_profiler(lab);
    runtime_frozen(lab);
    api_server_restarted(lab);
    cut::in_a_series(lab);
    kubelet_restarted(lab);
    gates(lab);
    kubelet_stopped(lab);
    lab.script(&["kubelet"], &[]);
}

fn through_the_api_server(lab: &mut Lab) {
    lab.title("through the API server");
    let ran = lab.kubeprof("proxy", &["capture", NODE, "--out", "proxy", "--seconds", "5"], &[]);
    ran.is(0, &["heap", "cpu", "Next:"]);
    lab.verifies(&ran, 0);
    let facts = &ran.events("run").pop().expect("a run")["facts"];
    assert!(
        facts["mutex_profile"].as_str().expect("mutex").starts_with("off"),
        "{facts:#}"
    );
    assert!(
        facts["block_profile"].as_str().expect("block").starts_with("off"),
        "{facts:#}"
    );
    for args in [
        &["top", "proxy", "--kind", "heap"][..],
        &["traces", "proxy", "--kind", "goroutine", "-n", "2"],
        &["peek", "kubelet", "proxy", "--kind", "heap"],
        &["goroutines", "proxy"],
    ] {
        lab.kubeprof("proxy", args, &[]).is(0, &[]);
    }
    compare::with_plain_requests(lab);
    // The executable, as ssh would bring it.
    let pid = std::fs::read_to_string(lab.folder.join("run/kubelet.pid")).expect("a pid");
    let exe = format!("/proc/{}/exe", pid.trim());
    let args = ["capture", "--resume", "proxy", "--binary", &exe];
    let ran = lab.kubeprof("proxy", &args, &[]);
    ran.is(0, &["executable: binaries/"]);
    lab.verifies(&ran, 0);
}

fn directly(lab: &mut Lab) {
    lab.title("directly, to the kubelet's port");
    let (ca, crt, key) = (
        lab.file("pki/ca.crt"),
        lab.file("pki/admin.crt"),
        lab.file("pki/admin.key"),
    );
    let way = ["--direct", KUBELET, "--certificate-authority", &ca];
    let with = |name: &'static str, more: &[&str]| {
        let mut args = vec!["capture", "--out", name];
        args.extend(way);
        args.extend(more);
        args.iter().map(|a| (*a).to_owned()).collect::<Vec<String>>()
    };
    let run = |lab: &mut Lab, name: &'static str, more: &[&str]| {
        let args = with(name, more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        lab.kubeprof(name, &args, &[])
    };
    let ran = run(
        lab,
        "direct",
        &["--client-certificate", &crt, "--client-key", &key, "--seconds", "2"],
    );
    ran.is(0, &["cpu"]);
    lab.verifies(&ran, 0);
    let ran = run(lab, "nobody", &["--quick"]);
    ran.is(2, &["kubelet: the kubelet does not know you", "clientCAFile"]);
    let (crt, key) = (lab.file("pki/viewer.crt"), lab.file("pki/viewer.key"));
    let ran = run(
        lab,
        "viewer-direct",
        &["--client-certificate", &crt, "--client-key", &key, "--quick"],
    );
    ran.is(2, &["kubelet: the kubelet knows you as \"viewer\"", "nodes/proxy"]);
}

fn through_kubectl_proxy(lab: &mut Lab) {
    lab.title("through kubectl proxy");
    let bin = std::env::var("BIN").unwrap_or_else(|_| lab.file("bin"));
    let kubectl = Command::new(format!("{bin}/kubectl"))
        .args(["--kubeconfig", &lab.file("admin.kubeconfig"), "proxy", "--port=8901"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut kubectl) = kubectl else {
        eprintln!("SKIPPED: through kubectl proxy: no kubectl in BIN");
        return;
    };
    std::thread::sleep(Duration::from_secs(2));
    let args = [
        "capture",
        NODE,
        "--via",
        "http://127.0.0.1:8901",
        "--out",
        "via",
        "--seconds",
        "1",
    ];
    let ran = lab.kubeprof("via", &args, &[]);
    drop(kubectl.kill());
    drop(kubectl.wait());
    ran.is(0, &["cpu"]);
    lab.verifies(&ran, 0);
    let args = [
        "capture",
        NODE,
        "--via",
        "http://127.0.0.1:8901",
        "--out",
        "via2",
        "--quick",
    ];
    lab.kubeprof("via2", &args, &[]).is(2, &["kubectl proxy --port=8901"]);
}

fn without_rights(lab: &mut Lab) {
    lab.title("a user without rights");
    let viewer = lab.file("viewer.kubeconfig");
    let env = [("KUBECONFIG", viewer.as_str())];
    let ran = lab.kubeprof("viewer", &["capture", NODE, "--out", "viewer"], &env);
    ran.is(
        2,
        &[
            "API server: \"viewer\" may not get nodes/proxy",
            "kind: ClusterRoleBinding",
            "name: \"viewer\"",
        ],
    );
    assert!(!ran.bundle.exists());
    let ran = lab.kubeprof(
        "viewer",
        &["capture", NODE, "--out", "viewer", "--force", "--quick"],
        &env,
    );
    ran.is(2, &["you are \"viewer\" and may not get nodes/proxy"]);
    let dry = lab.kubeprof("", &["capture", NODE, "--dry-run"], &env);
    dry.is(2, &["get nodes/proxy denied", "resources: [nodes/proxy]"]);
    let ran = lab.kubeprof("token", &["capture", NODE, "--out", "token", "--token", "nobodys"], &[]);
    ran.is(2, &["API server: the API server does not know you", "renew"]);
    lab.kubeprof(
        "as",
        &["capture", NODE, "--out", "as", "--as", "jane", "--as-group", "dev"],
        &[],
    )
    .is(2, &["\"jane\" may not get nodes/proxy"]);
}

fn unknown_node(lab: &mut Lab) {
    lab.title("an unknown node");
    lab.kubeprof("unknown", &["capture", "worker-99", "--out", "unknown"], &[])
        .is(2, &["API server: nodes \"worker-99\" not found", "kubectl get nodes"]);
    let ran = lab.kubeprof("all", &["capture", "--all-nodes", "--out", "all", "--quick"], &[]);
    ran.is(0, &["heap"]);
}

fn second_profiler(lab: &mut Lab) {
    lab.title("a second profiler holds the CPU profile");
    let (crt, key) = (lab.file("pki/admin.crt"), lab.file("pki/admin.key"));
    let url = format!("https://127.0.0.1:6443/api/v1/nodes/{NODE}/proxy/debug/pprof/profile?seconds=6");
    let mut other = Command::new("curl")
        .args(["-sk", "--cert", &crt, "--key", &key, "-o", "/dev/null", &url])
        .spawn()
        .expect("curl");
    std::thread::sleep(Duration::from_secs(1));
    let args = [
        "capture",
        NODE,
        "--out",
        "second",
        "--profiles",
        "heap,cpu",
        "--seconds",
        "8",
    ];
    let ran = lab.kubeprof("second", &args, &[]);
    ran.is(0, &["handler: another client takes a CPU profile", "retrying in 9 s"]);
    drop(other.wait());
    lab.verifies(&ran, 0);
    // One that does not end in time.
    let url = url.replace("seconds=6", "seconds=20");
    let mut other = Command::new("curl")
        .args(["-sk", "--cert", &crt, "--key", &key, "-o", "/dev/null", &url])
        .spawn()
        .expect("curl");
    std::thread::sleep(Duration::from_secs(1));
    let ran = lab.kubeprof(
        "second2",
        &[
            "capture",
            NODE,
            "--out",
            "second2",
            "--profiles",
            "heap,cpu",
            "--seconds",
            "1",
        ],
        &[],
    );
    ran.is(3, &["handler: another client takes a CPU profile", "--resume"]);
    drop(other.wait());
    let ran = lab.kubeprof("second2", &["capture", "--resume", "second2"], &[]);
    ran.is(0, &["cpu"]);
    lab.verifies(&ran, 0);
}

fn runtime_frozen(lab: &mut Lab) {
    lab.title("the container runtime is frozen");
    lab.script(&["pods", "3"], &[]);
    std::thread::sleep(Duration::from_secs(8));
    lab.script(&["freeze"], &[]);
    std::thread::sleep(Duration::from_secs(20));
    let ran = lab.kubeprof("frozen", &["capture", NODE, "--out", "frozen", "--seconds", "2"], &[]);
    lab.script(&["thaw"], &[]);
    lab.script(&["pods", "0"], &[]);
    ran.is(0, &["goroutine.debug2"]);
    lab.verifies(&ran, 0);
    lab.kubeprof("frozen", &["goroutines", "frozen"], &[]).is(0, &["CRI"]);
}

fn api_server_restarted(lab: &mut Lab) {
    lab.title("the API server is restarted in the middle of a series");
    let args = [
        "capture",
        NODE,
        "--out",
        "restart",
        "--profiles",
        "goroutine,heap",
        "--series",
        "12",
        "--every",
        "2s",
    ];
    let child = lab.command(&args).spawn().expect("kubeprof starts");
    std::thread::sleep(Duration::from_secs(3));
    lab.script(&["apiserver"], &[("DOWN", "8")]);
    let ran = lab.ended("restart", &args, child);
    ran.is(3, &["network:", "--resume"]);
    assert_eq!(ran.events("run").len(), 1, "the kubelet is the same");
    let heaps = ran.there().iter().filter(|t| *t == "heap").count();
    assert!((2..12).contains(&heaps), "what was before and after is there: {heaps}");
    lab.verifies(&ran, 3);
    let ran = lab.kubeprof("restart", &["capture", "--resume", "restart"], &[]);
    ran.is(0, &["12/12"]);
    lab.verifies(&ran, 0);
}

fn kubelet_restarted(lab: &mut Lab) {
    lab.title("the kubelet is restarted in the middle of a series");
    let args = [
        "capture",
        NODE,
        "--out",
        "kubelet",
        "--profiles",
        "goroutine,heap",
        "--series",
        "8",
        "--every",
        "3s",
    ];
    let child = lab.command(&args).spawn().expect("kubeprof starts");
    std::thread::sleep(Duration::from_secs(7));
    lab.script(&["kubelet"], &[]);
    let ran = lab.ended("kubelet", &args, child);
    assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.out);
    let runs = ran.events("run");
    assert_eq!(runs.len(), 2, "{runs:#?}");
    assert_ne!(runs[0]["start_time"], runs[1]["start_time"]);
    assert!(ran.out.contains("the kubelet was restarted"), "{}", ran.out);
}

fn gates(lab: &mut Lab) {
    lab.title("debugging handlers off");
    lab.script(&["kubelet"], &[("DEBUGGING", "false")]);
    let ran = lab.kubeprof("debugging", &["capture", NODE, "--out", "debugging"], &[]);
    ran.is(
        3,
        &[
            "handler: the kubelet runs with `enableDebuggingHandlers: false`",
            "metrics",
        ],
    );
    assert!(ran.there().contains(&"metrics".to_owned()) && ran.there().contains(&"healthz".to_owned()));
    lab.verifies(&ran, 3);
    lab.title("profiling handler off");
    lab.script(&["kubelet"], &[("PROFILING", "false")]);
    let ran = lab.kubeprof("profiling", &["capture", NODE, "--out", "profiling"], &[]);
    ran.is(3, &["handler: the kubelet runs with `enableProfilingHandler: false`"]);
    assert!(ran.there().contains(&"configz".to_owned()), "{:?}", ran.there());
    lab.verifies(&ran, 3);
}

fn kubelet_stopped(lab: &mut Lab) {
    lab.title("the kubelet is stopped");
    lab.script(&["kubelet-stop"], &[]);
    std::thread::sleep(Duration::from_secs(2));
    let started = Instant::now();
    let ran = lab.kubeprof("stopped", &["capture", NODE, "--out", "stopped"], &[]);
    ran.is(
        2,
        &[
            "API server -> kubelet: nothing listens at the kubelet's port",
            "systemctl status kubelet",
        ],
    );
    assert!(started.elapsed() < Duration::from_secs(20), "it ends soon");
    assert!(
        ran.there().contains(&"node".to_owned()),
        "what the API server says of the node is worth having"
    );
}
