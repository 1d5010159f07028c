//! One request after the other, and what follows from each.
//!
//! A request begun goes on until its answer; its task then takes the lane's next order itself, and ends when there is none.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_local;

use super::Dispatcher;
use super::active_lane::{Current, Slot};
use crate::dialect::body_at_send_time;
use crate::domain::{
    AdaptiveConcurrency, Attempt, AttemptId, Decision, HttpExchange, Notification, NotificationId,
    Outcome, Webhook, WebhookId,
};
use crate::engine::LaneState;
use crate::engine::dispatcher::inbox::{Test, TryOut};
use crate::engine::lane::Order;
use crate::engine::sender::{Connections, Prepared, Request};
use crate::store::{Settlement, SettlementCause};

impl Dispatcher {
    /// Hands in a settlement; its number.
    pub(super) fn settle(
        &self,
        slot: &Slot,
        notification: NotificationId,
        settlement: Settlement,
    ) -> u64 {
        let number = self.shared.committer.settle(settlement);
        let committed = self.shared.committer.committed();
        self.with_lane(slot, |lane| lane.settles(number, notification, committed));
        number
    }

    /// Sends order after order of one lane until it has none, or others wait for their turn.
    pub(super) async fn work(self: Rc<Self>, slot: Rc<Slot>, mut order: Order) {
        loop {
            let current = slot.current.borrow().clone();
            let notification = &order.waiting.notification;
            let (exchange, body) = self.send(&slot, &current, notification, false).await;
            self.in_flight.set(self.in_flight.get() - 1);
            self.shared.metrics.in_flight(false);
            let stored = &order.waiting.notification.body;
            let is_stored = body.as_ptr() == stored.as_ptr() || body == *stored;
            let payload = (!is_stored).then_some(body);
            self.finish(&slot, &current, &order, exchange, payload);
            self.give_turns();
            match self.next_order(&slot) {
                Some(next) => order = next,
                None => return,
            }
            // One request has become one again; where the lane may do more at a time, others begin beside it.
            self.turn(&slot);
        }
    }

    async fn send(
        &self,
        slot: &Slot,
        current: &Current,
        notification: &Notification,
        test: bool,
    ) -> (HttpExchange, Bytes) {
        self.exchange(
            slot.id,
            &slot.connections,
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
        connections: &Connections,
        prepared: &Prepared,
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
        slot: &Rc<Slot>,
        current: &Current,
        order: &Order,
        exchange: HttpExchange,
        payload: Option<Bytes>,
    ) {
        let now = self.now();
        let webhook = &current.webhook;
        let most = webhook
            .settings
            .max_concurrency
            .unwrap_or(AdaptiveConcurrency::MAX_WINDOW);
        let jitter = fastrand::f64();
        let was_failing = slot.failing.get();
        let finished = self.with_lane(slot, |lane| {
            lane.finished(
                order,
                &exchange.outcome,
                exchange.duration,
                current.policy,
                most,
                now,
                jitter,
            )
        });
        let Some(finished) = finished else { return };
        let first = order.waiting.progress.attempts == 0;
        let published_at = order.waiting.notification.published_at;
        let delay = first.then(|| {
            Duration::try_from(exchange.started_at.duration_since(published_at)).unwrap_or_default()
        });
        self.shared.metrics.attempted(
            &exchange.outcome,
            exchange.duration,
            delay,
            &finished.decision,
        );
        log_failure(slot.id, order, &exchange, &finished.decision);
        let attempt = Self::attempt(slot, current, order, finished.attempt, exchange, payload);
        self.shared.tell_attempt(webhook.organizer, &attempt);
        let state = match finished.decision.disable {
            // Told once it is on disk, with every other change of the registry.
            Some(_) => None,
            None if was_failing == slot.failing.get() => None,
            None if was_failing => Some(LaneState::Healthy),
            None => Some(LaneState::Failing),
        };
        if let Some(state) = state {
            self.shared.tell_lane(webhook.organizer, slot.id, state);
        }
        let settlement = Settlement {
            webhook: slot.id,
            cause: SettlementCause::Attempted {
                attempt,
                update: Some(finished.follows),
            },
            health: finished.health,
            disable: finished.decision.disable,
            alert: self
                .shared
                .alerts
                .alert_after(&finished.decision, current.policy.failures, now),
        };
        let number = self.settle(slot, order.waiting.notification.id, settlement);
        if finished.hold {
            spawn_local(self.clone().hold(slot.clone(), number));
        }
    }

    fn attempt(
        slot: &Slot,
        current: &Current,
        order: &Order,
        id: AttemptId,
        exchange: HttpExchange,
        payload: Option<Bytes>,
    ) -> Arc<Attempt> {
        let notification = &order.waiting.notification;
        Arc::new(Attempt {
            id,
            webhook: slot.id,
            notification: notification.id,
            action_type: notification.action_type.clone(),
            event: notification.event.clone(),
            target_url: current.webhook.target.redacted(),
            number: order.waiting.progress.attempts.saturating_add(1),
            test: false,
            payload,
            exchange,
        })
    }

    /// Goes the very way of deliveries, but counts neither for the lane's health nor for switching off.
    pub(super) async fn test(self: Rc<Self>, slot: Rc<Slot>, test: Test) {
        let current = self.refresh(&slot);
        let sent = self.send(&slot, &current, &test.notification, true).await;
        let now = self.now();
        let Some(id) = self.with_lane(&slot, |lane| lane.number_attempt(now)) else {
            return;
        };
        let attempt = of_test(id, &current.webhook, &test.notification, sent);
        self.shared
            .tell_attempt(current.webhook.organizer, &attempt);
        let cause = SettlementCause::Attempted {
            attempt: attempt.clone(),
            update: None,
        };
        self.shared.committer.settle(Settlement {
            webhook: slot.id,
            cause,
            health: None,
            disable: None,
            alert: None,
        });
        // Whoever asked may have gone; the log has it.
        let _ = test.answer.send(attempt);
    }

    /// Goes the same way over a connection of its own, and is told to nobody but whoever asked.
    pub(super) async fn try_out(self: Rc<Self>, try_out: TryOut) {
        let TryOut {
            draft,
            notification,
            answer,
            place,
        } = try_out;
        let prepared = self.sender.prepare(&draft);
        let connections = Connections::new();
        let sent = self
            .exchange(draft.id, &connections, &prepared, &notification, true)
            .await;
        let id = AttemptId(self.now().as_microsecond());
        // Whoever asked may have gone.
        let _ = answer.send(of_test(id, &draft, &notification, sent));
        drop(place);
    }
}

fn of_test(
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

fn log_failure(webhook: WebhookId, order: &Order, exchange: &HttpExchange, decision: &Decision) {
    if exchange.outcome.is_success() {
        return;
    }
    let reason = match &exchange.outcome {
        Outcome::Answered { status, .. } => format!("the receiver answered {status}"),
        Outcome::Failed(failure) => failure.to_string(),
    };
    let notification = order.waiting.notification.id;
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
            attempt = order.waiting.progress.attempts + 1,
            reason,
            "an attempt failed"
        );
    }
}
