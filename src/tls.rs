//! Which cryptography TLS rests on: graviola, whose assembler reaches the compiler inside of Rust, so that no build needs a
//! C compiler; or ring, with the feature of that name and on processors that graviola does not know.
//!
//! Whoever opens a connection asks here first: a processor that lacks what graviola needs is an error, not a panic.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// Why there is no TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The processor, or what a virtual machine shows of it, lacks instructions that graviola needs.
    #[error(
        "no TLS on this processor: it shows no {missing} (a virtual machine may hide instructions)\nhint: build kubeprof with `--features ring`, which needs a C compiler; or capture from another machine"
    )]
    Processor {
        /// Names of the instructions.
        missing: &'static str,
    },
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
        // Somebody else may have been faster: their choice is as good.
        let _ = engine::provider()?.install_default();
    }
    Ok(())
}

#[cfg(all(not(feature = "ring"), any(target_arch = "x86_64", target_arch = "aarch64")))]
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

#[cfg(any(feature = "ring", not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod engine {
    use super::{CryptoProvider, TlsError};

    pub(super) fn provider() -> Result<CryptoProvider, TlsError> {
        Ok(rustls::crypto::ring::default_provider())
    }
}
