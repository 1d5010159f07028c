//! Valid and invalid certificates for a receiver.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

/// The kind of a receiver's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateKind {
    /// Valid for `localhost` and 127.0.0.1.
    Valid,
    /// Expired in 2001.
    Expired,
    /// Valid from the year 4000 on.
    NotYetValid,
    /// Valid for `other.test` only.
    OtherName,
    /// Issued by another authority than [`Receiver::authority_pem`](super::Receiver::authority_pem).
    UnknownIssuer,
    /// Self-signed and marked as one of an authority, as `openssl req -x509` makes them. It is
    /// [`Receiver::authority_pem`](super::Receiver::authority_pem) itself.
    SelfSignedAuthority,
    /// Self-signed, and not [`Receiver::authority_pem`](super::Receiver::authority_pem).
    SelfSignedStranger,
}

/// A server's TLS settings and its authority.
pub(super) struct TlsIdentity {
    config: Arc<ServerConfig>,
    pub(super) authority_pem: String,
}

impl TlsIdentity {
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }

    pub(super) fn new(kind: CertificateKind, protocol: &str) -> Self {
        Self::make(kind, protocol).expect("a certificate of our own making is accepted")
    }

    fn make(kind: CertificateKind, protocol: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let authority = authority("Authority of a test")?;
        let signing = match kind {
            CertificateKind::UnknownIssuer => &self::authority("Stranger to a test")?,
            _ => &authority,
        };
        let names: &[&str] = match kind {
            CertificateKind::OtherName => &["other.test"],
            _ => &["localhost", "127.0.0.1"],
        };
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        match kind {
            CertificateKind::Expired => params.not_after = date_time_ymd(2001, 1, 1),
            CertificateKind::NotYetValid => params.not_before = date_time_ymd(4000, 1, 1),
            _ => {}
        }
        let key = KeyPair::generate()?;
        let is_self_signed = matches!(
            kind,
            CertificateKind::SelfSignedAuthority | CertificateKind::SelfSignedStranger
        );
        let certificate = if is_self_signed {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.self_signed(&key)?
        } else {
            params.signed_by(&key, signing)?
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )?;
        config.alpn_protocols = vec![protocol.into()];
        Ok(Self {
            config: Arc::new(config),
            authority_pem: if kind == CertificateKind::SelfSignedAuthority {
                certificate.pem()
            } else {
                authority.pem()
            },
        })
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}
