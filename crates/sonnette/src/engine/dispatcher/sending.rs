//! Sending the requests of a lane, and recording what came of each.
//!
//! A task sends a request, records the outcome, takes the lane's next delivery, and ends when there is none.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::Dispatcher;
use super::concurrency_limits::RequestPermit;
use super::lane_entry::{CurrentWebhook, LaneEntry};
use crate::dialect::body_at_send_time;
use crate::domain::{
    AdaptiveConcurrency, Attempt, AttemptId, Decision, DeliveryState, Headers, HttpExchange,
    Notification, NotificationId, Outcome, SendFailure, Webhook, WebhookId, saturating_add,
};
use crate::engine::dispatcher::inbox::{DraftTest, WebhookTest};
use crate::engine::lane::SendOrder;
use crate::engine::sender::{ConnectionPool, Request};
use crate::engine::supervisor::{Panic, catch_panic, panic_message};
use crate::engine::{LaneState, monotonic_clock};
use crate::store::{DeliveryUpdate, Settlement, SettlementCause};

/// How often a shortage is logged, and idle connections are closed because of one.
const SHORTAGE_LOG_INTERVAL: Duration = Duration::from_secs(1);
/// How long a lane waits after a shortage.
const SHORTAGE_DELAY: Duration = Duration::from_secs(1);

impl Dispatcher {
    /// Queues a settlement and returns its number.
    pub(super) fn settle(
        &self,
        entry: &LaneEntry,
        notification: NotificationId,
        settlement: Settlement,
    ) -> u64 {
        let number = self.context.committer.settle(settlement);
        let committed = self.context.committer.last_committed_number();
        self.with_lane(entry, |lane| {
            lane.add_settlement(number, notification, committed);
        });
        number
    }

    /// Sends one delivery of a lane after another, until the lane has none to send or must wait for a permit.
    pub(super) async fn send_until_idle(
        self: Rc<Self>,
        entry: Rc<LaneEntry>,
        mut order: SendOrder,
        mut permit: RequestPermit<LaneEntry>,
    ) {
        let mut is_repeat = false;
        loop {
            let is_unchanged = !order.is_manual || self.is_unchanged(&entry, &order).await;
            let current = self.refresh(&entry);
            let is_confirmed =
                self.with_lane(&entry, |lane| lane.is_still_valid(&order, &current.webhook));
            if !is_unchanged || is_confirmed != Some(true) {
                self.with_lane(&entry, |lane| lane.cancel_order(&order));
                self.release_permit(permit);
                return self.run_lane(&entry);
            }
            let notification = &order.delivery.notification;
            let (exchange, body) = self
                .exchange(&current, &entry.connections, notification, false, is_repeat)
                .await;
            if let Some(shortage) = exchange.outcome.shortage() {
                let until = self.note_shortage(shortage);
                self.with_lane(&entry, |lane| lane.postpone_order(&order, until));
                self.release_permit(permit);
                return self.run_lane(&entry);
            }
            let stored = &notification.body;
            let is_stored = body.as_ptr() == stored.as_ptr() || body == *stored;
            let payload = (!is_stored).then_some(body);
            is_repeat = exchange.outcome.is_not_processed();
            if is_repeat {
                self.log_not_processed(&entry, &current, &mut order, exchange, payload);
                continue;
            }
            self.record_attempt(&entry, &current, &order, exchange, payload);
            self.release_permit(permit);
            match self.next_send(&entry) {
                Some(next) => (order, permit) = next,
                None => return,
            }
            // This task sends the next delivery; if the lane allows more at a time, other tasks start beside it.
            self.run_lane(&entry);
        }
    }

    /// Logs and counts that this machine lacks something that a request needs. Returns when to try again.
    fn note_shortage(&self, shortage: &SendFailure) -> Timestamp {
        let now = self.now();
        self.context.metrics.count_shortage();
        if self.shortage_logged_at.get().elapsed() >= SHORTAGE_LOG_INTERVAL {
            self.shortage_logged_at.set(monotonic_clock::now());
            if matches!(shortage, SendFailure::Shortage { .. }) {
                for entry in self.entries.borrow().values() {
                    entry.connections.close_idle(Duration::ZERO);
                }
            }
            tracing::error!(%shortage, "requests wait because of a shortage on this machine: {shortage}");
        }
        saturating_add(now, SHORTAGE_DELAY)
    }

    /// Whether the delivery is still pending in the store, and nothing was sent since the order was made: an attempt that
    /// has ended meanwhile is the one that was asked for.
    async fn is_unchanged(&self, entry: &LaneEntry, order: &SendOrder) -> bool {
        let (webhook, notification) = (entry.id, order.delivery.notification.id);
        let found = self
            .blocking(move |context| context.store.delivery(webhook, notification))
            .await;
        // If it cannot be read now, it is read again with the next page.
        found.ok().flatten().is_some_and(|delivery| {
            matches!(delivery.state, DeliveryState::Scheduled { .. })
                && delivery.attempts == order.delivery.progress.attempts
        })
    }

    /// Sends one request. Returns what came of it and the body as it was sent.
    ///
    /// A panic on the way fails this request and nothing else: what it was using is dropped.
    async fn exchange(
        &self,
        current: &CurrentWebhook,
        connections: &ConnectionPool,
        notification: &Notification,
        test: bool,
        is_repeat: bool,
    ) -> (HttpExchange, Bytes) {
        let (started_at, began) = (self.now(), monotonic_clock::now());
        let webhook = &current.webhook;
        let sending = async {
            let prepared = current
                .prepared_webhook
                .get_or_init(|| self.sender.prepare(webhook));
            let body = body_at_send_time(notification.shape, &notification.body, started_at);
            let installations = &self.context.installations;
            let message_id = installations.message_id(webhook.id, notification);
            let request = Request {
                prepared,
                message_id: &message_id,
                body: body.clone(),
                test,
                is_repeat,
            };
            (self.sender.send(connections, request).await, body)
        };
        catch_panic(sending).await.unwrap_or_else(|panic| {
            log_panic(webhook.id, notification.id, &panic);
            let exchange = HttpExchange {
                started_at,
                duration: began.elapsed(),
                outcome: Outcome::Failed(SendFailure::InternalError),
                request_headers: Headers::default(),
                response_headers: Headers::default(),
                response_body: Bytes::new(),
            };
            (exchange, notification.body.clone())
        })
    }

    /// Logs an attempt that the receiver did not process. It is neither a try nor a failure: the order is to be sent again
    /// at once.
    fn log_not_processed(
        &self,
        entry: &LaneEntry,
        current: &CurrentWebhook,
        order: &mut SendOrder,
        exchange: HttpExchange,
        sent_body: Option<Bytes>,
    ) {
        let now = self.now();
        let Some(id) = self.with_lane(entry, |lane| lane.next_attempt_id(now)) else {
            return;
        };
        let attempt = Self::attempt(entry, current, order, id, exchange, sent_body);
        self.context.metrics.count_not_processed();
        self.context
            .broadcast_attempt(current.webhook.organizer, &attempt);
        let progress = &mut order.delivery.progress;
        progress.attempts = progress.attempts.saturating_add(1);
        // The lane is not told: for it, the delivery is still in flight.
        self.context.committer.settle(Settlement {
            webhook: entry.id,
            generation: current.webhook.generation,
            cause: SettlementCause::Attempted {
                attempt,
                update: Some(DeliveryUpdate::Reschedule(*progress)),
            },
            health: None,
            action_type: None,
            disable: None,
            alert: None,
        });
    }

    /// Decides what follows from an attempt, and records both.
    fn record_attempt(
        self: &Rc<Self>,
        entry: &Rc<LaneEntry>,
        current: &CurrentWebhook,
        order: &SendOrder,
        exchange: HttpExchange,
        payload: Option<Bytes>,
    ) {
        let now = self.now();
        let webhook = &current.webhook;
        let max_concurrency = webhook
            .settings
            .max_concurrency
            .unwrap_or(AdaptiveConcurrency::MAX_WINDOW);
        let jitter = self.rng.borrow_mut().f64();
        // The lane must know whether the outcome still counts.
        self.refresh(entry);
        self.note_reachability(entry, current, &exchange.outcome, now);
        let policy = self.policy(current, self.read_clock());
        let was_failing = entry.is_failing.get();
        let effects = self.with_lane(entry, |lane| {
            lane.apply_outcome(
                order,
                &exchange.outcome,
                exchange.duration,
                policy,
                max_concurrency,
                now,
                jitter,
            )
        });
        let Some(effects) = effects else { return };
        let is_first = order.delivery.progress.attempts == 0;
        let published_at = order.delivery.notification.published_at;
        let delay = is_first.then(|| {
            Duration::try_from(exchange.started_at.duration_since(published_at)).unwrap_or_default()
        });
        self.context.metrics.count_attempt(
            &exchange.outcome,
            exchange.duration,
            delay,
            &effects.decision,
        );
        log_failure(entry.id, order, &exchange, &effects.decision);
        let attempt = Self::attempt(entry, current, order, effects.attempt_id, exchange, payload);
        self.context.broadcast_attempt(webhook.organizer, &attempt);
        // Disabling is broadcast once it is on disk, as every other change of the registry is.
        if effects.decision.disable.is_none() && was_failing != entry.is_failing.get() {
            self.broadcast_state(entry, webhook);
        }
        let settlement = Settlement {
            webhook: entry.id,
            generation: webhook.generation,
            cause: SettlementCause::Attempted {
                attempt,
                update: Some(effects.update),
            },
            health: effects.changed_health,
            action_type: effects.action_type,
            disable: effects.decision.disable,
            alert: self
                .context
                .alerts
                .alert_after(&effects.decision, policy, now),
        };
        let number = self.settle(entry, order.delivery.notification.id, settlement);
        if effects.must_hold {
            self.spawn(self.clone().expedite_lane(entry.clone(), number));
        }
    }

    fn broadcast_state(&self, entry: &LaneEntry, webhook: &Webhook) {
        let state = if entry.is_failing.get() {
            LaneState::Failing
        } else {
            LaneState::Healthy
        };
        self.context
            .broadcast_lane_state(webhook.organizer, entry.id, state);
    }

    fn attempt(
        entry: &LaneEntry,
        current: &CurrentWebhook,
        order: &SendOrder,
        id: AttemptId,
        exchange: HttpExchange,
        payload: Option<Bytes>,
    ) -> Arc<Attempt> {
        let notification = &order.delivery.notification;
        Arc::new(Attempt {
            id,
            webhook: entry.id,
            notification: notification.id,
            action_type: notification.action_type.clone(),
            event: notification.event.clone(),
            target_url: current.webhook.target.redacted(),
            number: order.delivery.progress.attempts.saturating_add(1),
            is_test: false,
            sent_body: payload,
            exchange,
        })
    }

    /// Sends one test, again if the receiver did not process it.
    async fn exchange_test(
        &self,
        current: &CurrentWebhook,
        connections: &ConnectionPool,
        notification: &Notification,
    ) -> (HttpExchange, Bytes) {
        let first = self.exchange(current, connections, notification, true, false);
        let (exchange, body) = first.await;
        if !exchange.outcome.is_not_processed() {
            return (exchange, body);
        }
        self.exchange(current, connections, notification, true, true)
            .await
    }

    /// Sends a test as deliveries are sent. It affects neither the health of the lane nor whether the webhook is disabled.
    pub(super) async fn test_webhook(self: Rc<Self>, entry: Rc<LaneEntry>, test: WebhookTest) {
        let current = self.refresh(&entry);
        let notification = &test.notification;
        let sent = self
            .exchange_test(&current, &entry.connections, notification)
            .await;
        let now = self.now();
        let Some(id) = self.with_lane(&entry, |lane| lane.next_attempt_id(now)) else {
            return;
        };
        let attempt = test_attempt(id, &current.webhook, notification, sent);
        self.context
            .broadcast_attempt(current.webhook.organizer, &attempt);
        self.context.committer.settle(Settlement {
            webhook: entry.id,
            generation: current.webhook.generation,
            cause: SettlementCause::Attempted {
                attempt: attempt.clone(),
                update: None,
            },
            health: None,
            action_type: None,
            disable: None,
            alert: None,
        });
        // The client may have disconnected; the attempt is in the log.
        let _ = test.reply.send(attempt);
    }

    /// Sends a test of a webhook that is not saved, over a connection of its own. Only the client learns of the outcome.
    pub(super) async fn test_draft(self: Rc<Self>, test: DraftTest) {
        let DraftTest {
            draft,
            notification,
            reply,
            permit,
        } = test;
        let draft = CurrentWebhook::from_draft(draft);
        let sent = self
            .exchange_test(&draft, &ConnectionPool::new(), &notification)
            .await;
        let id = AttemptId(self.now().as_microsecond());
        // The client may have disconnected.
        let _ = reply.send(test_attempt(id, &draft.webhook, &notification, sent));
        drop(permit);
    }
}

fn test_attempt(
    id: AttemptId,
    webhook: &Webhook,
    notification: &Notification,
    (exchange, body): (HttpExchange, Bytes),
) -> Arc<Attempt> {
    Arc::new(Attempt {
        id,
        webhook: webhook.id,
        notification: notification.id,
        action_type: notification.action_type.clone(),
        event: notification.event.clone(),
        target_url: webhook.target.redacted(),
        number: 1,
        is_test: true,
        sent_body: Some(body),
        exchange,
    })
}

fn log_failure(
    webhook: WebhookId,
    order: &SendOrder,
    exchange: &HttpExchange,
    decision: &Decision,
) {
    if exchange.outcome.is_success() {
        return;
    }
    let reason = match &exchange.outcome {
        Outcome::Answered { status, .. } => format!("the receiver answered {status}"),
        Outcome::Failed(failure) => failure.to_string(),
    };
    let notification = order.delivery.notification.id;
    let attempt = order.delivery.progress.attempts.saturating_add(1);
    if let Some(disable) = decision.disable {
        let disable = disable.as_str();
        tracing::warn!(
            webhook.id = webhook.0,
            notification.id = notification.0,
            attempt,
            reason,
            disable,
            "webhook {webhook}: disabled ({disable}) after attempt {attempt} of notification {notification} failed: {reason}"
        );
    } else {
        tracing::info!(
            webhook.id = webhook.0,
            notification.id = notification.0,
            attempt,
            reason,
            "webhook {webhook}: attempt {attempt} of notification {notification} failed: {reason}"
        );
    }
}

fn log_panic(webhook: WebhookId, notification: NotificationId, panic: &Panic) {
    let message = panic_message(&**panic);
    tracing::error!(
        webhook.id = webhook.0,
        notification.id = notification.0,
        message,
        "webhook {webhook}: sending notification {notification} panicked: {message}"
    );
}
