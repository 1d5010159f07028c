//! Which certificate authorities are trusted.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use super::SenderError;
use super::server_verifier::ServerVerifier;
use crate::store::ErrorCause;

/// HTTP/2 and HTTP/1.1.
pub(super) const ALL_PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];
/// HTTP/1.1 alone.
pub(super) const HTTP1_ONLY: &[&[u8]] = &[b"http/1.1"];

/// Verifies against the system's authorities and those in the PEM file `extra_ca`; offers `protocols`.
///
/// # Errors
///
/// [`SenderError`] where the file cannot be read or holds no certificate.
pub(super) fn connector(
    extra_ca: Option<&Path>,
    protocols: &[&[u8]],
) -> Result<TlsConnector, SenderError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(native.certs);
    if roots.is_empty() {
        tracing::warn!(
            "no certificate authorities on this system: https receivers cannot be verified"
        );
    }
    let extra = match extra_ca {
        Some(path) => add_file(&mut roots, path)?,
        None => Vec::new(),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(SenderError::Tls)?;
    let config = if roots.is_empty() {
        config.with_root_certificates(roots)
    } else {
        let verifier = ServerVerifier::new(roots, extra, provider)?;
        config
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
    };
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add_file(
    roots: &mut RootCertStore,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, SenderError> {
    let wrong = |reason: ErrorCause| SenderError::ExtraCa {
        path: path.to_owned(),
        reason,
    };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(error.into()))?;
    if certificates.is_empty() {
        return Err(wrong("it holds no certificate".into()));
    }
    for certificate in &certificates {
        roots
            .add(certificate.clone())
            .map_err(|error| wrong(error.into()))?;
    }
    Ok(certificates)
}
