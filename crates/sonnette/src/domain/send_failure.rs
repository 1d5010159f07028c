//! Why a request got no complete response.
//!
//! The sender makes the value, the log keeps it, and the dashboard words it in the viewer's language. Its `Display` is the
//! text of the log and of the API.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::UnsupportedTarget;
use super::string_enum::string_enum;

/// Why a request got no complete response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum SendFailure {
    /// No request can be sent to the URL.
    #[error("{reason}")]
    UnsupportedTarget {
        /// What rules it out.
        reason: UnsupportedTarget,
    },
    /// The URL has no host that a request can name.
    #[error("this URL has no host that can be called")]
    NoHost,
    /// The settings allow `https` only.
    #[error("only https targets are called from here")]
    HttpsRequired,
    /// The `webhook-id` has characters that a header cannot hold.
    #[error("the webhook-id cannot stand in a header")]
    InvalidHeader,
    /// The host has no address, or the lookup failed.
    #[error("the name {host} has no address")]
    NoAddress {
        /// As in the URL.
        host: String,
    },
    /// The address is not publicly reachable and not allowed by the settings.
    #[error(
        "the address {address}{} is not publicly reachable; only the server setting allow_target makes an exception",
        of_host(.host.as_deref())
    )]
    ForbiddenAddress {
        /// The first refused address.
        address: IpAddr,
        /// Whose address it is; `None` if the URL names the address itself.
        host: Option<String>,
    },
    /// A machine refused the connection.
    #[error("connection refused by {address}")]
    ConnectionRefused {
        /// The last address that was tried.
        address: SocketAddr,
    },
    /// The connection ended while it was opened.
    #[error("connection broken off by {address}")]
    ConnectionAborted {
        /// The last address that was tried.
        address: SocketAddr,
    },
    /// There is no route to the address.
    #[error("no way to {address}")]
    Unreachable {
        /// The last address that was tried.
        address: SocketAddr,
    },
    /// The operating system gave up connecting.
    #[error("no connection to {address} in time")]
    ConnectionTimedOut {
        /// The last address that was tried.
        address: SocketAddr,
    },
    /// Any other error of the operating system while connecting.
    #[error("no connection to {address}: {error}")]
    ConnectionFailed {
        /// The last address that was tried.
        address: SocketAddr,
        /// The operating system's words.
        error: String,
    },
    /// The receiver cannot be trusted, or does not speak our TLS.
    #[error("{}", .failure.text())]
    Tls {
        /// What is wrong.
        failure: TlsFailure,
    },
    /// The receiver sent a TLS alert.
    #[error("the receiver refused the TLS handshake: {alert}")]
    TlsAlert {
        /// The alert's name in the TLS standard.
        alert: String,
    },
    /// Any other error of TLS.
    #[error("no TLS: {error}")]
    TlsOther {
        /// The TLS library's words.
        error: String,
    },
    /// The connection was closed during the handshake.
    #[error("the connection was closed during the TLS handshake")]
    TlsClosed,
    /// The connection failed during the handshake.
    #[error("the connection broke off during the TLS handshake: {error}")]
    TlsAborted {
        /// The operating system's words.
        error: String,
    },
    /// The receiver answered 101.
    #[error("the receiver wants another protocol (status 101)")]
    ProtocolSwitch,
    /// The status is not between 200 and 999.
    #[error("the answer has a status that HTTP does not know ({status})")]
    UnknownStatus {
        /// As received.
        status: u16,
    },
    /// The body ended before its end.
    #[error("the answer broke off after {bytes} bytes (status {status})")]
    BodyTruncated {
        /// How much of the body arrived.
        bytes: usize,
        /// As received.
        status: u16,
    },
    /// The headers exceed the limit.
    #[error("the headers of the answer are too large")]
    HeadersTooLarge,
    /// What came is not HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The connection ended within the headers.
    #[error("the answer broke off in its headers")]
    HeadersTruncated,
    /// The connection was reset before the response began.
    #[error("the connection was reset before an answer came")]
    ConnectionReset,
    /// The connection was closed before the response began.
    #[error("the connection was closed without an answer")]
    ConnectionClosed,
    /// A kept connection was closed without a byte of an answer, or the receiver refused to process the request over this
    /// connection. The request is sent again at once over a new one. Neither a try nor a failure.
    #[error(
        "the receiver closed the connection before it took the request; it is sent again at once"
    )]
    NotProcessed,
    /// The time limit of the attempt passed.
    #[error("{}", .stage.text(.limit.as_secs_f64()))]
    Timeout {
        /// What the attempt was waiting for.
        stage: TimeoutStage,
        /// The time limit of the attempt.
        limit: Duration,
    },
    /// This machine lacks something that a request needs. The request was not sent, which is no failure of the receiver.
    #[error("{what}")]
    Shortage {
        /// What is missing.
        what: String,
    },
    /// As many names are being looked up as may be. The request was not sent, which is no failure of the receiver.
    #[error("too many name lookups are running")]
    LookupLimit,
    /// The sender itself failed. The log of the server has the details.
    #[error("internal error")]
    InternalError,
    /// Read from a row that holds a kind and a text only.
    #[serde(skip)]
    #[error("{text}")]
    Undetailed {
        /// As stored.
        kind: FailureKind,
        /// As stored.
        text: String,
    },
}

fn of_host(host: Option<&str>) -> String {
    host.map_or_else(String::new, |host| format!(" of {host}"))
}

impl SendFailure {
    /// The group that this failure is counted in.
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::UnsupportedTarget { .. }
            | Self::NoHost
            | Self::HttpsRequired
            | Self::InvalidHeader => FailureKind::UnsupportedTarget,
            Self::NoAddress { .. } => FailureKind::Name,
            Self::ForbiddenAddress { .. } => FailureKind::Address,
            Self::ConnectionRefused { .. }
            | Self::ConnectionAborted { .. }
            | Self::Unreachable { .. }
            | Self::ConnectionTimedOut { .. }
            | Self::ConnectionFailed { .. }
            | Self::Shortage { .. }
            | Self::LookupLimit => FailureKind::Connect,
            Self::Tls { .. }
            | Self::TlsAlert { .. }
            | Self::TlsOther { .. }
            | Self::TlsClosed
            | Self::TlsAborted { .. } => FailureKind::Tls,
            Self::ProtocolSwitch
            | Self::UnknownStatus { .. }
            | Self::BodyTruncated { .. }
            | Self::HeadersTooLarge
            | Self::NotHttp
            | Self::HeadersTruncated
            | Self::ConnectionReset
            | Self::ConnectionClosed
            | Self::NotProcessed
            | Self::InternalError => FailureKind::Broken,
            Self::Timeout { .. } => FailureKind::Timeout,
            Self::Undetailed { kind, .. } => *kind,
        }
    }
}

string_enum! {
    /// The group of a failure, in metrics, filters and the log.
    FailureKind {
        /// No request can be sent to the URL (`ftp://`, port 0).
        UnsupportedTarget = "uncallable",
        /// The name has no address.
        Name = "name",
        /// The address is not allowed.
        Address = "address",
        /// No connection.
        Connect = "connect",
        /// The certificate or the handshake failed.
        Tls = "tls",
        /// The response ended early or was not HTTP.
        Broken = "broken",
        /// The time limit passed.
        Timeout = "timeout",
    }
}

/// What an attempt was waiting for when its time limit passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeoutStage {
    /// For other connections of the webhook to `host` to be opened.
    Queue {
        /// As in the URL.
        host: String,
    },
    /// For the name lookup.
    Lookup {
        /// As in the URL.
        host: String,
    },
    /// For the connection.
    Connect {
        /// As in the URL.
        host: String,
    },
    /// For the TLS handshake.
    Handshake {
        /// As in the URL.
        host: String,
    },
    /// For the head of the response.
    Response,
    /// For the end of the body.
    Body {
        /// How much of the body had arrived.
        bytes: usize,
        /// As received.
        status: u16,
    },
}

impl TimeoutStage {
    fn text(&self, seconds: f64) -> String {
        match self {
            Self::Queue { host } => format!("no turn to connect to {host} within {seconds} s"),
            Self::Lookup { host } => format!("no address for the name {host} within {seconds} s"),
            Self::Connect { host } => format!("no connection to {host} within {seconds} s"),
            Self::Handshake { host } => format!("no TLS handshake with {host} within {seconds} s"),
            Self::Response => format!("no answer within {seconds} s"),
            Self::Body { bytes, status } => format!(
                "the answer did not end within {seconds} s ({bytes} bytes, status {status})"
            ),
        }
    }
}

string_enum! {
    /// Why a TLS connection to a receiver is not made.
    TlsFailure {
        /// The certificate has expired.
        Expired = "expired",
        /// The certificate becomes valid later.
        NotYetValid = "not_yet_valid",
        /// The certificate is for another name.
        OtherName = "other_name",
        /// From an authority that is not trusted, or sent without the intermediate certificates.
        UnknownIssuer = "unknown_issuer",
        /// Self-signed, and not trusted by the settings.
        SelfSigned = "self_signed",
        /// The certificate was revoked.
        Revoked = "revoked",
        /// Any other fault of the certificate.
        Invalid = "invalid",
        /// The receiver sent no certificate.
        Missing = "missing",
        /// The receiver speaks plain HTTP, or something else.
        NotTls = "not_tls",
        /// The receiver's TLS versions are too old.
        Version = "version",
        /// No version or cipher in common.
        Cipher = "cipher",
    }
}

impl TlsFailure {
    fn text(self) -> &'static str {
        match self {
            Self::Expired => "the certificate has expired",
            Self::NotYetValid => "the certificate is not valid yet",
            Self::OtherName => "the certificate is not valid for this name",
            Self::UnknownIssuer => "the certificate comes from no authority trusted here",
            Self::SelfSigned => "the certificate is self-signed and not trusted here",
            Self::Revoked => "the certificate has been revoked",
            Self::Invalid => "the certificate is not valid",
            Self::Missing => "the receiver showed no certificate",
            Self::NotTls => "the receiver does not speak TLS",
            Self::Version => "the receiver speaks no TLS version of ours",
            Self::Cipher => "the receiver speaks no TLS version or cipher of ours",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A failure, its text, its kind and its stored form.
    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of all failures")]
    fn texts_kinds_and_stored_forms_are_fixed() {
        let address: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
        let forbidden = |host: Option<&str>| SendFailure::ForbiddenAddress {
            address: IpAddr::from([10, 0, 0, 1]),
            host: host.map(str::to_owned),
        };
        let late = |stage| SendFailure::Timeout {
            stage,
            limit: Duration::from_millis(2_500),
        };
        for (failure, text, kind, stored) in [
            (
                SendFailure::UnsupportedTarget {
                    reason: UnsupportedTarget::Scheme,
                },
                "only http and https URLs can be called",
                FailureKind::UnsupportedTarget,
                r#"{"cause":"unsupported_target","reason":"scheme"}"#,
            ),
            (
                forbidden(Some("a.test")),
                "the address 10.0.0.1 of a.test is not publicly reachable; only the server setting allow_target makes an exception",
                FailureKind::Address,
                r#"{"cause":"forbidden_address","address":"10.0.0.1","host":"a.test"}"#,
            ),
            (
                forbidden(None),
                "the address 10.0.0.1 is not publicly reachable; only the server setting allow_target makes an exception",
                FailureKind::Address,
                r#"{"cause":"forbidden_address","address":"10.0.0.1","host":null}"#,
            ),
            (
                SendFailure::ConnectionRefused { address },
                "connection refused by [2001:db8::1]:443",
                FailureKind::Connect,
                r#"{"cause":"connection_refused","address":"[2001:db8::1]:443"}"#,
            ),
            (
                SendFailure::Tls {
                    failure: TlsFailure::Expired,
                },
                "the certificate has expired",
                FailureKind::Tls,
                r#"{"cause":"tls","failure":"expired"}"#,
            ),
            (
                SendFailure::InternalError,
                "internal error",
                FailureKind::Broken,
                r#"{"cause":"internal_error"}"#,
            ),
            (
                late(TimeoutStage::Response),
                "no answer within 2.5 s",
                FailureKind::Timeout,
                r#"{"cause":"timeout","stage":"response","limit":{"secs":2,"nanos":500000000}}"#,
            ),
            (
                late(TimeoutStage::Body {
                    bytes: 3,
                    status: 200,
                }),
                "the answer did not end within 2.5 s (3 bytes, status 200)",
                FailureKind::Timeout,
                r#"{"cause":"timeout","stage":{"body":{"bytes":3,"status":200}},"limit":{"secs":2,"nanos":500000000}}"#,
            ),
        ] {
            assert_eq!(failure.to_string(), text);
            assert_eq!(failure.kind(), kind, "{text}");
            assert_eq!(serde_json::to_string(&failure).unwrap(), stored);
            assert_eq!(
                serde_json::from_str::<SendFailure>(stored).unwrap(),
                failure
            );
        }
    }
}
