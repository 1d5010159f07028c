//! An outage of our own: the network of this machine or its name server fails, and so every receiver seems to.

use std::time::Duration;

use super::{FailureKind, Outcome, SendFailure, TimeoutStage};

/// How many hosts there are, and how many of them cannot be reached.
///
/// Only hosts that have responded within the last day count, because those that are gone for good say nothing about the
/// network; and of these only hosts that were tried within the last hour, because the others say nothing about now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HostCounts {
    /// Hosts that have responded within the last day, and to which a request was sent within the last hour.
    pub known_hosts: usize,
    /// Those of them whose last request ended with a failed name lookup or connection.
    pub unreachable_hosts: usize,
}

impl HostCounts {
    /// The fewest hosts that an outage is recognized by.
    pub const MIN_HOSTS: usize = 5;
    /// A host that has not responded for longer is gone for good.
    pub const HOST_LIFETIME: Duration = Duration::from_hours(24);
    /// What a host did longer ago says nothing about now. A failing lane sends a probe every 15 minutes.
    pub const MAX_REQUEST_AGE: Duration = Duration::from_hours(1);

    /// Adds a host, if it counts. `reached` and `tried`: the time since it last responded, and since it was last tried.
    #[must_use]
    pub fn with(self, reached: Duration, tried: Duration, is_unreachable: bool) -> Self {
        if reached > Self::HOST_LIFETIME || tried > Self::MAX_REQUEST_AGE {
            return self;
        }
        Self {
            known_hosts: self.known_hosts + 1,
            unreachable_hosts: self.unreachable_hosts + usize::from(is_unreachable),
        }
    }

    /// Whether nearly all hosts, that is nine in ten, cannot be reached.
    pub fn is_outage(self) -> bool {
        self.known_hosts >= Self::MIN_HOSTS && self.unreachable_hosts * 10 >= self.known_hosts * 9
    }
}

impl Outcome {
    /// Whether the request failed at name lookup or connection.
    pub fn is_unreachable(&self) -> bool {
        let Self::Failed(failure) = self else {
            return false;
        };
        let is_late = matches!(
            failure,
            SendFailure::Timeout {
                stage: TimeoutStage::Lookup { .. } | TimeoutStage::Connect { .. },
                ..
            }
        );
        is_late || matches!(failure.kind(), FailureKind::Name | FailureKind::Connect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_counts_if_it_responded_within_a_day_and_was_tried_within_an_hour() {
        let minutes = |m| Duration::from_mins(m);
        for (reached, tried, counts) in [
            (0, 0, true),
            (24 * 60, 60, true),
            (24 * 60 + 1, 0, false),
            (61, 61, false),
        ] {
            let found = HostCounts::default().with(minutes(reached), minutes(tried), true);
            assert_eq!(found.known_hosts == 1, counts, "{reached} {tried}");
            assert_eq!(found.known_hosts, found.unreachable_hosts);
        }
    }

    #[test]
    fn an_outage_needs_five_hosts_and_nine_in_ten_of_them() {
        for (known, unreachable, is_outage) in [
            (0, 0, false),
            (4, 4, false),
            (5, 4, false),
            (5, 5, true),
            (10, 8, false),
            (10, 9, true),
            (100, 89, false),
            (100, 90, true),
        ] {
            let counts = HostCounts {
                known_hosts: known,
                unreachable_hosts: unreachable,
            };
            assert_eq!(counts.is_outage(), is_outage, "{counts:?}");
        }
    }

    #[test]
    fn lookups_and_connections_make_a_host_unreachable_and_responses_do_not() {
        let host = || "a.test".to_owned();
        let late = |stage| {
            Outcome::Failed(SendFailure::Timeout {
                stage,
                limit: Duration::from_secs(1),
            })
        };
        assert!(Outcome::Failed(SendFailure::NoAddress { host: host() }).is_unreachable());
        assert!(late(TimeoutStage::Lookup { host: host() }).is_unreachable());
        assert!(late(TimeoutStage::Connect { host: host() }).is_unreachable());
        assert!(!late(TimeoutStage::Response).is_unreachable());
        assert!(!Outcome::Failed(SendFailure::ConnectionClosed).is_unreachable());
        let answered = Outcome::Answered {
            status: 500,
            retry_after: None,
        };
        assert!(!answered.is_unreachable());
    }
}
