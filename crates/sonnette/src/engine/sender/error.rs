//! Errors of the network libraries as [`SendFailure`].

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use rustls::{AlertDescription, CertificateError};

use crate::domain::{SendFailure, TlsFailure};

/// The failure to open a TCP connection to `address`.
pub(super) fn connect_failure(address: SocketAddr, error: &io::Error) -> SendFailure {
    // Without an IPv6 address of its own a machine reports the same error as without a free port.
    let has_no_route = address.is_ipv6() && error.kind() == ErrorKind::AddrNotAvailable;
    if has_no_route {
        return SendFailure::Unreachable { address };
    }
    if let Some(shortage) = shortage(error) {
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
pub(super) fn shortage(error: &io::Error) -> Option<SendFailure> {
    const CODES: [i32; 5] = [
        libc::EMFILE,
        libc::ENFILE,
        libc::ENOMEM,
        libc::ENOBUFS,
        libc::EADDRNOTAVAIL,
    ];
    let is_shortage = error
        .raw_os_error()
        .is_some_and(|code| CODES.contains(&code));
    is_shortage.then(|| SendFailure::Shortage {
        what: error.to_string(),
    })
}

/// The failure of a TLS handshake.
pub(super) fn handshake_failure(error: &io::Error) -> SendFailure {
    match find::<rustls::Error>(error) {
        Some(error) => tls_failure(error),
        None if error.kind() == ErrorKind::UnexpectedEof => SendFailure::TlsClosed,
        None => SendFailure::TlsAborted {
            error: error.to_string(),
        },
    }
}

/// The failure to get the head of a response. `response_begun`: some byte of the response had arrived.
pub(super) fn response_failure(error: &hyper::Error, response_begun: bool) -> SendFailure {
    if let Some(error) = find::<rustls::Error>(error) {
        return tls_failure(error);
    }
    let reset = find::<io::Error>(error).is_some_and(|e| e.kind() == ErrorKind::ConnectionReset);
    if error.is_parse_too_large() {
        SendFailure::HeadersTooLarge
    } else if error.is_parse() {
        SendFailure::NotHttp
    } else if response_begun {
        SendFailure::HeadersTruncated
    } else if reset {
        SendFailure::ConnectionReset
    } else {
        SendFailure::ConnectionClosed
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
        CertificateError::Revoked => TlsFailure::Revoked,
        _ => TlsFailure::Invalid,
    }
}
