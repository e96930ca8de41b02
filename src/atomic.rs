//! A file or folder that appears whole or not at all: made under another name beside its place, then renamed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file or folder on its way to its place. Dropped before that, it is gone.
#[derive(Debug)]
pub(crate) struct Part {
    path: PathBuf,
    place: PathBuf,
    done: bool,
}

impl Part {
    /// Begins beside the place, under a hidden name that no other process uses.
    pub(crate) fn beside(place: &Path) -> io::Result<Self> {
        let Some(name) = place.file_name() else {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file name"));
        };
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        Self::begin(place.with_file_name(hidden), place)
    }

    /// Begins at `path`. What a kill left there is removed, and so is a link, which is never followed.
    pub(crate) fn begin(path: PathBuf, place: &Path) -> io::Result<Self> {
        remove(&path)?;
        Ok(Self {
            path,
            place: place.to_owned(),
            done: false,
        })
    }

    /// Where it is until then.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates it as a file, for its owner only where it is `private`.
    pub(crate) fn file(&self, private: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if private {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        options.open(&self.path)
    }

    /// Puts it in its place; a file that is there is replaced.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        fs::rename(&self.path, &self.place)?;
        self.done = true;
        Ok(())
    }

    /// Puts a folder in its place; one that is there goes first to the side, then away.
    pub(crate) fn replace(mut self) -> io::Result<()> {
        if fs::rename(&self.path, &self.place).is_err() {
            let old = self.path.with_extension("old");
            remove(&old)?;
            fs::rename(&self.place, &old)?;
            fs::rename(&self.path, &self.place)?;
            let _ = remove(&old);
        }
        self.done = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.done {
            let _ = remove(&self.path);
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(e) => Err(e),
    };
    match removed {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests {
    use super::Part;
    use std::fs;
    use std::io::Write as _;

    #[test]
    fn a_file_is_whole_or_absent_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("report");
        let names = || fs::read_dir(folder.path()).unwrap().count();
        let part = Part::beside(&place).unwrap();
        part.file(true).unwrap().write_all(b"half").unwrap();
        assert_eq!((names(), place.exists()), (1, false));
        drop(part);
        assert_eq!(names(), 0);
        for text in ["one", "two"] {
            let part = Part::beside(&place).unwrap();
            part.file(false).unwrap().write_all(text.as_bytes()).unwrap();
            part.finish().unwrap();
            assert_eq!((names(), fs::read_to_string(&place).unwrap().as_str()), (1, text));
        }
    }

    #[test]
    fn a_folder_replaces_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("id");
        for file in ["old", "new"] {
            let part = Part::begin(folder.path().join(".new-id"), &place).unwrap();
            fs::create_dir(part.path()).unwrap();
            fs::write(part.path().join(file), "").unwrap();
            part.replace().unwrap();
        }
        assert!(place.join("new").exists() && !place.join("old").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_at_the_name_of_the_part_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (victim, place) = (folder.path().join("victim"), folder.path().join("place"));
        fs::write(&victim, "mine").unwrap();
        let path = folder.path().join("place.part");
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        let part = Part::begin(path, &place).unwrap();
        part.file(true).unwrap().write_all(b"theirs").unwrap();
        part.finish().unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        assert_eq!(fs::read_to_string(&place).unwrap(), "theirs");
    }
}
