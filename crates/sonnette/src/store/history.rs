//! Attempts, deliveries and notifications, for the API and the dashboard.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{
    Attempt, AttemptId, Audience, Delivery, LatencyHistogram, Notification, NotificationId,
    OrganizerId, SettlementKind, WebhookId,
};

/// The number of attempts that one page scans: with a filter that few attempts pass it would read the whole log
/// otherwise.
pub const MAX_SCANNED_ATTEMPTS: usize = 10_000;

/// A range of time, both ends included; without an end it is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// The start.
    pub since: Option<Timestamp>,
    /// The end.
    pub until: Option<Timestamp>,
}

/// Which attempts to return.
#[derive(Debug, Clone, Default)]
pub struct AttemptQuery {
    /// Only those that succeeded, or only those that failed.
    pub success: Option<bool>,
    /// Only those of this concrete action type.
    pub action_type: Option<String>,
    /// Only those of this event.
    pub event: Option<String>,
    /// Only those of this notification.
    pub notification: Option<NotificationId>,
    /// Only those that ended in this range.
    pub range: TimeRange,
    /// Older than this one.
    pub after: Option<AttemptId>,
    /// At most this many.
    pub limit: usize,
}

/// A page of attempts.
#[derive(Debug, Default, PartialEq)]
pub struct AttemptPage {
    /// Newest first; at most `limit` of them.
    pub attempts: Vec<Attempt>,
    /// Set if [`MAX_SCANNED_ATTEMPTS`] attempts were scanned before the page was full: older ones were not scanned. A
    /// query with this as `after` continues there. The id is also the time, in microseconds.
    pub scanned_until: Option<AttemptId>,
}

/// The stored state of a delivery. Whether a waiting one is `scheduled` or `held` depends on its lane, not on its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStateFilter {
    /// Scheduled or held.
    Pending,
    /// Settled with this result.
    Settled(SettlementKind),
}

/// Which deliveries of a webhook to return.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryQuery {
    /// Only those in this state.
    pub state: Option<DeliveryStateFilter>,
    /// Older than this one.
    pub after: Option<NotificationId>,
    /// At most this many.
    pub limit: usize,
}

/// Which notifications of an organizer to return.
#[derive(Debug, Clone, Default)]
pub struct NotificationQuery {
    /// Only those of this concrete action type.
    pub action_type: Option<String>,
    /// Only those of this event.
    pub event: Option<String>,
    /// Only those published in this range.
    pub range: TimeRange,
    /// Older than this one.
    pub after: Option<NotificationId>,
    /// At most this many.
    pub limit: usize,
}

/// A notification with what only its publisher sees.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationEntry {
    /// The notification.
    pub notification: Arc<Notification>,
    /// The person concerned, as an opaque key.
    pub subject: Option<String>,
    /// How many enabled webhooks matched when it was published.
    pub delivery_count: usize,
    /// The `data` of the request, if it cannot be read from the body.
    pub data: Option<String>,
    /// Which of the matching webhooks receive it.
    pub audience: Audience,
}

/// Attempts whose end and duration are read at a time.
pub const MAX_ATTEMPT_TIMINGS: usize = 1_000;

/// When an attempt ended, and how long it took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptTiming {
    /// The end of the attempt.
    pub ended_at: Timestamp,
    /// Whether it succeeded.
    pub success: bool,
    /// From its start to its end.
    pub duration: Duration,
}

/// Statistics of the attempts of one webhook within half an hour, without tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptStats {
    /// The webhook.
    pub webhook: WebhookId,
    /// The start of the half hour: a full or half hour of UTC. An attempt belongs to the half hour in which it ended.
    pub start: Timestamp,
    /// The number of attempts that succeeded.
    pub succeeded: u64,
    /// The number of attempts that failed.
    pub failed: u64,
    /// The durations of those that got a response or timed out. Empty for attempts older than these statistics.
    pub latencies: LatencyHistogram,
}

/// Reads attempts, deliveries and notifications.
pub trait History {
    /// A page of the attempts of these webhooks, newest first, without bodies. It takes milliseconds for any query; a page
    /// may therefore end before it is full.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_page(
        &self,
        webhooks: &[WebhookId],
        query: &AttemptQuery,
    ) -> Result<AttemptPage, StoreError>;

    /// The attempts of these webhooks, newest first, without bodies; scans the whole log if it has to.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempts(
        &self,
        webhooks: &[WebhookId],
        query: &AttemptQuery,
    ) -> Result<Vec<Attempt>, StoreError> {
        let mut remaining = query.clone();
        let mut found = Vec::new();
        loop {
            let page = self.attempt_page(webhooks, &remaining)?;
            remaining.limit -= page.attempts.len();
            found.extend(page.attempts);
            match page.scanned_until {
                None => return Ok(found),
                scanned_until => remaining.after = scanned_until,
            }
        }
    }

    /// The newest attempt of each of these webhooks, without bodies and without tests.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn latest_attempts(&self, webhooks: &[WebhookId]) -> Result<Vec<Attempt>, StoreError>;

    /// One attempt with its payload and its response body.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt(&self, webhook: WebhookId, id: AttemptId) -> Result<Option<Attempt>, StoreError>;

    /// The end and duration of the attempts since `since`, newest first, at most
    /// [`MAX_ATTEMPT_TIMINGS`], without tests.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_timings(
        &self,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<AttemptTiming>, StoreError>;

    /// Statistics of these webhooks for each half hour with attempts, from the one of `since` on, by webhook and time.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_stats(
        &self,
        webhooks: &[WebhookId],
        since: Timestamp,
    ) -> Result<Vec<AttemptStats>, StoreError>;

    /// Deliveries of a webhook, newest first. Waiting ones are returned as scheduled, also if the lane holds them.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn deliveries(
        &self,
        webhook: WebhookId,
        query: DeliveryQuery,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// The deliveries of a notification to these webhooks.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn deliveries_of_notification(
        &self,
        notification: NotificationId,
        webhooks: &[WebhookId],
    ) -> Result<Vec<Delivery>, StoreError>;

    /// Notifications of an organizer, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn notifications(
        &self,
        organizer: OrganizerId,
        query: &NotificationQuery,
    ) -> Result<Vec<NotificationEntry>, StoreError>;

    /// One notification of an organizer.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn notification(
        &self,
        organizer: OrganizerId,
        id: NotificationId,
    ) -> Result<Option<NotificationEntry>, StoreError>;

    /// Enabled webhooks of all organizers whose lanes are unhealthy, the worst first: failing lanes before others, then
    /// by the number of pending deliveries times the time since the first failed or became due.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn unhealthy_webhooks(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<WebhookId>, StoreError>;

    /// For metrics: the number of pending deliveries of all lanes, and when the oldest was published or last resent.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn total_backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError>;
}
