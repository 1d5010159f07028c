//! One request after the other, and what follows from each.
//!
//! A request begun goes on until its answer; its task then takes the lane's next order itself, and ends when there is none.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_local;

use super::Dispatcher;
use super::lane_entry::{Current, LaneEntry};
use crate::dialect::body_at_send_time;
use crate::domain::{
    AdaptiveConcurrency, Attempt, AttemptId, Decision, HttpExchange, Notification, NotificationId,
    Outcome, Webhook, WebhookId,
};
use crate::engine::LaneState;
use crate::engine::dispatcher::inbox::{DraftTest, WebhookTest};
use crate::engine::lane::SendOrder;
use crate::engine::sender::{ConnectionPool, PreparedWebhook, Request};
use crate::store::{Settlement, SettlementCause};

impl Dispatcher {
    /// Hands in a settlement; its number.
    pub(super) fn settle(
        &self,
        entry: &LaneEntry,
        notification: NotificationId,
        settlement: Settlement,
    ) -> u64 {
        let number = self.context.committer.settle(settlement);
        let committed = self.context.committer.committed();
        self.with_lane(entry, |lane| {
            lane.add_settlement(number, notification, committed)
        });
        number
    }

    /// Sends order after order of one lane until it has none, or others wait for their turn.
    pub(super) async fn send_until_idle(
        self: Rc<Self>,
        entry: Rc<LaneEntry>,
        mut order: SendOrder,
    ) {
        loop {
            let current = entry.current.borrow().clone();
            let notification = &order.delivery.notification;
            let (exchange, body) = self.send(&entry, &current, notification, false).await;
            self.in_flight.set(self.in_flight.get() - 1);
            self.context.metrics.in_flight(false);
            let stored = &order.delivery.notification.body;
            let is_stored = body.as_ptr() == stored.as_ptr() || body == *stored;
            let payload = (!is_stored).then_some(body);
            self.finish(&entry, &current, &order, exchange, payload);
            self.run_awaiting_lanes();
            match self.next_send(&entry) {
                Some(next) => order = next,
                None => return,
            }
            // One request has become one again; where the lane may do more at a time, others begin beside it.
            self.run_lane(&entry);
        }
    }

    async fn send(
        &self,
        entry: &LaneEntry,
        current: &Current,
        notification: &Notification,
        test: bool,
    ) -> (HttpExchange, Bytes) {
        self.exchange(
            entry.id,
            &entry.connections,
            &current.prepared,
            notification,
            test,
        )
        .await
    }

    /// One request and what came of it, with the body as it was sent.
    async fn exchange(
        &self,
        webhook: WebhookId,
        connections: &ConnectionPool,
        prepared: &PreparedWebhook,
        notification: &Notification,
        test: bool,
    ) -> (HttpExchange, Bytes) {
        let body = body_at_send_time(notification.shape, &notification.body, self.now());
        let message_id = format!("msg_{webhook}_{}", notification.id);
        let request = Request {
            prepared,
            message_id: &message_id,
            body: body.clone(),
            test,
        };
        (self.sender.send(connections, request).await, body)
    }

    fn finish(
        self: &Rc<Self>,
        entry: &Rc<LaneEntry>,
        current: &Current,
        order: &SendOrder,
        exchange: HttpExchange,
        payload: Option<Bytes>,
    ) {
        let now = self.now();
        let webhook = &current.webhook;
        let most = webhook
            .settings
            .max_concurrency
            .unwrap_or(AdaptiveConcurrency::MAX_WINDOW);
        let jitter = self.rng.borrow_mut().f64();
        let was_failing = entry.is_failing.get();
        let effects = self.with_lane(entry, |lane| {
            lane.apply_outcome(
                order,
                &exchange.outcome,
                exchange.duration,
                current.policy,
                most,
                now,
                jitter,
            )
        });
        let Some(effects) = effects else { return };
        let first = order.delivery.progress.attempts == 0;
        let published_at = order.delivery.notification.published_at;
        let delay = first.then(|| {
            Duration::try_from(exchange.started_at.duration_since(published_at)).unwrap_or_default()
        });
        self.context.metrics.attempted(
            &exchange.outcome,
            exchange.duration,
            delay,
            &effects.decision,
        );
        log_failure(entry.id, order, &exchange, &effects.decision);
        let attempt = Self::attempt(entry, current, order, effects.attempt_id, exchange, payload);
        self.context.broadcast_attempt(webhook.organizer, &attempt);
        let state = match effects.decision.disable {
            // Told once it is on disk, with every other change of the registry.
            Some(_) => None,
            None if was_failing == entry.is_failing.get() => None,
            None if was_failing => Some(LaneState::Healthy),
            None => Some(LaneState::Failing),
        };
        if let Some(state) = state {
            self.context
                .broadcast_lane_state(webhook.organizer, entry.id, state);
        }
        let settlement = Settlement {
            webhook: entry.id,
            generation: webhook.generation,
            cause: SettlementCause::Attempted {
                attempt,
                update: Some(effects.update),
            },
            health: effects.changed_health,
            disable: effects.decision.disable,
            alert: self
                .context
                .alerts
                .alert_after(&effects.decision, current.policy.failures, now),
        };
        let number = self.settle(entry, order.delivery.notification.id, settlement);
        if effects.must_hold {
            spawn_local(self.clone().make_all_due(entry.clone(), number));
        }
    }

    fn attempt(
        entry: &LaneEntry,
        current: &Current,
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
            test: false,
            payload,
            exchange,
        })
    }

    /// Goes the very way of deliveries, but counts neither for the lane's health nor for switching off.
    pub(super) async fn test_webhook(self: Rc<Self>, entry: Rc<LaneEntry>, test: WebhookTest) {
        let current = self.refresh(&entry);
        let sent = self.send(&entry, &current, &test.notification, true).await;
        let now = self.now();
        let Some(id) = self.with_lane(&entry, |lane| lane.next_attempt_id(now)) else {
            return;
        };
        let attempt = test_attempt(id, &current.webhook, &test.notification, sent);
        self.context
            .broadcast_attempt(current.webhook.organizer, &attempt);
        let cause = SettlementCause::Attempted {
            attempt: attempt.clone(),
            update: None,
        };
        self.context.committer.settle(Settlement {
            webhook: entry.id,
            generation: current.webhook.generation,
            cause,
            health: None,
            disable: None,
            alert: None,
        });
        // Whoever asked may have gone; the log has it.
        let _ = test.reply.send(attempt);
    }

    /// Goes the same way over a connection of its own, and is told to nobody but whoever asked.
    pub(super) async fn test_draft(self: Rc<Self>, draft_test: DraftTest) {
        let DraftTest {
            draft,
            notification,
            reply,
            permit,
        } = draft_test;
        let prepared = self.sender.prepare(&draft);
        let connections = ConnectionPool::new();
        let sent = self
            .exchange(draft.id, &connections, &prepared, &notification, true)
            .await;
        let id = AttemptId(self.now().as_microsecond());
        // Whoever asked may have gone.
        let _ = reply.send(test_attempt(id, &draft, &notification, sent));
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
        test: true,
        payload: Some(body),
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
    if let Some(disable) = decision.disable {
        tracing::warn!(
            webhook.id = webhook.0,
            notification.id = notification.0,
            reason,
            disable = disable.as_str(),
            "a webhook was switched off"
        );
    } else {
        tracing::info!(
            webhook.id = webhook.0,
            notification.id = notification.0,
            attempt = order.delivery.progress.attempts + 1,
            reason,
            "an attempt failed"
        );
    }
}
