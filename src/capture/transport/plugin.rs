//! Runs the credential plugin of a kubeconfig (`exec`), once for a whole capture: under a limit, said when it takes long,
//! and explained when it fails, without its environment and without what it printed for us only.

use std::io::IsTerminal as _;
use std::process::{ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode, Kubeconfig};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};

/// How long a plugin may take that has nobody to ask.
const ALONE: Duration = Duration::from_secs(60);
/// How long a plugin may take that may ask somebody at a terminal, for instance to log in with a browser.
const WITH_SOMEBODY: Duration = Duration::from_secs(300);
/// After how long it is said that it is being waited for.
const SILENT: Duration = Duration::from_secs(2);
/// Bytes that are read of its answer.
const ANSWER: u64 = 1 << 20;
/// Bytes that are kept of the end of what it complains.
const TAIL: usize = 600;

/// A plugin and who is told that it is waited for.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    pub(super) exec: ExecConfig,
    pub(super) say: Option<fn(&str)>,
}

/// What a plugin made.
#[derive(Default)]
pub(super) struct Issued {
    pub(super) token: Option<String>,
    /// PEM of a certificate and of its key.
    pub(super) identity: Option<(String, String)>,
    pub(super) until: Option<Timestamp>,
}

/// Why a plugin made nothing.
#[derive(Debug, thiserror::Error)]
#[error("the credential plugin {name:?} of your kubeconfig {why}")]
pub struct PluginError {
    name: String,
    why: String,
    /// What the kubeconfig says of installing it.
    installing: Option<String>,
}

impl PluginError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self.installing() {
            Some(words) => format!("run it by hand, or give a token; the kubeconfig says: {words}"),
            None => "run it by hand, or give a token".to_owned(),
        }
    }

    /// What the kubeconfig says of installing it.
    pub fn installing(&self) -> Option<&str> {
        self.installing.as_deref()
    }
}

#[derive(Deserialize)]
struct ExecCredential {
    status: Option<ExecStatus>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ExecStatus {
    expiration_timestamp: Option<String>,
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

impl Plugin {
    fn fail(&self, why: String) -> PluginError {
        let name = self.exec.command.clone().unwrap_or_default();
        let installing = self
            .exec
            .install_hint
            .as_deref()
            .map(str::trim)
            .filter(|h| !h.is_empty());
        PluginError {
            installing: installing.map(str::to_owned),
            name,
            why,
        }
    }

    /// Whether it may ask somebody: where the kubeconfig lets it, and a terminal is there or the plugin insists.
    fn may_ask(&self) -> bool {
        match self.exec.interactive_mode {
            Some(ExecInteractiveMode::Never) => false,
            Some(ExecInteractiveMode::Always) => true,
            _ => std::io::stdin().is_terminal(),
        }
    }

    fn command(&self, asks: bool) -> Result<Command, PluginError> {
        let Some(program) = self.exec.command.as_deref().filter(|c| !c.is_empty()) else {
            return Err(self.fail("has no `command`".to_owned()));
        };
        let mut command = Command::new(program);
        command.args(self.exec.args.iter().flatten());
        for entry in self.exec.env.iter().flatten() {
            if let (Some(name), Some(value)) = (entry.get("name"), entry.get("value")) {
                command.env(name, value);
            }
        }
        let mut spec = json!({ "interactive": asks });
        if self.exec.provide_cluster_info {
            spec["cluster"] = json!(self.exec.cluster);
        }
        let info = json!({"apiVersion": self.exec.api_version, "kind": "ExecCredential", "spec": spec});
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        let (input, complaints) = match asks {
            true => (Stdio::inherit(), Stdio::inherit()),
            false => (Stdio::null(), Stdio::piped()),
        };
        command.stdin(input).stdout(Stdio::piped()).stderr(complaints);
        command.kill_on_drop(true);
        if !asks {
            // A group of its own, so that all of it can be ended; in front of a terminal it stays in ours, or could not read.
            command.process_group(0);
        }
        Ok(command)
    }

    /// Runs it.
    ///
    /// # Errors
    /// When it cannot be run, fails, takes too long or prints no credential.
    pub(super) async fn run(&self) -> Result<Issued, PluginError> {
        let asks = self.may_ask();
        let limit = if asks { WITH_SOMEBODY } else { ALONE };
        let mut child = match self.command(asks)?.spawn() {
            Ok(child) => child,
            Err(e) => return Err(self.fail(format!("cannot be run: {e}"))),
        };
        // Until it has ended by itself: then what it left behind, as an agent that keeps credentials, is its own affair.
        let mut family = Family::of(&child, asks);
        let (complaints, answer) = (child.stderr.take(), child.stdout.take());
        let tail = Mutex::new(Vec::new());
        let done = async {
            let (status, bytes, ()) = tokio::join!(child.wait(), whole(answer), last(complaints, &tail));
            (status, bytes)
        };
        tokio::pin!(done);
        let early = tokio::time::timeout(SILENT, &mut done).await;
        let ended = match early {
            Ok(ended) => Some(ended),
            Err(_) => {
                if let Some(say) = self.say {
                    let name = self.exec.command.as_deref().unwrap_or_default();
                    let (seconds, said) = (limit.as_secs(), said(&tail));
                    say(&format!(
                        "waiting for the credential plugin {name:?} of your kubeconfig, for at most {seconds} s{said}"
                    ));
                }
                tokio::time::timeout(limit.saturating_sub(SILENT), &mut done).await.ok()
            }
        };
        let Some((status, bytes)) = ended else {
            drop(family);
            return Err(self.fail(format!("gave no answer in {} s{}", limit.as_secs(), said(&tail))));
        };
        family.spare();
        match status {
            Ok(status) if status.success() => self.read(&bytes),
            Ok(status) => Err(self.fail(format!("failed ({}){}", how(status), said(&tail)))),
            Err(e) => Err(self.fail(format!("cannot be waited for: {e}"))),
        }
    }

    /// Reads what it printed. That may hold secrets even where it is wrong, so no error quotes it.
    fn read(&self, bytes: &[u8]) -> Result<Issued, PluginError> {
        let none = || self.fail("printed no ExecCredential".to_owned());
        let status = match serde_json::from_slice::<ExecCredential>(bytes) {
            Ok(credential) => credential.status,
            // Some print YAML. kube reads it, and keeps what it has no name for.
            Err(_) => {
                let text = std::str::from_utf8(bytes).map_err(|_| none())?;
                let mut yaml = Kubeconfig::from_yaml(text).map_err(|_| none())?;
                let status = yaml.other.remove("status").ok_or_else(none)?;
                serde_json::from_value(status).map_err(|_| none())?
            }
        };
        let status = status.ok_or_else(|| self.fail("printed an ExecCredential without a `status`".to_owned()))?;
        let until = match status.expiration_timestamp.as_deref().filter(|t| !t.is_empty()) {
            None => None,
            Some(text) => match text.parse() {
                Ok(time) => Some(time),
                Err(_) => return Err(self.fail(format!("printed {text:?} as `expirationTimestamp`"))),
            },
        };
        let issued = Issued {
            token: status.token.filter(|t| !t.trim().is_empty()),
            identity: status.client_certificate_data.zip(status.client_key_data),
            until,
        };
        if let Some((until, say)) = issued
            .until
            .zip(self.say)
            .filter(|(until, _)| *until <= Timestamp::now())
        {
            let name = self.exec.command.as_deref().unwrap_or_default();
            say(&format!(
                "the credential plugin {name:?} of your kubeconfig printed a credential that expired at {until}"
            ));
        }
        match issued.token.is_none() && issued.identity.is_none() {
            true => Err(self.fail("printed an ExecCredential without a token and without a certificate".to_owned())),
            false => Ok(issued),
        }
    }
}

/// A plugin and what it started: ended with it, unless it ends by itself.
struct Family {
    plugin: Option<Pid>,
    has_group: bool,
}

impl Family {
    fn of(child: &Child, asks: bool) -> Self {
        let plugin = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Family {
            plugin,
            has_group: !asks,
        }
    }

    fn spare(&mut self) {
        self.plugin = None;
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let Some(plugin) = self.plugin else { return };
        // Who is gone already need not be ended.
        if self.has_group {
            let _ = kill_process_group(plugin, Signal::KILL);
        } else {
            for pid in descendants(plugin.as_raw_pid()).into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

/// The processes that one has started, and those that they have; none where the system does not tell.
fn descendants(of: i32) -> Vec<i32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let parents: Vec<(i32, i32)> = processes
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name before it may hold anything.
            let parent = stat.rsplit(") ").next()?.split(' ').nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![of];
    let mut at = 0;
    while let Some(&parent) = found.get(at) {
        let children = parents.iter().filter(|(_, p)| *p == parent).map(|(pid, _)| *pid);
        let new: Vec<i32> = children.filter(|pid| !found.contains(pid)).collect();
        found.extend(new);
        at += 1;
    }
    found.split_off(1)
}

fn how(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => status.to_string(),
    }
}

/// All of an answer, up to a ceiling.
async fn whole(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What came before an error decides.
        let _ = from.take(ANSWER).read_to_end(&mut bytes).await;
    }
    bytes
}

/// Reads to the end and keeps the last of it.
async fn last(from: Option<impl AsyncRead + Unpin>, tail: &Mutex<Vec<u8>>) {
    let Some(mut from) = from else { return };
    let mut buffer = [0; 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
        tail.extend_from_slice(&buffer[..n]);
        let surplus = tail.len().saturating_sub(TAIL);
        tail.drain(..surplus);
    }
}

/// What it complained, in one line.
fn said(tail: &Mutex<Vec<u8>>) -> String {
    let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    let text = String::from_utf8_lossy(&tail);
    let words: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    match words.is_empty() {
        true => String::new(),
        false => format!("; it says: {}", words.join(" | ")),
    }
}
