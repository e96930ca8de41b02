//! Tars written byte by byte, as nobody honest would write them.

use kubeprof::bundle::{Contents, Packing, pack};
use kubeprof::pprof::Limit;

use super::made_bundle;

/// A member of a tar whose header is written byte by byte.
pub(super) struct Member {
    header: tar::Header,
    body: Vec<u8>,
}

pub(super) fn member(name: &[u8], kind: u8, body: impl Into<Vec<u8>>) -> Member {
    let (mut header, body) = (tar::Header::new_gnu(), body.into());
    header.as_mut_bytes()[..name.len().min(100)].copy_from_slice(&name[..name.len().min(100)]);
    header.as_mut_bytes()[156] = kind;
    header.set_mode(0o6777);
    header.set_size(body.len() as u64);
    Member { header, body }
}

pub(super) fn file(name: &str) -> Vec<u8> {
    member(name.as_bytes(), b'0', "x").bytes()
}

impl Member {
    /// Writes into the header.
    pub(super) fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.header.as_mut_bytes()[at..at + bytes.len()].copy_from_slice(bytes);
        self
    }

    /// The size as the header has it.
    pub(super) fn of_size(self, field: &[u8]) -> Vec<u8> {
        self.with(124, field).bytes()
    }

    pub(super) fn bytes(mut self) -> Vec<u8> {
        self.header.set_cksum();
        let mut bytes = self.header.as_bytes().to_vec();
        bytes.extend(&self.body);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }
}

/// A pax header with these records.
pub(super) fn pax(kind: u8, records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        body.extend(format!("{length} {key}=").bytes());
        body.extend(*value);
        body.push(b'\n');
    }
    member(b"pax", kind, body).bytes()
}

/// A member whose name stands in a pax header.
pub(super) fn named_by_pax(path: &[u8]) -> Vec<u8> {
    [pax(b'x', &[("path", path)]), file("short")].concat()
}

/// A member whose name stands in a member of GNU's before it.
pub(super) fn named_by_gnu(path: &[u8]) -> Vec<u8> {
    let body = [path, b"\0"].concat();
    [member(b"././@LongLink", b'L', body).bytes(), file("short")].concat()
}

/// A tar of a small bundle, without the zeros at its end.
pub(super) fn sound() -> Vec<u8> {
    let dir = tempfile::tempdir().expect("a folder");
    made_bundle::with_contention(&dir.path().join("b"));
    let contents = Contents::folder(&dir.path().join("b"), Limit::Proportional).expect("a folder");
    let mut bytes = Vec::new();
    let record = contents.record().expect("a bundle");
    pack(&contents, &record, Packing::Tar, &mut bytes).expect("memory");
    bytes.truncate(bytes.len() - 1024);
    bytes
}

pub(super) fn end() -> Vec<u8> {
    vec![0; 1024]
}

/// The folder in which a bundle is packed.
pub(super) fn top(tar: &[u8]) -> String {
    let name: Vec<u8> = tar[..100].iter().copied().take_while(|b| *b != b'/').collect();
    String::from_utf8(name).expect("a name") + "/"
}
