//! Our own certificate and its key, looked at before they are used: the TLS library would only say that it does not take
//! them, and each fault has a remedy of its own.

use std::path::Path;

use base64::Engine as _;
use kube::config::AuthInfo;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{self, SectionKind};
use secrecy::ExposeSecret as _;

use super::error::{AccessError, Remedy};
use super::files;
use crate::tls;

/// The object identifier of the curve P-521, as it stands in keys.
const P521: [u8; 7] = [0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23];

/// A PEM text, and what to call it.
struct Piece {
    label: String,
    text: Vec<u8>,
}

/// Looks at certificate and key.
///
/// # Errors
/// What is wrong with one of them, or with both together.
pub(super) fn check(auth: &AuthInfo) -> Result<(), AccessError> {
    let key_data = auth.client_key_data.as_ref().map(|k| k.expose_secret());
    let certificate = piece(
        auth.client_certificate_data.as_deref(),
        auth.client_certificate.as_deref(),
        "client-certificate",
    )?;
    let key = piece(key_data, auth.client_key.as_deref(), "client-key")?;
    let (certificate, key) = match (certificate, key) {
        (None, None) => return Ok(()),
        (Some(certificate), Some(key)) => (certificate, key),
        (None, Some(key)) => {
            let cause = "there is a client key and no certificate for it".to_owned();
            return Err(fault(&key, cause, Remedy::AddCertificate));
        }
        (Some(_), None) => return Err(AccessError::NoKey),
    };
    let chain = sections(&certificate)?;
    let leaf = chain.iter().find(|(kind, _)| *kind == SectionKind::Certificate);
    let Some((_, leaf)) = leaf else {
        let (cause, remedy) = match chain.iter().any(|(kind, _)| is_key(*kind)) {
            true => ("it holds a key and no certificate", Remedy::Swapped),
            false => ("it holds no certificate", Remedy::CertificateExpected),
        };
        return Err(fault(&certificate, cause.to_owned(), remedy));
    };
    let encrypted = String::from_utf8_lossy(&key.text);
    if encrypted.contains("BEGIN ENCRYPTED PRIVATE KEY") || encrypted.contains("Proc-Type: 4,ENCRYPTED") {
        let cause = "the key is encrypted, and kubeprof does not ask for a passphrase".to_owned();
        return Err(fault(&key, cause, Remedy::Decrypt));
    }
    let found = sections(&key)?.into_iter().find(|(kind, _)| is_key(*kind));
    let Some((kind, der)) = found else {
        let cause = "it holds no private key".to_owned();
        return Err(fault(&key, cause, Remedy::KeyExpected));
    };
    let p521 = der.windows(P521.len()).any(|w| w == P521);
    let der = match kind {
        SectionKind::RsaPrivateKey => PrivateKeyDer::Pkcs1(der.into()),
        SectionKind::EcPrivateKey => PrivateKeyDer::Sec1(der.into()),
        _ => PrivateKeyDer::Pkcs8(der.into()),
    };
    let loaded = match tls::provider()?.key_provider.load_private_key(der) {
        Ok(loaded) => loaded,
        Err(_) if p521 => {
            let cause = "the key is of the curve P-521, which the TLS of kubeprof does not know".to_owned();
            return Err(fault(&key, cause, Remedy::OtherKey));
        }
        Err(e) => {
            let cause = format!("the key cannot be used: {e}");
            return Err(fault(&key, cause, Remedy::SupportedKeys));
        }
    };
    // A certificate holds its public key as it is, in whatever version of X.509 it is written.
    if let Some(public) = loaded.public_key()
        && !leaf.windows(public.len()).any(|w| w == public.as_ref())
    {
        let cause = format!("it is not the key of the certificate {}", certificate.label);
        return Err(fault(&key, cause, Remedy::OnePair));
    }
    Ok(())
}

fn is_key(kind: SectionKind) -> bool {
    matches!(
        kind,
        SectionKind::PrivateKey | SectionKind::RsaPrivateKey | SectionKind::EcPrivateKey
    )
}

fn fault(piece: &Piece, cause: String, remedy: Remedy) -> AccessError {
    AccessError::Identity {
        what: piece.label.clone(),
        cause,
        remedy,
    }
}

/// What a kubeconfig or a flag names: data beat a file, as for kubectl.
fn piece(data: Option<&str>, file: Option<&str>, what: &str) -> Result<Option<Piece>, AccessError> {
    let given = |text: &&str| !text.is_empty();
    if let Some(data) = data.filter(given) {
        let label = format!("{what}-data of your kubeconfig");
        return match base64::engine::general_purpose::STANDARD.decode(data) {
            Ok(text) => Ok(Some(Piece { label, text })),
            Err(e) => Err(AccessError::Identity {
                what: label,
                cause: format!("not base64: {e}"),
                remedy: Remedy::Base64,
            }),
        };
    }
    let Some(file) = file.filter(given) else {
        return Ok(None);
    };
    match files::read(Path::new(file)) {
        Ok(text) => Ok(Some(Piece {
            label: file.to_owned(),
            text,
        })),
        Err(e) => Err(AccessError::Identity {
            what: file.to_owned(),
            cause: format!("the {what} cannot be read: {e}"),
            remedy: Remedy::Path,
        }),
    }
}

fn sections(piece: &Piece) -> Result<Vec<(SectionKind, Vec<u8>)>, AccessError> {
    let mut reader = std::io::Cursor::new(&piece.text);
    let mut all = Vec::new();
    loop {
        match pem::from_buf(&mut reader) {
            Ok(Some(section)) => all.push(section),
            Ok(None) => return Ok(all),
            Err(e) => return Err(fault(piece, format!("not PEM: {e}"), Remedy::Edited)),
        }
    }
}
