//! The executable of the process: from a file, or through the user's own ssh from the node, streamed to the disk and compared
//! with the profiles before it becomes a part of the bundle.
//!
//! `/proc/PID/exe` is what runs, also where an upgrade has replaced the file since; the usual paths come after it. A binary
//! that the profiles do not come from would put wrong names on addresses, so it is refused.

use std::borrow::Cow;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use super::transport::Stop;
use crate::bundle::manifest::{self, Cause, Details, Form, Missing, Slot, Who};
use crate::bundle::names::{BINARIES, EXECUTABLE, PART, is_plain};
use crate::bundle::{Part, WriteError, Writer};
use crate::pprof::{self, Limit};
use crate::secrets;
use crate::symbolize::Binary;
use crate::symbolize::identity::{Verdict, examine, main_mapping};
use crate::symbolize::locate::Image;

/// Where an executable is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum From {
    /// A file of this machine.
    File(PathBuf),
    /// A node that ssh leads to.
    Ssh {
        /// `host` or `user@host`.
        host: String,
        /// Port, where it is not ssh's own choice.
        port: Option<u16>,
    },
}

impl From {
    /// `PATH` or `ssh://[user@]host[:port]`.
    ///
    /// # Errors
    /// When the host is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Some(rest) = text.strip_prefix("ssh://") else {
            return Ok(From::File(PathBuf::from(text)));
        };
        let rest = rest.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => match port.parse() {
                Ok(port) => (host, Some(port)),
                Err(_) => return Err(format!("{port:?} is not a port; for instance ssh://root@node-3:22")),
            },
            _ => (rest, None),
        };
        // What begins with a dash would be an option of ssh.
        if host.is_empty() || host.starts_with('-') || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(format!("{text:?} names no host; for instance ssh://root@node-3"));
        }
        let host = host.to_owned();
        Ok(From::Ssh { host, port })
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            From::File(path) => write!(f, "{}", path.display()),
            From::Ssh { host, port: None } => write!(f, "ssh://{host}"),
            From::Ssh { host, port: Some(port) } => write!(f, "ssh://{host}:{port}"),
        }
    }
}

/// Why no executable came into the bundle.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BinaryError {
    /// There is nothing to compare it with.
    #[error("no profile in the bundle to compare {0} with")]
    NoProfile(String),
    /// It cannot be read.
    #[error("{origin}: {cause}")]
    Read {
        /// Where it was to come from.
        origin: String,
        /// What is wrong.
        cause: String,
    },
    /// It is no executable of Go.
    #[error("{origin}: {cause}")]
    NoBinary {
        /// Where it came from.
        origin: String,
        /// What is wrong with it.
        cause: String,
    },
    /// It is another one.
    #[error("{origin} has build ID {found}, the profiles are of {wanted}")]
    Other {
        /// Where it came from.
        origin: String,
        /// Its build ID.
        found: String,
        /// The build ID in the profiles.
        wanted: String,
    },
    /// The bundle cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The user wants no more.
    #[error("interrupted")]
    Interrupted,
}

impl BinaryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::NoProfile(_) => "capture a profile first, then resume with the executable".into(),
            Self::Read { origin, .. } if origin.starts_with("ssh://") => {
                "does `ssh` lead there by hand? The kubelet's executable needs root, or sudo without a password".into()
            }
            Self::Read { .. } => "name the path of a kubelet, or ssh://[user@]host".into(),
            Self::NoBinary { .. } | Self::Interrupted => return None,
            Self::Other { .. } => {
                "it was replaced on the node since the kubelet was started; ssh://HOST takes what runs, from /proc"
                    .into()
            }
            Self::Write(cause) => return cause.hint(),
        })
    }
}

impl BinaryError {
    /// What the manifest says of an executable that did not come.
    pub fn missing(&self, node: &str, run: u32) -> Missing {
        let who = match self {
            BinaryError::Write(_) => Who::Disk,
            BinaryError::Read { origin, .. } if origin.starts_with("ssh://") => Who::Network,
            _ => Who::You,
        };
        let masked = |text: &str| secrets::text(text).into_owned();
        let from = |cause, origin: &str, message: &str| {
            let details = Details {
                origin: masked(origin),
                // Of what another program writes the first line says it.
                message: masked(message.lines().next().unwrap_or_default()),
                ..Details::default()
            };
            (cause, details)
        };
        let (cause, details) = match self {
            BinaryError::NoProfile(origin) => from(Cause::NothingToCompare, origin, ""),
            BinaryError::Read { origin, cause, .. } => from(Cause::ExecutableUnreadable, origin, cause),
            BinaryError::NoBinary { origin, cause } => from(Cause::NotAnExecutable, origin, cause),
            BinaryError::Other { origin, found, wanted } => {
                let (cause, details) = from(Cause::OtherExecutable, origin, "");
                let (found, wanted) = (found.clone(), wanted.clone());
                (
                    cause,
                    Details {
                        found,
                        wanted,
                        ..details
                    },
                )
            }
            BinaryError::Write(e) => from(Cause::Disk, "", &e.to_string()),
            BinaryError::Interrupted => (Cause::Interrupted, Details::default()),
        };
        Missing {
            slot: Slot {
                node: node.to_owned(),
                run: run.max(1),
                snapshot: None,
                artifact: EXECUTABLE.to_owned(),
            },
            who,
            cause,
            details,
            ..Missing::default()
        }
    }
}

/// What runs at the other end: the executable of the process, else one of the usual files; as root where that needs no
/// password.
const REMOTE: &str = "p=$(pidof kubelet 2>/dev/null | cut -d' ' -f1); \
for f in ${p:+/proc/$p/exe} /usr/bin/kubelet /usr/local/bin/kubelet; do \
for s in '' 'sudo -n'; do \
if $s test -r $f 2>/dev/null; then echo kubeprof-source $f; exec $s cat $f; fi; \
done; done; echo 'no kubelet that may be read: /proc/PID/exe needs root or sudo without a password' >&2; exit 1";

/// Larger than any kubelet.
const MOST: u64 = 1 << 30;

/// Until the first byte, a person may be typing a password.
const FIRST_BYTE: Duration = Duration::from_secs(120);

/// Takes an executable into the bundle.
///
/// # Errors
/// When it cannot be had, is not that of the profiles, or the bundle cannot be written.
pub async fn take(
    writer: &Writer,
    from: &From,
    node: &str,
    stall: Duration,
    stop: &Stop,
) -> Result<manifest::Binary, BinaryError> {
    let record = writer.record();
    let origin = from.to_string();
    let known = record
        .artifacts()
        .filter(|a| a.slot.node == node && a.facts.form == Form::Proto && !a.facts.kind.is_empty())
        .max_by_key(|a| (a.slot.run, a.facts.samples));
    let Some(profile) = known else {
        return Err(BinaryError::NoProfile(origin));
    };
    let wanted = profile.facts.build_id.clone();
    let path = writer.root().join(&profile.path);
    if let Some(there) = record
        .binaries
        .iter()
        .find(|b| !wanted.is_empty() && b.build_id == wanted)
    {
        return Ok(there.clone());
    }
    let folder = if is_plain(&wanted) {
        wanted.clone()
    } else {
        format!("unknown-{node}")
    };
    let mut part = writer.binary_part(&folder, "kubelet")?;
    let mut stop = stop.clone();
    let source = tokio::select! {
        biased;
        () = stop.pulled() => return Err(BinaryError::Interrupted),
        source = copy(from, &mut part, stall) => source?,
    };
    let image = writer
        .root()
        .join(BINARIES)
        .join(&folder)
        .join(format!("kubelet{PART}"));
    let checked = tokio::task::spawn_blocking(move || check(&image, &path)).await;
    let fail = |cause: String| BinaryError::NoBinary {
        origin: origin.clone(),
        cause,
    };
    let facts = checked.map_err(|e| fail(e.to_string()))?.map_err(fail)?;
    if facts.verdict == Verdict::Mismatch || (facts.verdict == Verdict::Unproven && !wanted.is_empty()) {
        return Err(BinaryError::Other {
            origin,
            found: facts.build_id,
            wanted,
        });
    }
    let binary = manifest::Binary {
        build_id: if wanted.is_empty() { facts.build_id } else { wanted },
        origin: source,
        go_version: facts.go_version,
        node: node.to_owned(),
        ..manifest::Binary::default()
    };
    Ok(writer.keep_binary(part, binary)?)
}

/// Copies it; where it really came from.
async fn copy(from: &From, part: &mut Part, stall: Duration) -> Result<String, BinaryError> {
    match from {
        From::File(path) => file(path, part).map(|()| from.to_string()),
        From::Ssh { host, port } => ssh(from, host, *port, part, stall).await,
    }
}

fn file(path: &Path, part: &mut Part) -> Result<(), BinaryError> {
    let mut copied = || -> std::io::Result<()> {
        let mut file = std::fs::File::open(path)?.take(MOST);
        let mut buffer = vec![0; 1 << 18];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                n => part.write_all(&buffer[..n])?,
            }
        }
    };
    copied().map_err(|e| BinaryError::Read {
        origin: path.display().to_string(),
        cause: e.to_string(),
    })
}

async fn ssh(
    from: &From,
    host: &str,
    port: Option<u16>,
    part: &mut Part,
    stall: Duration,
) -> Result<String, BinaryError> {
    let fail = |cause: String| BinaryError::Read {
        origin: from.to_string(),
        cause,
    };
    let mut command = Command::new("ssh");
    if let Some(port) = port {
        command.arg("-p").arg(port.to_string());
    }
    command.arg("--").arg(host).arg(REMOTE);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|e| fail(format!("ssh cannot be started: {e}")))?;
    let Some(mut out) = child.stdout.take() else {
        return Err(fail("ssh has no output".to_owned()));
    };
    let mut head = Vec::new();
    let mut source = None;
    let mut buffer = vec![0; 1 << 17];
    let mut patience = FIRST_BYTE;
    loop {
        let read = tokio::time::timeout(patience, out.read(&mut buffer)).await;
        let n = match read {
            Err(_) => return Err(fail(format!("nothing came for {} s", patience.as_secs()))),
            Ok(Err(e)) => return Err(fail(e.to_string())),
            Ok(Ok(0)) => break,
            Ok(Ok(n)) => n,
        };
        patience = stall;
        let mut bytes = &buffer[..n];
        if source.is_none() {
            head.extend_from_slice(bytes);
            let Some(end) = head.iter().position(|&b| b == b'\n') else {
                if head.len() > 4096 {
                    return Err(fail(
                        "the node's shell says something else than the executable".to_owned(),
                    ));
                }
                continue;
            };
            let line = String::from_utf8_lossy(&head[..end]).into_owned();
            let Some(path) = line.strip_prefix("kubeprof-source ") else {
                return Err(fail(format!("the node's shell says {line:?} before the executable")));
            };
            source = Some(path.to_owned());
            bytes = &head[end + 1..];
        }
        if part.bytes() + bytes.len() as u64 > MOST {
            return Err(fail(format!("more than {MOST} bytes came")));
        }
        part.write_all(bytes).map_err(|e| fail(e.to_string()))?;
    }
    let status = tokio::time::timeout(stall, child.wait()).await;
    match (status, source) {
        (Ok(Ok(status)), Some(path)) if status.success() => Ok(format!("{from}{path}")),
        (Ok(Ok(status)), _) => Err(fail(format!("ssh ended with {status}"))),
        _ => Err(fail("ssh does not end".to_owned())),
    }
}

struct Checked {
    verdict: Verdict,
    build_id: String,
    go_version: String,
}

/// Compares the bytes with a profile.
fn check(image: &Path, profile: &Path) -> Result<Checked, String> {
    let image = Image::open(image).map_err(|e| e.to_string())?;
    let binary = Binary::parse(&image).map_err(|e| e.to_string())?;
    if !binary.elf().is_complete() {
        return Err("it is cut off".to_owned());
    }
    let bytes = std::fs::read(profile).map_err(|e| e.to_string())?;
    let read = pprof::read(bytes, Limit::Proportional, false).map_err(|e| e.to_string())?;
    let identity = examine(&read.profile, main_mapping(&read.profile, &binary), &binary);
    Ok(Checked {
        verdict: identity.verdict,
        build_id: identity.build_id_binary,
        go_version: binary.build_info().map(|i| i.go_version).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_hosts() {
        let ssh = |host: &str, port| From::Ssh {
            host: host.to_owned(),
            port,
        };
        assert_eq!(From::parse("ssh://root@node-3"), Ok(ssh("root@node-3", None)));
        assert_eq!(From::parse("ssh://node-3:2222/"), Ok(ssh("node-3", Some(2222))));
        assert_eq!(
            From::parse("/usr/bin/kubelet"),
            Ok(From::File("/usr/bin/kubelet".into()))
        );
        for bad in ["ssh://", "ssh://-oProxyCommand=x", "ssh://a b", "ssh://h:x"] {
            assert!(From::parse(bad).is_err(), "{bad}");
        }
    }
}
