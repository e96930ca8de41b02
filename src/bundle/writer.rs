//! Writes a bundle so that nothing taken is ever lost and no name lies.
//!
//! An artifact goes through four steps, each of which a kill may be the last of: its bytes are written to `NAME.part`
//! ([`Writer::part`], [`Part`] is an [`io::Write`]); they are flushed and decoded; the journal gets its line (flushed); the
//! file gets its final name. So a name without `.part` is an artifact that decodes, the journal never misses one, and what
//! was killed between the last two steps is found by [`Writer::resume`], which gives it its name. Anything that fails takes
//! its `.part` with it. Nothing is ever overwritten but `manifest.json`.
//!
//! ```text
//! let writer = Writer::create(root, started)?;                 // Arc it: all methods take &self
//! writer.append(Event::Run(run))?;
//! let mut part = writer.part(&slot, &names::file_of("heap"))?; // one a request; blocking, as all here is
//! part.write_all(chunk)?;                                      // as the bytes come
//! match writer.keep(part, Expect::of("heap"), exchange) {      // or drop(part) when the transfer broke
//!     Ok(artifact) => ...,                                     // facts, bytes, sha256
//!     Err(KeepError::NotWhole { why, head, bytes }) => writer.append(Event::Failed(missing))?,
//!     Err(KeepError::Write(e)) => ...,                         // disk full: append may still work, the line is small
//! }
//! writer.append(Event::Snapshot(ended))?;
//! writer.finish(Finished::default())?;                         // writes manifest.json
//! ```
//!
//! [`Writer::resume`] holds what is there and whole; ask [`Writer::has`] before each request. Snapshots of earlier captures
//! are over then: what is missing of them is taken in snapshots of its own, under the time when it comes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use sha2::{Digest as _, Sha256};

use super::disk::{create_new, create_root, folders, hash_of, io_at, is_file, refuse_links, remove_parts, sync_folder};
use super::facts::{Expect, NotWhole, examine, honest_ending, node_of};
use super::manifest::{
    Artifact, Aside, BODY_KEPT, Binary, Cause, Entry, Event, Exchange, Facts, Finished, JOURNAL, Missing, SUMMARY,
    Slot, SnapshotId, Started, Who,
};
use super::names::{self, PART};
use super::record::Record;
use super::write_error::{KeepError, Mended, WriteError};
use crate::atomic;
use crate::pprof::Limit;

/// A bundle that is being written.
#[derive(Debug)]
pub struct Writer {
    root: PathBuf,
    journal: Mutex<Journal>,
}

#[derive(Debug)]
struct Journal {
    file: File,
    /// Length of the whole lines.
    length: u64,
    record: Record,
}

/// An artifact on its way. Dropped, it takes its file with it.
#[derive(Debug)]
pub struct Part {
    slot: Slot,
    path: String,
    part: PathBuf,
    last: PathBuf,
    file: File,
    hash: Sha256,
    bytes: u64,
    head: Vec<u8>,
    kept: bool,
}

impl Part {
    /// How many bytes came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first 4 KiB of them.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Flushes it to the disk; its SHA-256.
    fn seal(&mut self) -> Result<String, WriteError> {
        self.file.sync_all().map_err(io_at(&self.part))?;
        Ok(names::hex(&std::mem::take(&mut self.hash).finalize()))
    }
}

impl io::Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        let room = BODY_KEPT.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..n.min(room)]);
        self.hash.update(&bytes[..n]);
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.part);
            // Nobody else writes below the folder of an executable; one that holds nothing says nothing.
            if self.path.starts_with(names::BINARIES) {
                for folder in self.part.ancestors().skip(1).take(2) {
                    let _ = fs::remove_dir(folder);
                }
            }
        }
    }
}

impl Writer {
    /// Begins a bundle in a folder that is not there or empty.
    ///
    /// # Errors
    /// When there is something already, or the system refuses.
    pub fn create(root: &Path, started: Started) -> Result<Self, WriteError> {
        create_root(root).map_err(io_at(root))?;
        if fs::read_dir(root).map_err(io_at(root))?.next().is_some() {
            return Err(WriteError::Exists(root.to_owned()));
        }
        let path = root.join(JOURNAL);
        let file = create_new(&path).map_err(io_at(&path))?;
        let writer = Self::with(root, file, 0, Record::default())?;
        writer.append(Event::Started(started))?;
        sync_folder(root)?;
        if let Some(parent) = root.parent().filter(|p| !p.as_os_str().is_empty()) {
            sync_folder(parent)?;
        }
        Ok(writer)
    }

    /// Goes on with a bundle: checks every artifact by its hash, mends what a kill left, and begins again.
    ///
    /// # Errors
    /// When it is no bundle, another process writes to it, or the system refuses.
    pub fn resume(root: &Path, started: Started) -> Result<(Self, Mended), WriteError> {
        let path = root.join(JOURNAL);
        if fs::symlink_metadata(&path).is_ok_and(|m| !m.is_file()) {
            return Err(WriteError::Link(path));
        }
        let mut file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(WriteError::NoBundle(root.to_owned())),
            Err(cause) => return Err(WriteError::Io { path, cause }),
        };
        lock(&file, root)?;
        refuse_links(root, 8)?;
        let bytes = fs::read(&path).map_err(io_at(&path))?;
        let record = Record::of_journal(&bytes);
        if record.schema > super::manifest::SCHEMA {
            let (path, found) = (root.to_owned(), record.schema);
            return Err(WriteError::Later { path, found });
        }
        let length = record.journal.bytes;
        file.set_len(length).map_err(io_at(&path))?;
        file.seek(SeekFrom::Start(length)).map_err(io_at(&path))?;
        let writer = Self::with(root, file, length, record)?;
        writer.append(Event::Started(Started {
            resumed: true,
            ..started
        }))?;
        let mended = writer.mend()?;
        Ok((writer, mended))
    }

    fn with(root: &Path, file: File, length: u64, record: Record) -> Result<Self, WriteError> {
        lock(&file, root)?;
        Ok(Self {
            root: root.to_owned(),
            journal: Mutex::new(Journal { file, length, record }),
        })
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What the journal says by now; on a resumption, without artifacts whose files are not whole.
    pub fn record(&self) -> Record {
        self.lock().record.clone()
    }

    /// Looks at what the journal says by now, as [`Writer::record`] gives it.
    pub fn look<T>(&self, at: impl FnOnce(&Record) -> T) -> T {
        at(&self.lock().record)
    }

    /// The artifact at a place, where it is there and whole.
    pub fn has(&self, slot: &Slot) -> Option<Artifact> {
        self.lock().record.artifact(slot).cloned()
    }

    /// Appends a line to the journal and flushes it. Not for artifacts and binaries, which [`Writer::keep`] and
    /// [`Writer::keep_binary`] append.
    ///
    /// # Errors
    /// When the system refuses; the journal is as it was then.
    pub fn append(&self, event: Event) -> Result<(), WriteError> {
        self.append_to(&mut self.lock(), event)
    }

    fn append_to(&self, journal: &mut Journal, event: Event) -> Result<(), WriteError> {
        let entry = Entry { at: now(), event };
        let fail = io_at(&self.root.join(JOURNAL));
        let mut line = serde_json::to_vec(&entry).map_err(|e| fail(e.into()))?;
        line.push(b'\n');
        let written = journal.file.write_all(&line).and_then(|()| journal.file.sync_data());
        if let Err(cause) = written {
            // Half a line would spoil the next one; taking it back needs no room.
            let _ = journal.file.set_len(journal.length);
            let _ = journal.file.seek(SeekFrom::Start(journal.length));
            return Err(fail(cause));
        }
        journal.length += line.len() as u64;
        journal.record.journal.lines += 1;
        journal.record.fold(entry);
        Ok(())
    }

    /// Begins an artifact.
    ///
    /// # Errors
    /// When it is there already, its snapshot is over, or the system refuses.
    pub fn part(&self, slot: &Slot, file: &str) -> Result<Part, WriteError> {
        if !names::is_plain(file) || file.ends_with(PART) {
            return Err(WriteError::Name(file.to_owned()));
        }
        // Bytes stand under the time when they came.
        let is_over = |id: &SnapshotId| {
            let journal = self.lock();
            journal.record.node(&slot.node).is_some_and(|node| {
                let mut runs = node.runs.iter().filter(|r| r.run == slot.run);
                let known = runs.find_map(|r| r.snapshots.iter().find(|s| s.id.number == id.number));
                id.number <= node.closed || known.is_some_and(|s| s.id != *id)
            })
        };
        if let Some(id) = slot.snapshot.filter(is_over) {
            let (node, number) = (slot.node.clone(), id.number);
            return Err(WriteError::Over { node, number });
        }
        self.begin(slot.clone(), names::path_of(slot, file))
    }

    /// Begins an executable; `build_id` is hex as profiles have it, or any other plain name for its folder.
    ///
    /// # Errors
    /// When it is there already, or the system refuses.
    pub fn binary_part(&self, build_id: &str, file: &str) -> Result<Part, WriteError> {
        for name in [build_id, file] {
            if !names::is_plain(name) || name.ends_with(PART) {
                return Err(WriteError::Name(name.to_owned()));
            }
        }
        self.begin(Slot::default(), format!("{}/{build_id}/{file}", names::BINARIES))
    }

    fn begin(&self, slot: Slot, path: String) -> Result<Part, WriteError> {
        let last = self.root.join(&path);
        let part = self.root.join(format!("{path}{PART}"));
        folders(&self.root, &path)?;
        if fs::symlink_metadata(&last).is_ok() {
            return Err(WriteError::Exists(last));
        }
        let file = create_new(&part).map_err(|cause| match cause.kind() {
            io::ErrorKind::AlreadyExists => WriteError::Exists(part.clone()),
            _ => io_at(&part)(cause),
        })?;
        Ok(Part {
            slot,
            path,
            part,
            last,
            file,
            hash: Sha256::new(),
            bytes: 0,
            head: Vec::new(),
            kept: false,
        })
    }

    /// Flushes, decodes, records and names an artifact.
    ///
    /// # Errors
    /// When its bytes are not what they should be, or the system refuses; no file is left then.
    pub fn keep(&self, mut part: Part, expect: Expect, exchange: Exchange) -> Result<Artifact, KeepError> {
        part.file.sync_all().map_err(io_at(&part.part))?;
        let bytes = fs::read(&part.part).map_err(io_at(&part.part))?;
        let examined =
            examine(&bytes, expect, Limit::Proportional).and_then(|facts| of_node(&part.slot, &bytes, facts));
        match examined {
            Ok(facts) => {
                if let Some(ending) = honest_ending(&bytes, facts.form) {
                    self.end_in(&mut part, ending)?;
                }
                Ok(self.keep_known(part, facts, exchange)?)
            }
            Err(why) => {
                let (head, bytes) = (part.head.clone(), part.bytes);
                Err(KeepError::NotWhole { why, head, bytes })
            }
        }
    }

    /// Gives a file that was to be a packed profile the ending of what came: content is kept as it is, names do not lie.
    fn end_in(&self, part: &mut Part, ending: &str) -> Result<(), WriteError> {
        let Some(stem) = part.path.strip_suffix("pb.gz") else {
            return Ok(());
        };
        let path = format!("{stem}{ending}");
        let renamed = self.root.join(format!("{path}{PART}"));
        if fs::symlink_metadata(&renamed).is_ok() {
            return Err(WriteError::Exists(renamed));
        }
        fs::rename(&part.part, &renamed).map_err(io_at(&renamed))?;
        part.last = self.root.join(&path);
        part.part = renamed;
        part.path = path;
        Ok(())
    }

    /// As [`Writer::keep`], for bytes that the caller has examined.
    ///
    /// # Errors
    /// When the system refuses; no file is left then.
    pub fn keep_known(&self, mut part: Part, facts: Facts, exchange: Exchange) -> Result<Artifact, WriteError> {
        let sha256 = part.seal()?;
        let artifact = Artifact {
            slot: part.slot.clone(),
            path: part.path.clone(),
            exchange,
            bytes: part.bytes,
            sha256,
            facts,
        };
        self.name(&mut part, Event::Artifact(artifact.clone()))?;
        Ok(artifact)
    }

    /// Flushes, records and names an executable that the caller has checked. Path, size and hash are filled in.
    ///
    /// # Errors
    /// When the system refuses; no file is left then.
    pub fn keep_binary(&self, mut part: Part, binary: Binary) -> Result<Binary, WriteError> {
        let sha256 = part.seal()?;
        let binary = Binary {
            path: part.path.clone(),
            bytes: part.bytes,
            sha256,
            ..binary
        };
        self.name(&mut part, Event::Binary(binary.clone()))?;
        Ok(binary)
    }

    /// The line, then the name.
    fn name(&self, part: &mut Part, event: Event) -> Result<(), WriteError> {
        let mut journal = self.lock();
        if fs::symlink_metadata(&part.last).is_ok() {
            return Err(WriteError::Exists(part.last.clone()));
        }
        if let Some(folder) = part.part.parent() {
            sync_folder(folder)?;
        }
        self.append_to(&mut journal, event)?;
        // From here on the journal vouches for the file: it stays, whatever happens.
        part.kept = true;
        fs::rename(&part.part, &part.last).map_err(io_at(&part.last))?;
        match part.last.parent() {
            Some(folder) => sync_folder(folder),
            None => Ok(()),
        }
    }

    /// Takes an artifact out again, because it may be of another process than its place says: the line, then the file. What a
    /// kill leaves between them, [`Writer::resume`] removes.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn withdraw(&self, slot: &Slot, who: Who, cause: Cause) -> Result<(), WriteError> {
        let mut journal = self.lock();
        let Some(artifact) = journal.record.artifact(slot).cloned() else {
            return Ok(());
        };
        let event = Event::Skipped(Missing {
            slot: artifact.slot,
            exchange: artifact.exchange,
            who,
            cause,
            withdrawn: true,
            ..Missing::default()
        });
        self.append_to(&mut journal, event)?;
        let path = self.root.join(&artifact.path);
        fs::remove_file(&path).map_err(io_at(&path))
    }

    /// Ends the capture and writes `manifest.json`.
    ///
    /// # Errors
    /// When the system refuses; the journal is enough to read the bundle.
    pub fn finish(&self, finished: Finished) -> Result<Record, WriteError> {
        let mut journal = self.lock();
        self.append_to(&mut journal, Event::Finished(finished))?;
        let path = self.root.join(JOURNAL);
        let record = Record::of_journal(&fs::read(&path).map_err(io_at(&path))?);
        write_summary(&self.root, &record)?;
        Ok(record)
    }

    /// Gives whole files their names, puts others aside, removes rests; the record keeps what is there and whole.
    fn mend(&self) -> Result<Mended, WriteError> {
        let mut mended = Mended::default();
        let (root, record) = (self.root.as_path(), self.record());
        let mut places: Vec<(Option<Slot>, String, String)> = record
            .artifacts()
            .map(|a| (Some(a.slot.clone()), a.path.clone(), a.sha256.clone()))
            .collect();
        places.extend(record.binaries.iter().map(|b| (None, b.path.clone(), b.sha256.clone())));
        for (slot, path, sha256) in places {
            let (last, part) = (root.join(&path), root.join(format!("{path}{PART}")));
            let mut whole = false;
            if is_file(&last) {
                let found = hash_of(&last)?;
                whole = found == sha256;
                if !whole {
                    mended.aside.push(self.put_aside(&path, found)?);
                }
            }
            if !whole && is_file(&part) && hash_of(&part)? == sha256 {
                fs::rename(&part, &last).map_err(io_at(&last))?;
                mended.named.push(path.clone());
                whole = true;
            }
            if !whole {
                mended.gone.push(path.clone());
                match slot {
                    // The journal says so, too: whoever verifies asks what became of it.
                    Some(slot) => self.append(Event::Failed(Missing {
                        slot,
                        who: Who::Disk,
                        cause: Cause::FileGone,
                        withdrawn: true,
                        ..Missing::default()
                    }))?,
                    None => self.lock().record.binaries.retain(|b| b.path != path),
                }
            }
        }
        for lack in record.lacks().filter(|l| l.missing.withdrawn) {
            let slot = &lack.missing.slot;
            let path = names::path_of(slot, &names::file_of(&slot.artifact));
            if names::is_safe_path(&path) && is_file(&root.join(&path)) {
                fs::remove_file(root.join(&path)).map_err(io_at(&root.join(&path)))?;
                mended.removed.push(path);
            }
        }
        remove_parts(root, root, 8, &mut mended.removed)?;
        Ok(mended)
    }

    /// Gives a file another name; the line comes first, so that no file is ever one that nobody knows.
    fn put_aside(&self, path: &str, sha256: String) -> Result<String, WriteError> {
        let from = self.root.join(path);
        let mut names = (1..).map(|n| format!("{path}.damaged-{n}"));
        let name = names
            .find(|n| fs::symlink_metadata(self.root.join(n)).is_err())
            .unwrap_or_default();
        let bytes = fs::symlink_metadata(&from).map_err(io_at(&from))?.len();
        let path = name.clone();
        self.append(Event::Aside(Aside { path, bytes, sha256 }))?;
        fs::rename(&from, self.root.join(&name)).map_err(io_at(&from))?;
        Ok(name)
    }

    fn lock(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The object of a node must be that of the node.
fn of_node(slot: &Slot, bytes: &[u8], facts: Facts) -> Result<Facts, NotWhole> {
    if slot.artifact != "node" {
        return Ok(facts);
    }
    match node_of(bytes) {
        Some(found) if found != names::bare_node(&slot.node) => Err(NotWhole::OtherNode {
            asked: slot.node.clone(),
            found,
        }),
        _ => Ok(facts),
    }
}

/// Writes `manifest.json` of a record.
pub(super) fn write_summary(root: &Path, record: &Record) -> Result<(), WriteError> {
    let last = root.join(SUMMARY);
    let path = root.join(format!("{SUMMARY}{PART}"));
    let write = || -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(record)?;
        text.push(b'\n');
        let part = atomic::Part::begin(path.clone(), &last)?;
        let mut file = part.file(true)?;
        file.write_all(&text)?;
        file.sync_all()?;
        part.finish()
    };
    write().map_err(io_at(&path))?;
    sync_folder(root)
}

/// Now, to the millisecond.
pub fn now() -> Timestamp {
    let to_ms = TimestampRound::new().smallest(Unit::Millisecond).mode(RoundMode::Trunc);
    let now = Timestamp::now();
    now.round(to_ms).unwrap_or(now)
}

/// File systems without locks are fine: the lock only keeps two captures apart.
fn lock(file: &File, root: &Path) -> Result<(), WriteError> {
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(WriteError::Busy(root.to_owned())),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
