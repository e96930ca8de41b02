//! `proto/profile.proto` is the source of `src/pprof/proto.rs`; this fails when either was changed without the other.
//!
//! The generator is a crate of its own, because a compiler of .proto files takes half a minute to build:
//! `cargo run --manifest-path proto/generate/Cargo.toml` writes the file anew, `tests/full.sh generate` runs it and
//! compares every byte.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn generated_records_match_the_proto() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| fs::read_to_string(root.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let (proto, generated) = (read("proto/profile.proto"), read("src/pprof/proto.rs"));
    let (head, code) = generated.split_once("\n\n").expect("a head");
    let said = |what: &str| {
        let line = head
            .lines()
            .find_map(|l| l.strip_prefix(&format!("//! SHA-256 of {what}: ")));
        line.unwrap_or_else(|| panic!("no SHA-256 of {what} in src/pprof/proto.rs"))
            .to_owned()
    };
    let renew = "renew src/pprof/proto.rs with `cargo run --manifest-path proto/generate/Cargo.toml`";
    assert_eq!(
        said("the source"),
        hex(proto.as_bytes()),
        "proto/profile.proto was changed: {renew}"
    );
    assert_eq!(
        said("what follows"),
        hex(code.as_bytes()),
        "src/pprof/proto.rs was edited: {renew}"
    );
}
