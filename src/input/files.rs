//! The files of all sources of a command: opened once, read once, decoded where asked for.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::InputError;
use super::parents::parent_owners;
use super::series::Artifact;
use super::source::{LongText, Source};
use crate::bundle::names;
use crate::kubelet::Knowledge;
use crate::pprof::goroutines::DumpChoice;
use crate::pprof::{self, Limit, inflate};

/// Profiles that were decoded to tell what they are stay as long as their files are smaller than this together, the last
/// ones longest: the one that is asked for is likely among them and is not read again.
const KEPT: usize = 6 << 20;

/// Where a file is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Place {
    /// Which source.
    pub(super) source: usize,
    /// Which file of it; `""` where the source is a file.
    pub(super) file: String,
}

/// The files of all sources.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) sources: Vec<Source>,
    pub(super) limit: Limit,
    /// What owns goroutines by their parents.
    pub(super) knowledge: Arc<Knowledge>,
    decoded: Mutex<Decoded>,
}

#[derive(Debug, Default)]
struct Decoded {
    reads: VecDeque<(Place, usize, pprof::Read)>,
    bytes: usize,
    /// Texts that are likely asked for again, as they are in their files.
    texts: VecDeque<(Place, Vec<u8>)>,
    text_bytes: usize,
}

impl Files {
    pub(super) fn new(sources: Vec<Source>, limit: Limit, knowledge: Arc<Knowledge>) -> Self {
        Self {
            sources,
            limit,
            knowledge,
            decoded: Mutex::default(),
        }
    }

    /// Whether a source has such a file.
    pub(super) fn has(&self, source: usize, file: &str) -> bool {
        match &self.sources[source] {
            Source::Collection(contents) => contents.has(file),
            Source::File(..) | Source::Long(..) => file.is_empty(),
        }
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, place: &Place) -> io::Result<Cow<'_, [u8]>> {
        match &self.sources[place.source] {
            Source::Collection(contents) => contents.get(&place.file),
            Source::File(_, bytes) => Ok(Cow::Borrowed(bytes)),
            Source::Long(..) => Err(io::Error::other("a long text, of which only goroutine dumps are kept")),
        }
    }

    /// The bytes, where one file is all that was opened: whoever decodes them may let them go.
    pub(super) fn take_single(&mut self) -> Option<(PathBuf, Vec<u8>)> {
        match self.sources.as_mut_slice() {
            [Source::File(path, bytes)] => Some((std::mem::take(path), std::mem::take(bytes))),
            _ => None,
        }
    }

    /// A text of which nothing but its dumps was kept.
    pub(super) fn long_text(&self, place: &Place) -> Option<&LongText> {
        match &self.sources[place.source] {
            Source::Long(_, text) => Some(text),
            _ => None,
        }
    }

    /// Keeps a text that was looked at, as it is in its file, as long as all of them together are small.
    pub(super) fn keep_text(&self, place: Place, bytes: Cow<'_, [u8]>) {
        // What is in memory anyway is not kept again.
        let (Cow::Owned(bytes), Ok(mut decoded)) = (bytes, self.decoded.lock()) else {
            return;
        };
        if decoded.text_bytes + bytes.len() <= KEPT {
            decoded.text_bytes += bytes.len();
            decoded.texts.push_back((place, bytes));
        }
    }

    fn take_text(&self, place: &Place) -> Option<Vec<u8>> {
        let mut decoded = self.decoded.lock().ok()?;
        let at = decoded.texts.iter().position(|(kept, _)| kept == place)?;
        let (_, bytes) = decoded.texts.remove(at)?;
        decoded.text_bytes -= bytes.len();
        Some(bytes)
    }

    /// The bytes of an artifact, unpacked.
    pub(super) fn text(&self, artifact: &Artifact) -> Result<Cow<'_, [u8]>, InputError> {
        let unpack = |bytes: &[u8]| inflate(bytes, self.limit).map(Cow::into_owned);
        let bytes = match self.take_text(&artifact.place) {
            Some(kept) => Cow::Owned(kept),
            None => self.bytes(&artifact.place).map_err(|e| io_error(&artifact.path, e))?,
        };
        match pprof::encoding(&bytes) {
            pprof::Encoding::Raw => Ok(bytes),
            _ => unpack(&bytes).map(Cow::Owned).map_err(|source| InputError::Read {
                name: artifact.path.display().to_string(),
                cause: source.into(),
            }),
        }
    }

    /// Decodes what may be a profile.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<pprof::Read, pprof::ReadError> {
        pprof::read_owned(bytes, self.limit, &|dump| parent_owners(dump, &self.knowledge))
    }

    /// Keeps what was decoded, in place of what was kept first.
    pub(super) fn keep(&self, place: Place, bytes: usize, read: pprof::Read) {
        let Ok(mut decoded) = self.decoded.lock() else { return };
        decoded.bytes += bytes;
        decoded.reads.push_back((place, bytes, read));
        while decoded.bytes > KEPT && decoded.reads.len() > 1 {
            let first = decoded.reads.pop_front();
            decoded.bytes -= first.map_or(0, |(_, bytes, _)| bytes);
        }
    }

    fn take_kept(&self, place: &Place) -> Option<pprof::Read> {
        let mut decoded = self.decoded.lock().ok()?;
        let at = decoded.reads.iter().position(|(kept, ..)| kept == place)?;
        let (_, bytes, read) = decoded.reads.remove(at)?;
        decoded.bytes -= bytes;
        Some(read)
    }

    /// The profile of an artifact, and whether its bytes are not those that the manifest has.
    pub(super) fn read(&self, artifact: &Artifact) -> Result<(pprof::Read, bool), InputError> {
        if let Some(read) = self.take_kept(&artifact.place) {
            return Ok((read, false));
        }
        if let Some(text) = self.long_text(&artifact.place) {
            let name = artifact.path.display().to_string();
            let fail = |cause| InputError::Read { name, cause };
            // Its dumps were read before anything was known of kubelets.
            let named = text.read.clone().and_then(|mut read| {
                read.choose(
                    DumpChoice::default(),
                    Some(&|dump| parent_owners(dump, &self.knowledge)),
                )?;
                Ok(read)
            });
            return Ok((named.map_err(fail)?, false));
        }
        let bytes = self.bytes(&artifact.place).map_err(|e| io_error(&artifact.path, e))?;
        let is_altered = !artifact.sha256.is_empty() && names::sha256(&bytes) != artifact.sha256;
        let name = || artifact.path.display().to_string();
        match (self.decode(&bytes), is_altered) {
            (Ok(read), _) => Ok((read, is_altered)),
            (Err(cause), true) => Err(InputError::Altered { name: name(), cause }),
            (Err(cause), false) => Err(InputError::Read { name: name(), cause }),
        }
    }
}

fn io_error(path: &Path, cause: io::Error) -> InputError {
    InputError::Io {
        name: path.display().to_string(),
        cause,
    }
}
