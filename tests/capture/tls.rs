//! TLS with servers of every usual kind of key, in both versions; and what is said where it cannot be agreed on.

use super::run::{Ran, kubeprof, sound};
use super::server::{Server, root};

fn capture(server: &Server, name: &str, more: &[&str]) -> Ran {
    let (address, out) = (server.address.to_string(), server.path(name).display().to_string());
    let mut args = vec!["capture", "--direct", &address, "--token", "t", "--profiles", "heap"];
    args.extend(["--out", &out]);
    args.extend(more);
    kubeprof(&args)
}

#[test]
fn every_kind_of_key_in_both_versions() {
    let rsa = std::fs::read_to_string(root().join("fixtures/certificates/rsa.pem")).expect("a key");
    let keys = [
        ("RSA", rcgen::KeyPair::from_pem(&rsa).expect("a key")),
        ("P-256", of(&rcgen::PKCS_ECDSA_P256_SHA256)),
        ("P-384", of(&rcgen::PKCS_ECDSA_P384_SHA384)),
        ("Ed25519", of(&rcgen::PKCS_ED25519)),
    ];
    for (name, key) in &keys {
        for version in rustls::ALL_VERSIONS {
            let server = Server::of_key(key, version);
            let ca = server.ca().display().to_string();
            let ran = capture(&server, "a", &["--certificate-authority", &ca]);
            assert_eq!(ran.code, Some(0), "{name}, {:?}: {ran:#?}", version.version);
            sound(&server.path("a"));
        }
    }
}

fn of(algorithm: &'static rcgen::SignatureAlgorithm) -> rcgen::KeyPair {
    rcgen::KeyPair::generate_for(algorithm).expect("a key")
}

/// The words of the library about a certificate hold what another fault is told by: the type decides.
#[test]
fn faults_are_told_by_type() {
    let server = Server::named(&["expired.alert.notvalidforname.example"], |_| None);
    let ca = server.ca().display().to_string();
    let ran = capture(&server, "a", &[]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(ran.stderr.contains("is not trusted"), "{ran:#?}");
    let ran = capture(&server, "b", &["--certificate-authority", &ca]);
    assert_eq!(ran.code, Some(2), "{ran:#?}");
    assert!(
        ran.stderr.contains("is for another name") && ran.stderr.contains("--tls-server-name"),
        "{ran:#?}"
    );
    let name = ["--tls-server-name", "expired.alert.notvalidforname.example"];
    let ran = capture(&server, "c", &[&["--certificate-authority", &ca][..], &name].concat());
    assert_eq!(ran.code, Some(0), "{ran:#?}");
}
