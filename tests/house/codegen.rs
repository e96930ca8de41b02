//! `proto/profile.proto` is the source of `src/pprof/proto.rs`; this fails when they disagree.
//!
//! Renew with `KUBEPROF_BLESS=1 cargo test --test integration codegen`.

use std::fs;
use std::path::Path;

use protox::prost::Message;

fn generated() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let descriptors = protox::compile([root.join("proto/profile.proto")], [root.join("proto")]).expect("compiles");
    let descriptors = prost_types_of(&descriptors);
    let out = tempfile::tempdir().expect("temporary folder");
    prost_build::Config::new()
        .out_dir(out.path())
        .compile_fds(descriptors)
        .expect("generates");
    let text = fs::read_to_string(out.path().join("perftools.profiles.rs")).expect("generated file");
    format!("//! Generated from `proto/profile.proto` by `tests/codegen.rs`; do not edit.\n\n{text}")
}

/// protox and prost-build may disagree on the version of prost-types; the bytes are the same.
fn prost_types_of(set: &impl Message) -> prost_types::FileDescriptorSet {
    prost_types::FileDescriptorSet::decode(set.encode_to_vec().as_slice()).expect("descriptor set")
}

#[test]
fn generated_records_match_the_proto() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pprof/proto.rs");
    let want = generated();
    if std::env::var_os("KUBEPROF_BLESS").is_some() {
        fs::write(&path, &want).expect("writable");
    }
    let have = fs::read_to_string(&path).expect("src/pprof/proto.rs");
    assert!(
        have == want,
        "src/pprof/proto.rs is not what proto/profile.proto generates; renew it with KUBEPROF_BLESS=1 cargo test --test integration codegen"
    );
}
