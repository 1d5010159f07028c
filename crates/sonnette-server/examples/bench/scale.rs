//! The numbers of the short and of the full run.

use std::time::Duration;

/// How much is measured.
pub(crate) struct Scale {
    /// The command that runs it.
    pub(crate) command: &'static str,
    /// A case that takes longer has failed.
    pub(crate) case_timeout: Duration,
    pub(crate) rounds: usize,
    /// Single publications to one webhook.
    pub(crate) singles: u64,
    /// Publications to ten webhooks.
    pub(crate) ten_webhook_publications: u64,
    /// Publications to a thousand webhooks.
    pub(crate) thousand_webhook_publications: u64,
    /// Publications in arrays.
    pub(crate) arrays: u64,
    /// How long each measure of latency takes.
    pub(crate) latency_time: Duration,
    /// Deliveries that wait for a dead receiver.
    pub(crate) waiting: u64,
    /// Attempts in the log.
    pub(crate) attempts: u64,
    /// Webhooks of other organizers.
    pub(crate) webhooks: u64,
    pub(crate) organizers: u64,
    /// Webhooks of one organizer of which ten match.
    pub(crate) organizer_webhooks: u64,
    /// Rounds of each comparison of growth, and publications in each.
    pub(crate) growth_rounds: usize,
    pub(crate) growth_singles: u64,
    /// Healthy webhooks beside bad ones, and publications a second to them.
    pub(crate) healthy: u64,
    pub(crate) healthy_rate: u64,
    /// How long each phase beside bad receivers takes, and the overload.
    pub(crate) phase_time: Duration,
}

impl Scale {
    /// A few minutes.
    pub(crate) fn short() -> Self {
        Self {
            command: "make bench",
            case_timeout: Duration::from_mins(10),
            rounds: 3,
            singles: 20_000,
            ten_webhook_publications: 3_000,
            thousand_webhook_publications: 50,
            arrays: 100_000,
            latency_time: Duration::from_secs(3),
            waiting: 200_000,
            attempts: 200_000,
            webhooks: 2_000,
            organizers: 500,
            organizer_webhooks: 1_000,
            growth_rounds: 3,
            growth_singles: 10_000,
            healthy: 100,
            healthy_rate: 200,
            phase_time: Duration::from_secs(8),
        }
    }

    /// The numbers that the documentation quotes.
    pub(crate) fn full() -> Self {
        Self {
            command: "make bench FULL=1",
            case_timeout: Duration::from_hours(1),
            rounds: 5,
            singles: 20_000,
            ten_webhook_publications: 3_000,
            thousand_webhook_publications: 50,
            arrays: 100_000,
            latency_time: Duration::from_secs(20),
            waiting: 1_000_000,
            attempts: 10_000_000,
            webhooks: 100_000,
            organizers: 10_000,
            organizer_webhooks: 10_000,
            growth_rounds: 5,
            growth_singles: 20_000,
            healthy: 1_000,
            healthy_rate: 500,
            phase_time: Duration::from_mins(1),
        }
    }
}
