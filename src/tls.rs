//! The TLS provider: ring, unless the feature `graviola` asks for the young one that needs no C compiler.
//!
//! Every connection asks here first, so a processor without the instructions that graviola needs is an error, not a panic.

use std::sync::Arc;

use rustls::Error;
use rustls::crypto::{CryptoProvider, KeyProvider};
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::{Signer, SigningKey};
use rustls::{SignatureAlgorithm, SignatureScheme};

/// Why there is no TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The processor, or what a virtual machine shows of it, lacks instructions that graviola needs.
    #[error("no TLS on this processor: it shows no {missing} (a virtual machine may hide instructions)")]
    Processor {
        /// Names of the instructions.
        missing: &'static str,
    },
}

impl TlsError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "build without the feature graviola, or use another machine"
    }
}

/// The provider for a client that takes one.
///
/// # Errors
/// When this processor cannot run it.
pub fn provider() -> Result<Arc<CryptoProvider>, TlsError> {
    engine::provider().map(Arc::new)
}

/// Makes it the provider of everything in this process that asks rustls for its default (kube does). An earlier choice of
/// the program that this library is part of stays.
///
/// # Errors
/// When this processor cannot run it.
pub fn install() -> Result<(), TlsError> {
    if CryptoProvider::get_default().is_none() {
        let provider = CryptoProvider {
            key_provider: &Unparsed,
            ..engine::provider()?
        };
        // Somebody else may have been faster: their choice is as good.
        let _ = provider.install_default();
    }
    Ok(())
}

/// Loads keys that do not say their public half. rustls would hold that against our own certificate and parse it for the
/// purpose, which it can for X.509 version 3 only; `openssl x509 -req` writes version 1, and Go's servers take it. Whether
/// certificate and key belong together, `capture` finds out before.
#[derive(Debug)]
struct Unparsed;

impl KeyProvider for Unparsed {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let provider = engine::provider().map_err(|e| Error::General(e.to_string()))?;
        let key = provider.key_provider.load_private_key(key)?;
        Ok(Arc::new(UnparsedKey(key)))
    }
}

#[derive(Debug)]
struct UnparsedKey(Arc<dyn SigningKey>);

impl SigningKey for UnparsedKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

#[cfg(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod engine {
    use super::{CryptoProvider, TlsError};

    #[cfg(target_arch = "x86_64")]
    const NEEDED: &str = "AVX2, ADX, AES, BMI1 and PCLMULQDQ together";
    #[cfg(target_arch = "aarch64")]
    const NEEDED: &str = "NEON, AES, PMULL and SHA2 together";

    pub(super) fn provider() -> Result<CryptoProvider, TlsError> {
        match graviola::util::is_cpu_supported() {
            true => Ok(rustls_graviola::default_provider()),
            false => Err(TlsError::Processor { missing: NEEDED }),
        }
    }
}

#[cfg(not(all(feature = "graviola", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod engine {
    use super::{CryptoProvider, TlsError};

    pub(super) fn provider() -> Result<CryptoProvider, TlsError> {
        Ok(rustls::crypto::ring::default_provider())
    }
}
