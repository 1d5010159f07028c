//! What can go wrong on the way, in plain words.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustls::{AlertDescription, CertificateError};

use crate::domain::fault::{NO_WAY, REFUSED};
use crate::domain::{FailureKind, TlsFailure};

/// Why there is no whole answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) failure: FailureKind,
    pub(super) reason: String,
}

impl Trouble {
    pub(super) fn new(failure: FailureKind, reason: impl Into<String>) -> Self {
        Self {
            failure,
            reason: reason.into(),
        }
    }

    /// No TCP connection.
    pub(super) fn connecting(to: SocketAddr, error: &io::Error) -> Self {
        let reason = match error.kind() {
            ErrorKind::ConnectionRefused => format!("{REFUSED}{to}"),
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
                format!("connection broken off by {to}")
            }
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => format!("{NO_WAY}{to}"),
            ErrorKind::TimedOut => format!("no connection to {to} in time"),
            _ => format!("no connection to {to}: {error}"),
        };
        Self::new(FailureKind::Connect, reason)
    }

    /// No TLS over the connection.
    pub(super) fn handshake(error: &io::Error) -> Self {
        let reason = match find::<rustls::Error>(error) {
            Some(error) => tls_words(error),
            None if error.kind() == ErrorKind::UnexpectedEof => {
                "the connection was closed during the TLS handshake".to_owned()
            }
            None => format!("the connection broke off during the TLS handshake: {error}"),
        };
        Self::new(FailureKind::Tls, reason)
    }

    /// No answer to a request that was sent. `begun`: some byte of one had come.
    pub(super) fn waiting(error: &hyper::Error, begun: bool) -> Self {
        if let Some(error) = find::<rustls::Error>(error) {
            return Self::new(FailureKind::Tls, tls_words(error));
        }
        let reset =
            find::<io::Error>(error).is_some_and(|e| e.kind() == ErrorKind::ConnectionReset);
        let reason = if error.is_parse_too_large() {
            "the headers of the answer are too large"
        } else if error.is_parse() {
            "the answer is not HTTP"
        } else if begun {
            "the answer broke off in its headers"
        } else if reset {
            "the connection was reset before an answer came"
        } else {
            "the connection was closed without an answer"
        };
        Self::new(FailureKind::Broken, reason)
    }
}

/// The first cause of type `E`, `error` itself included.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error names as its source what its inner error names, and skips that one.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn tls_words(error: &rustls::Error) -> String {
    let fault = match error {
        rustls::Error::InvalidCertificate(why) => certificate_fault(why),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => TlsFailure::Version,
        rustls::Error::AlertReceived(alert) => {
            return format!("the receiver refused the TLS handshake: {alert:?}");
        }
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        rustls::Error::PeerIncompatible(_) => TlsFailure::Cipher,
        rustls::Error::NoCertificatesPresented => TlsFailure::Missing,
        other => return format!("no TLS: {other}"),
    };
    fault.to_string()
}

fn certificate_fault(error: &CertificateError) -> TlsFailure {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFailure::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFailure::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::OtherName
        }
        CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer,
        CertificateError::Revoked => TlsFailure::Revoked,
        _ => TlsFailure::Invalid,
    }
}
