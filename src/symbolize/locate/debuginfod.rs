//! A binary by build ID from a debuginfod server, over HTTP. Nothing here runs unless a URL was given by hand.
//!
//! Invariants: a file appears in the cache whole or not at all (written beside, renamed), only after its own build ID was
//! read and is the one asked for, and never bigger than [`MAX_BYTES`]. The layout is that of debuginfod's own clients:
//! `<cache>/<id>/executable`.

use std::fs;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::Binary;
use super::Image;
use super::http::{self, Patience};
use crate::atomic::Part;

/// A binary bigger than this is not taken: eight times the largest kubelet.
pub const MAX_BYTES: u64 = 1 << 30;

/// Why a server gave no binary.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Not a URL of a server.
    #[error("{url:?} is not a debuginfod server")]
    Url {
        /// What was given.
        url: String,
    },
    /// Servers are asked for hexadecimal IDs only.
    #[error("{id:?} is not a GNU build ID")]
    Id {
        /// What was asked for.
        id: String,
    },
    /// The server has no such binary.
    #[error("{url} has no binary {id}")]
    Absent {
        /// The server.
        url: String,
        /// Build ID.
        id: String,
    },
    /// The server answers something else.
    #[error("{url} answers {status} for build ID {id}")]
    Status {
        /// Full address.
        url: String,
        /// HTTP status.
        status: u16,
        /// Build ID.
        id: String,
    },
    /// No answer, or half of one.
    #[error("{url}: {reason}")]
    Network {
        /// Full address.
        url: String,
        /// What the client says.
        reason: String,
    },
    /// More bytes than any kubelet has.
    #[error("{url} sends more than {} MiB", MAX_BYTES >> 20)]
    TooBig {
        /// Full address.
        url: String,
    },
    /// The server sent another file.
    #[error("{url} sends something else than binary {id}: {found}")]
    Wrong {
        /// Full address.
        url: String,
        /// Build ID.
        id: String,
        /// What it is.
        found: String,
    },
    /// The cache cannot be written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

impl FetchError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::Url { .. } => "it begins with http:// or https://",
            Self::Id { .. } => "debuginfod knows binaries by 4 to 128 hexadecimal digits",
            Self::Absent { .. } => "ask the server of who built the binary, or archive it by hand",
            Self::Status { .. } => "open the address in a browser to see why",
            Self::Network { .. } => "check the address, HTTPS_PROXY, and SSL_CERT_FILE for a certificate of your own",
            Self::TooBig { .. } => "not a kubelet; check the address",
            Self::Wrong { .. } => "nothing was kept; report it to the operator of the server",
            _ => return None,
        })
    }
}

/// Asks the server at `url` for the binary with GNU build ID `id` (hex) and puts it into the folder `cache`. The path of
/// the file; one that is there already is not asked for again.
pub fn fetch(url: &str, id: &str, cache: &Path) -> Result<PathBuf, FetchError> {
    let id = id.to_ascii_lowercase();
    if !(4..=128).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(FetchError::Id { id });
    }
    let base = url.trim_end_matches('/');
    if !["http://", "https://"]
        .iter()
        .any(|scheme| base.len() > scheme.len() && base.starts_with(scheme))
    {
        return Err(FetchError::Url { url: url.to_owned() });
    }
    let folder = cache.join(&id);
    let place = folder.join("executable");
    if place.is_file() {
        return Ok(place);
    }
    let io = |path: &Path| {
        let path = path.to_owned();
        move |cause| FetchError::Io { path, cause }
    };
    fs::create_dir_all(&folder).map_err(io(&folder))?;
    let fetched = || -> Result<(), FetchError> {
        let part = Part::beside(&place).map_err(io(&place))?;
        let from = download(base, &id, part.path())?;
        verify(part.path(), &from, &id)?;
        part.finish().map_err(io(&place))
    };
    let done = fetched();
    if done.is_err() {
        // Gone only when it is empty.
        let _ = fs::remove_dir(&folder);
    }
    done.map(|()| place)
}

/// Writes the server's answer to `part` and gives the address that it came from.
fn download(base: &str, id: &str, part: &Path) -> Result<String, FetchError> {
    let url = format!("{base}/buildid/{id}/executable");
    let network = |reason: String| FetchError::Network {
        url: url.clone(),
        reason,
    };
    let patience = Patience {
        connect: Duration::from_secs(10),
        // Servers unpack the package that holds the binary before they answer.
        answer: Duration::from_secs(90),
        body: Duration::from_secs(900),
    };
    let agent = http::agent(patience, 5, false).map_err(|e| network(e.to_string()))?;
    let mut answer = agent.get(&url).call().map_err(|e| network(e.to_string()))?;
    match answer.status().as_u16() {
        200 => {}
        404 => {
            return Err(FetchError::Absent {
                url: base.to_owned(),
                id: id.to_owned(),
            });
        }
        status => {
            return Err(FetchError::Status {
                url,
                status,
                id: id.to_owned(),
            });
        }
    }
    if answer.body().content_length().is_some_and(|n| n > MAX_BYTES) {
        return Err(FetchError::TooBig { url });
    }
    let mut body = answer.body_mut().with_config().limit(MAX_BYTES + 1).reader();
    let io = |cause| FetchError::Io {
        path: part.to_owned(),
        cause,
    };
    let mut file = fs::File::create(part).map_err(io)?;
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0_u64;
    loop {
        match body.read(&mut buffer).map_err(|e| network(e.to_string()))? {
            0 => break,
            n => {
                total += n as u64;
                if total > MAX_BYTES {
                    return Err(FetchError::TooBig { url });
                }
                file.write_all(&buffer[..n]).map_err(io)?;
            }
        }
    }
    file.sync_all().map_err(io)?;
    Ok(url)
}

/// Whether the file is a binary with the build ID that was asked for.
fn verify(part: &Path, url: &str, id: &str) -> Result<(), FetchError> {
    let wrong = |found: String| FetchError::Wrong {
        url: url.to_owned(),
        id: id.to_owned(),
        found,
    };
    let image = Image::open(part).map_err(|e| wrong(e.to_string()))?;
    let binary = Binary::parse(&image).map_err(|e| wrong(e.to_string()))?;
    if !binary.elf().is_complete() {
        return Err(wrong("a file that is cut off".to_owned()));
    }
    match binary.build_ids().gnu {
        Some(found) if found.to_string() == id => Ok(()),
        Some(found) => Err(wrong(format!("a binary with build ID {found}"))),
        None => Err(wrong("a binary without a build ID".to_owned())),
    }
}
