//! What was wrong with an attempt, in parts that can be put into any language.
//!
//! The log keeps a reason in plain English. Where the reason says more than the kind of failure, its words stand here once:
//! the sender writes with them, and [`Fault::of`] reads them back.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::organizer::words;
use super::{FailureKind, Outcome};

pub(crate) const NAME: &str = "the name ";
pub(crate) const NO_ADDRESS: &str = " has no address";
pub(crate) const ADDRESS: &str = "the address ";
pub(crate) const REFUSED: &str = "connection refused by ";
pub(crate) const NO_WAY: &str = "no way to ";
pub(crate) const NO_ANSWER: &str = "no answer";
pub(crate) const NO_END: &str = "the answer did not end";

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The receiver answered with this status.
    Answered(u16),
    /// The URL is none that can be called from here.
    UnsupportedTarget,
    /// The name has no address.
    Name {
        /// Which; none where the reason does not say.
        host: Option<String>,
    },
    /// The address is not publicly reachable, and not called.
    Address {
        /// Which; none where the reason does not say.
        address: Option<IpAddr>,
    },
    /// There is a machine, but nothing that takes connections.
    Refused {
        /// Where.
        by: SocketAddr,
    },
    /// No network leads there.
    Unreachable {
        /// Where to.
        to: SocketAddr,
    },
    /// No connection for some other reason.
    Connect,
    /// No trust; none where it is for some other reason than these.
    Tls(Option<TlsFailure>),
    /// The answer broke off or was no HTTP.
    Broken,
    /// The time was over.
    Timeout {
        /// How far it had come.
        stage: TimeoutStage,
    },
}

/// What the time was over before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutStage {
    /// There was a connection.
    Connection,
    /// An answer began.
    Answer,
    /// The answer ended.
    End,
}

words! {
    /// Why a receiver's TLS is not trusted.
    TlsFailure {
        /// Its time is over.
        Expired = "the certificate has expired",
        /// Its time is yet to come.
        NotYetValid = "the certificate is not valid yet",
        /// It is somebody else's.
        OtherName = "the certificate is not valid for this name",
        /// Self-signed, or without the certificates in between.
        UnknownIssuer = "the certificate comes from no authority trusted here",
        /// It was taken back.
        Revoked = "the certificate has been revoked",
        /// Anything else about it.
        Invalid = "the certificate is not valid",
        /// There was none.
        Missing = "the receiver showed no certificate",
        /// It is plain HTTP, or something else.
        NotTls = "the receiver does not speak TLS",
        /// Too old.
        Version = "the receiver speaks no TLS version of ours",
        /// Nothing in common.
        Cipher = "the receiver speaks no TLS version or cipher of ours",
    }
}

impl Fault {
    /// What was wrong; None where nothing was.
    pub fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            _ if outcome.is_success() => None,
            Outcome::Answered { status, .. } => Some(Self::Answered(*status)),
            Outcome::Failed { failure, reason } => Some(Self::read(*failure, reason)),
        }
    }

    fn read(failure: FailureKind, reason: &str) -> Self {
        match failure {
            FailureKind::UnsupportedTarget => Self::UnsupportedTarget,
            FailureKind::Name => {
                let host = reason
                    .strip_prefix(NAME)
                    .and_then(|rest| rest.strip_suffix(NO_ADDRESS));
                Self::Name {
                    host: host.map(str::to_owned),
                }
            }
            FailureKind::Address => {
                let word = reason
                    .strip_prefix(ADDRESS)
                    .and_then(|rest| rest.split(' ').next());
                Self::Address {
                    address: word.and_then(|word| word.parse().ok()),
                }
            }
            FailureKind::Connect => {
                let place = |prefix| reason.strip_prefix(prefix).and_then(|to| to.parse().ok());
                let refused = place(REFUSED).map(|by| Self::Refused { by });
                let unreachable = || place(NO_WAY).map(|to| Self::Unreachable { to });
                refused.or_else(unreachable).unwrap_or(Self::Connect)
            }
            FailureKind::Tls => Self::Tls(reason.parse().ok()),
            FailureKind::Broken => Self::Broken,
            FailureKind::Timeout => {
                let stage = if reason.starts_with(NO_ANSWER) {
                    TimeoutStage::Answer
                } else if reason.starts_with(NO_END) {
                    TimeoutStage::End
                } else {
                    TimeoutStage::Connection
                };
                Self::Timeout { stage }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(failure: FailureKind, reason: &str) -> Fault {
        let reason = reason.to_owned();
        Fault::of(&Outcome::Failed { failure, reason }).unwrap()
    }

    #[test]
    fn answers_are_told_by_their_status() {
        let answered = |status| Outcome::Answered {
            status,
            retry_after: None,
        };
        assert_eq!(Fault::of(&answered(204)), None);
        assert_eq!(Fault::of(&answered(302)), Some(Fault::Answered(302)));
    }

    #[test]
    fn reasons_are_read_back() {
        let at: SocketAddr = "[2001:db8::1]:443".parse().unwrap();
        for (failure, reason, expected) in [
            (
                FailureKind::Name,
                "the name a.test has no address",
                Fault::Name {
                    host: Some("a.test".to_owned()),
                },
            ),
            (
                FailureKind::Address,
                "the address 10.0.0.1 of a.test is not publicly reachable",
                Fault::Address {
                    address: Some(IpAddr::from([10, 0, 0, 1])),
                },
            ),
            (
                FailureKind::Connect,
                "connection refused by [2001:db8::1]:443",
                Fault::Refused { by: at },
            ),
            (
                FailureKind::Connect,
                "no way to [2001:db8::1]:443",
                Fault::Unreachable { to: at },
            ),
            (
                FailureKind::Tls,
                "the certificate has expired",
                Fault::Tls(Some(TlsFailure::Expired)),
            ),
        ] {
            assert_eq!(fault(failure, reason), expected, "{reason}");
        }
    }

    #[test]
    fn other_reasons_leave_the_kind() {
        for (failure, expected) in [
            (FailureKind::UnsupportedTarget, Fault::UnsupportedTarget),
            (FailureKind::Name, Fault::Name { host: None }),
            (FailureKind::Address, Fault::Address { address: None }),
            (FailureKind::Connect, Fault::Connect),
            (FailureKind::Tls, Fault::Tls(None)),
            (FailureKind::Broken, Fault::Broken),
            (
                FailureKind::Timeout,
                Fault::Timeout {
                    stage: TimeoutStage::Connection,
                },
            ),
        ] {
            assert_eq!(fault(failure, "other words"), expected);
        }
    }
}
