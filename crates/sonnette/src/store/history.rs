//! What happened, for those who look.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{
    Attempt, AttemptId, Audience, Delivery, LatencyHistogram, Notification, NotificationId,
    OrganizerId, SettlementKind, WebhookId,
};

/// Attempts that a page of them looks at: with a filter that few pass it would else read the whole log.
pub const MAX_SCANNED_ATTEMPTS: usize = 10_000;

/// A stretch of time: from `since`, up to and including `until`; open where none is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Not before this.
    pub since: Option<Timestamp>,
    /// Not after this.
    pub until: Option<Timestamp>,
}

/// Which attempts to show, newest first.
#[derive(Debug, Clone, Default)]
pub struct AttemptQuery {
    /// By how they ended.
    pub success: Option<bool>,
    /// By concrete action type.
    pub action_type: Option<String>,
    /// By event.
    pub event: Option<String>,
    /// By notification.
    pub notification: Option<NotificationId>,
    /// By time of their end.
    pub range: TimeRange,
    /// Older than this one.
    pub after: Option<AttemptId>,
    /// At most this many.
    pub limit: usize,
}

/// Some of the attempts that were asked for.
#[derive(Debug, Default, PartialEq)]
pub struct AttemptPage {
    /// Newest first; at most `limit` of them.
    pub attempts: Vec<Attempt>,
    /// Set where [`MAX_SCANNED_ATTEMPTS`] attempts were looked at before the page was full: what is older has not been looked at, and is
    /// found by asking again with this as `after`. It names the time, too.
    pub scanned_until: Option<AttemptId>,
}

/// The state of a delivery as a filter; `scheduled` and `held` are told apart by the lane, not by the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryStateFilter {
    /// Scheduled or held.
    Waiting,
    /// Settled in this way.
    Settled(SettlementKind),
}

/// Which deliveries of a webhook to show, newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeliveryQuery {
    /// By state.
    pub state: Option<DeliveryStateFilter>,
    /// Older than this one.
    pub after: Option<NotificationId>,
    /// At most this many.
    pub limit: usize,
}

/// Which notifications of an organizer to show, newest first.
#[derive(Debug, Clone, Default)]
pub struct NotificationQuery {
    /// By concrete action type.
    pub action_type: Option<String>,
    /// By event.
    pub event: Option<String>,
    /// By time of publication.
    pub range: TimeRange,
    /// Older than this one.
    pub after: Option<NotificationId>,
    /// At most this many.
    pub limit: usize,
}

/// A notification as its publisher sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct NotificationEntry {
    /// What was published.
    pub notification: Arc<Notification>,
    /// The person concerned, as an opaque key.
    pub subject: Option<String>,
    /// How many enabled webhooks matched when it was published.
    pub delivery_count: usize,
    /// The publication's `data`, where it cannot be read out of the body.
    pub data: Option<String>,
    /// Which of those that match are told.
    pub audience: Audience,
}

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

/// The attempts of one webhook within half an hour, in sum; tests are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptStats {
    /// Whose.
    pub webhook: WebhookId,
    /// When the half hour began: a full or half hour UTC. Attempts belong to that in which they ended.
    pub start: Timestamp,
    /// How many succeeded.
    pub succeeded: u64,
    /// How many did not.
    pub failed: u64,
    /// How long those took that were answered, or waited for an answer in vain. Empty for what was summed up later.
    pub times: LatencyHistogram,
}

/// What happened, for those who look.
pub trait History {
    /// Attempts of these webhooks, newest first; response bodies are left out. It takes milliseconds, whatever is asked
    /// for: a page may therefore end early.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_page(
        &self,
        webhooks: &[WebhookId],
        query: &AttemptQuery,
    ) -> Result<AttemptPage, StoreError>;

    /// The same, however long it takes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempts(
        &self,
        webhooks: &[WebhookId],
        query: &AttemptQuery,
    ) -> Result<Vec<Attempt>, StoreError> {
        let mut rest = query.clone();
        let mut found = Vec::new();
        loop {
            let page = self.attempt_page(webhooks, &rest)?;
            rest.limit -= page.attempts.len();
            found.extend(page.attempts);
            match page.scanned_until {
                None => return Ok(found),
                until => rest.after = until,
            }
        }
    }

    /// The newest attempt of each of these webhooks that has any, without bodies; tests are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn latest_attempts(&self, webhooks: &[WebhookId]) -> Result<Vec<Attempt>, StoreError>;

    /// One attempt in full, `payload` included.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt(&self, webhook: WebhookId, id: AttemptId) -> Result<Option<Attempt>, StoreError>;

    /// Success and answer time of the attempts since then, newest first, at most 100,000; tests are left out.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_timings(
        &self,
        webhook: WebhookId,
        since: Timestamp,
    ) -> Result<Vec<AttemptTiming>, StoreError>;

    /// Sums of these webhooks' attempts for each half hour that had any, from that of `since` on; by webhook and time.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn attempt_stats(
        &self,
        webhooks: &[WebhookId],
        since: Timestamp,
    ) -> Result<Vec<AttemptStats>, StoreError>;

    /// Deliveries of a webhook, newest first. Waiting ones come as scheduled: whether they are held, the lane knows.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn deliveries(
        &self,
        webhook: WebhookId,
        query: DeliveryQuery,
    ) -> Result<Vec<Delivery>, StoreError>;

    /// The deliveries of one notification among these webhooks.
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

    /// The enabled webhooks of all organizers whose lanes need looking after, the worst first: failing before others, and
    /// then by how much waits times how long it has been so. Healthy ones are not looked at.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn unhealthy_webhooks(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<WebhookId>, StoreError>;

    /// For metrics: how many deliveries wait in all, and since when the oldest.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn total_backlog(&self) -> Result<(u64, Option<Timestamp>), StoreError>;
}
