//! Errors of the network libraries as [`SendFailure`].

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustls::{AlertDescription, CertificateError};

use super::server_verifier::SelfSignedError;
use crate::domain::{SendFailure, TlsFailure};

/// The failure to open a TCP connection to `address`.
pub(super) fn connect_failure(address: SocketAddr, error: &io::Error) -> SendFailure {
    // Without an IPv6 address of its own a machine reports the same error as without a free port.
    let has_no_route = address.is_ipv6() && error.kind() == ErrorKind::AddrNotAvailable;
    if has_no_route {
        return SendFailure::Unreachable { address };
    }
    if let Some(shortage) = shortage_failure(error) {
        return shortage;
    }
    match error.kind() {
        ErrorKind::ConnectionRefused => SendFailure::ConnectionRefused { address },
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => {
            SendFailure::ConnectionAborted { address }
        }
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            SendFailure::Unreachable { address }
        }
        ErrorKind::TimedOut => SendFailure::ConnectionTimedOut { address },
        _ => SendFailure::ConnectionFailed {
            address,
            error: error.to_string(),
        },
    }
}

/// What this machine lacks, if that is the cause of the error: file descriptors, memory or local ports.
pub(super) fn shortage_failure(error: &io::Error) -> Option<SendFailure> {
    const SHORTAGE_ERRNOS: [i32; 5] = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOBUFS,
        libc::EADDRNOTAVAIL,
    ];
    let is_shortage = error
        .raw_os_error()
        .is_some_and(|code| SHORTAGE_ERRNOS.contains(&code));
    is_shortage.then(|| SendFailure::Shortage {
        what: error.to_string(),
    })
}

/// The failure of a TLS handshake.
pub fn handshake_failure(error: &io::Error) -> SendFailure {
    match find::<rustls::Error>(error) {
        Some(error) => tls_failure(error),
        None if error.kind() == ErrorKind::UnexpectedEof => SendFailure::TlsClosed,
        None => SendFailure::TlsAborted {
            error: error.to_string(),
        },
    }
}

/// Why an exchange over one connection failed.
pub(super) enum ExchangeError {
    /// The connection was closed before any byte of a response arrived. If it was a kept one, it may have been closed
    /// before the request.
    Closed(SendFailure),
    /// The receiver refused to process the request over this connection.
    NotProcessed(SendFailure),
    Failed(SendFailure),
}

/// The failure if no response head arrives any more. `has_begun`: some byte of it has arrived.
pub(super) fn no_response_failure(error: Option<&io::Error>, has_begun: bool) -> SendFailure {
    if let Some(error) = error.and_then(|error| find::<rustls::Error>(error)) {
        tls_failure(error)
    } else if has_begun {
        SendFailure::HeadersTruncated
    } else if error.is_some_and(|error| error.kind() == ErrorKind::ConnectionReset) {
        SendFailure::ConnectionReset
    } else {
        SendFailure::ConnectionClosed
    }
}

/// The failure to get the head of a response over HTTP/2.
pub(super) fn http2_failure(error: &hyper::Error) -> SendFailure {
    let Some(cause) = find::<h2::Error>(error) else {
        return no_response_failure(find(error), false);
    };
    if let Some(error) = cause.get_io() {
        return no_response_failure(Some(error), false);
    }
    match cause.reason() {
        Some(h2::Reason::PROTOCOL_ERROR) if !cause.is_remote() => SendFailure::NotHttp,
        _ => SendFailure::ConnectionClosed,
    }
}

/// The first cause of type `E`, `error` itself included.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // The source of an I/O error is the source of its inner error: the inner error itself must be asked for.
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

fn tls_failure(error: &rustls::Error) -> SendFailure {
    let failure = match error {
        rustls::Error::InvalidCertificate(why) => certificate_failure(why),
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) => TlsFailure::Version,
        rustls::Error::AlertReceived(alert) => {
            return SendFailure::TlsAlert {
                alert: format!("{alert:?}"),
            };
        }
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        rustls::Error::PeerIncompatible(_) => TlsFailure::Cipher,
        rustls::Error::NoCertificatesPresented => TlsFailure::Missing,
        other => {
            return SendFailure::TlsOther {
                error: other.to_string(),
            };
        }
    };
    SendFailure::Tls { failure }
}

fn certificate_failure(error: &CertificateError) -> TlsFailure {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFailure::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFailure::NotYetValid
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            TlsFailure::OtherName
        }
        CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer,
        CertificateError::Other(error) if error.0.is::<SelfSignedError>() => TlsFailure::SelfSigned,
        CertificateError::Revoked => TlsFailure::Revoked,
        _ => TlsFailure::Invalid,
    }
}
