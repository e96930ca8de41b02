//! `proto/profile.proto` -> `src/pprof/proto.rs`. With `--check`, only says whether they agree.
//!
//! The file says of which bytes it was made and what its own are: `tests/house/codegen.rs` compares both in every
//! `cargo test`, without a compiler of .proto files.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use prost::Message as _;
use sha2::{Digest as _, Sha256};

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let proto = root.join("proto/profile.proto");
    let descriptors = protox::compile([&proto], [root.join("proto")])?;
    // protox and prost-build may disagree on the version of prost-types; the bytes are the same.
    let descriptors = prost_types::FileDescriptorSet::decode(descriptors.encode_to_vec().as_slice())?;
    let out = std::env::temp_dir().join(format!("kubeprof-generate-{}", std::process::id()));
    fs::create_dir(&out)?;
    prost_build::Config::new().out_dir(&out).compile_fds(descriptors)?;
    let code = fs::read_to_string(out.join("perftools.profiles.rs"))?;
    fs::remove_dir_all(&out)?;
    let text = format!(
        "//! Generated from `proto/profile.proto` by `proto/generate`; do not edit.\n//!\n//! SHA-256 of the source: {}\n\
         //! SHA-256 of what follows: {}\n\n{code}",
        hex(&fs::read(&proto)?),
        hex(code.as_bytes()),
    );
    let target = root.join("src/pprof/proto.rs");
    if std::env::args().any(|a| a == "--check") {
        let same = fs::read_to_string(&target)? == text;
        println!(
            "src/pprof/proto.rs is {}",
            if same {
                "up to date"
            } else {
                "not what proto/profile.proto generates"
            }
        );
        return Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    fs::write(&target, text)?;
    Ok(ExitCode::SUCCESS)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
