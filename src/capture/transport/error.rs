//! Why there is no way to a server, with what to do about it.

use std::borrow::Cow;
use std::path::PathBuf;

use http::Uri;

use super::plugin::PluginError;
use crate::tls;

/// Why there is no way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// No kubeconfig, or one that cannot be used.
    #[error("no way to an API server: {cause}")]
    Kubeconfig {
        /// What the library says.
        cause: String,
    },
    /// A context, a cluster or a user that the kubeconfig does not hold.
    #[error("your kubeconfig has no {what} {name:?}")]
    NoSuchEntry {
        /// What was looked for.
        what: &'static str,
        /// The name.
        name: String,
        /// What there is.
        there: String,
    },
    /// A certificate or a key that cannot be used.
    #[error("{what}: {cause}")]
    Identity {
        /// The file, or what to call it.
        what: String,
        /// What is wrong with it.
        cause: String,
        /// What to do.
        remedy: Remedy,
    },
    /// A token that no HTTP header can hold.
    #[error("{from} holds a token with line breaks or control characters inside")]
    Token {
        /// Where it came from.
        from: String,
    },
    /// A credential plugin that made no credentials.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// A proxy that is none.
    #[error("the proxy cannot be used: {cause}")]
    Proxy {
        /// What the library says.
        cause: String,
    },
    /// An address that is none.
    #[error("{address:?} is not an address: {cause}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        cause: String,
        /// One that is right.
        example: &'static str,
    },
    /// A server in a kubeconfig that is none.
    #[error("`server` of the cluster {cluster:?} of your kubeconfig, {address:?}, is not an address: {cause}")]
    Server {
        /// Name of the cluster.
        cluster: String,
        /// What stands there.
        address: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A file that cannot be used.
    #[error("{}: {cause}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A certificate without its key.
    #[error("a client certificate needs its key")]
    NoKey,
    /// No cryptography on this processor.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// Credentials that cannot be made.
    #[error("cannot make credentials: {cause}")]
    Credentials {
        /// What the library says.
        cause: String,
    },
}

/// What to do about a certificate, a key or a token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remedy {
    /// A key has no certificate.
    AddCertificate,
    /// A certificate has no key.
    AddKey,
    /// It holds what the other one should.
    Swapped,
    /// It is no certificate.
    CertificateExpected,
    /// It is no key.
    KeyExpected,
    /// It is encrypted.
    Decrypt,
    /// The key is of a kind that is not supported.
    OtherKey,
    /// The key is of a kind that is not supported; which ones are.
    SupportedKeys,
    /// Certificate and key are of two pairs.
    OnePair,
    /// It is no base64.
    Base64,
    /// It cannot be read.
    Path,
    /// It is no PEM.
    Edited,
    /// It is the token of a file.
    TokenFile,
}

impl Remedy {
    /// Whether a token in place of the certificate helps as well.
    pub fn or_token(self) -> bool {
        matches!(self, Self::Decrypt | Self::OtherKey | Self::SupportedKeys)
    }

    /// In words.
    pub fn text(self) -> &'static str {
        match self {
            Self::AddCertificate => "give a certificate too, or `client-certificate` in the kubeconfig",
            Self::AddKey => "give the key; it may be the same file",
            Self::Swapped => "are certificate and key swapped?",
            Self::CertificateExpected => "a PEM file with -----BEGIN CERTIFICATE----- is expected",
            Self::KeyExpected => {
                "a PEM file with -----BEGIN PRIVATE KEY----- (also RSA or EC) is expected; are certificate and key swapped?"
            }
            Self::Decrypt => {
                "decrypt it to a file that only you can read: (umask 077; openssl pkey -in KEY -out PLAIN)"
            }
            Self::OtherKey => "take a certificate with a key of RSA, P-256, P-384 or Ed25519",
            Self::SupportedKeys => "RSA of 2048 bits and more, P-256, P-384 and Ed25519 are supported",
            Self::OnePair => {
                "take both of one pair; `openssl x509 -noout -pubkey -in CERT` and `openssl pkey -pubout -in KEY` print the same"
            }
            Self::Base64 => "was it cut or edited? base64 -w0 FILE prints what belongs there",
            Self::Path => "is the path right (in a kubeconfig it is relative to its folder), and may you read it?",
            Self::Edited => "was it cut or edited?",
            Self::TokenFile => "it is the `tokenFile` of your kubeconfig, or the token of the pod's service account",
        }
    }
}

impl AccessError {
    /// What to do about it.
    pub fn hint(&self) -> Cow<'static, str> {
        match self {
            Self::Kubeconfig { .. } => {
                "name a kubeconfig, in KUBECONFIG for instance; on a node, ask the kubelet itself".into()
            }
            Self::NoSuchEntry { what, there, .. } => format!("name another {what}, one of these: {there}").into(),
            Self::Identity { remedy, .. } if remedy.or_token() => format!("{}; or give a token", remedy.text()).into(),
            Self::Identity { remedy, .. } => remedy.text().into(),
            Self::Token { .. } => "a token is one line; was more copied than that?".into(),
            Self::Plugin(cause) => cause.hint().into(),
            Self::Proxy { .. } => {
                "http://, https:// and socks5:// are supported, in HTTPS_PROXY or `proxy-url` of the kubeconfig".into()
            }
            Self::Address { example, .. } => format!("for instance {example}").into(),
            Self::Server { .. } => "for instance https://api.example.org:6443".into(),
            Self::File { .. } => "a PEM file is expected".into(),
            Self::NoKey => Remedy::AddKey.text().into(),
            Self::Tls(cause) => cause.hint().into(),
            Self::Credentials { .. } => {
                "look at `user` of the context in use (kubectl config view --minify), or give a token".into()
            }
        }
    }
}

/// An address without user and password.
pub(super) fn shown(uri: &Uri) -> String {
    let host = uri.authority().map_or("", |a| a.as_str());
    let host = host.rsplit('@').next().unwrap_or_default();
    let path = uri.path().trim_end_matches('/');
    format!("{}://{host}{path}", uri.scheme_str().unwrap_or("https"))
}

/// An error and what caused it, each said once.
pub(super) fn chain(e: &(dyn std::error::Error + 'static)) -> String {
    let mut text = e.to_string();
    let mut source = e.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        source = cause.source();
    }
    text
}
