//! Verifies the certificates of receivers.
//!
//! As rustls does it, with two additions: a certificate that the operator named is trusted as the receiver's own even if it
//! is marked as one of an authority, as `openssl req -x509` makes them; and an untrusted one that is self-signed is called so.

use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore};
use webpki::EndEntityCert;

use super::SenderError;

/// The certificate is self-signed and not trusted.
#[derive(Debug, thiserror::Error)]
#[error("self-signed")]
pub(super) struct SelfSignedError;

#[derive(Debug)]
pub(super) struct ServerVerifier {
    webpki: Arc<WebPkiServerVerifier>,
    /// The certificates that the operator named.
    extra: Vec<CertificateDer<'static>>,
}

impl ServerVerifier {
    pub(super) fn new(
        roots: RootCertStore,
        extra: Vec<CertificateDer<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, SenderError> {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let webpki = builder
            .build()
            .map_err(|error| SenderError::Tls(Error::General(error.to_string())))?;
        Ok(Self { webpki, extra })
    }

    /// What follows from an error of webpki about this certificate.
    fn classify_error(
        &self,
        error: Error,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, Error> {
        match &error {
            // webpki has checked the dates before.
            Error::InvalidCertificate(why) if is_marked_as_authority(why) => {
                if self.extra.contains(certificate) {
                    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                    return Ok(ServerCertVerified::assertion());
                }
            }
            Error::InvalidCertificate(CertificateError::UnknownIssuer) => {}
            _ => return Err(error),
        }
        let is_self_signed =
            EndEntityCert::try_from(certificate).is_ok_and(|cert| cert.issuer() == cert.subject());
        if is_self_signed {
            let error = CertificateError::Other(OtherError(Arc::new(SelfSignedError)));
            return Err(Error::InvalidCertificate(error));
        }
        Err(error)
    }
}

fn is_marked_as_authority(error: &CertificateError) -> bool {
    let CertificateError::Other(OtherError(error)) = error else {
        return false;
    };
    matches!(error.downcast_ref(), Some(webpki::Error::CaUsedAsEndEntity))
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.webpki
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .or_else(|error| self.classify_error(error, end_entity, server_name))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}
