//! One request after the other, and what follows from each.
//!
//! A request begun goes on until its answer; its task then takes the lane's next order itself, and ends when there is none.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_local;

use super::Dispatcher;
use super::slot::{Current, Slot};
use crate::dialect::at_sending;
use crate::domain::{
    Attempt, AttemptId, Decision, Exchange, NotificationId, Outcome, Pace, Progress, WebhookId,
};
use crate::engine::LaneState;
use crate::engine::inbox::Test;
use crate::engine::lane::Order;
use crate::engine::sender::Request;
use crate::store::{Settlement, Verdict, Waiting};

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
            let (exchange, body) = self.send(&slot, &current, &order.waiting, false).await;
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
        waiting: &Waiting,
        test: bool,
    ) -> (Exchange, Bytes) {
        let notification = &waiting.notification;
        let body = at_sending(notification.shape, &notification.body, self.now());
        let message_id = format!("msg_{}_{}", slot.id, notification.id);
        let request = Request {
            prepared: &current.prepared,
            message_id: &message_id,
            body: body.clone(),
            test,
        };
        (self.sender.send(&slot.connections, request).await, body)
    }

    fn finish(
        self: &Rc<Self>,
        slot: &Rc<Slot>,
        current: &Current,
        order: &Order,
        exchange: Exchange,
        payload: Option<Bytes>,
    ) {
        let now = self.now();
        let webhook = &current.webhook;
        let most = webhook.settings.max_concurrency.unwrap_or(Pace::MOST);
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
            verdict: Verdict::Attempted {
                attempt,
                follows: Some(finished.follows),
            },
            health: finished.health,
            disable: finished.decision.disable,
            alert: self
                .shared
                .alerts
                .owed(&finished.decision, current.policy.failures, now),
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
        exchange: Exchange,
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
        let progress = Progress::new(test.notification.published_at);
        let waiting = Waiting {
            notification: test.notification,
            progress,
        };
        let (exchange, body) = self.send(&slot, &current, &waiting, true).await;
        let now = self.now();
        let Some(id) = self.with_lane(&slot, |lane| lane.number_attempt(now)) else {
            return;
        };
        let attempt = Arc::new(Attempt {
            id,
            webhook: slot.id,
            notification: waiting.notification.id,
            action_type: test.action_type,
            event: waiting.notification.event.clone(),
            target_url: current.webhook.target.redacted(),
            number: 1,
            test: true,
            payload: Some(body),
            exchange,
        });
        self.shared
            .tell_attempt(current.webhook.organizer, &attempt);
        let verdict = Verdict::Attempted {
            attempt: attempt.clone(),
            follows: None,
        };
        self.shared.committer.settle(Settlement {
            webhook: slot.id,
            verdict,
            health: None,
            disable: None,
            alert: None,
        });
        // Whoever asked may have gone; the log has it.
        let _ = test.answer.send(attempt);
    }
}

fn log_failure(webhook: WebhookId, order: &Order, exchange: &Exchange, decision: &Decision) {
    if exchange.outcome.is_success() {
        return;
    }
    let reason = match &exchange.outcome {
        Outcome::Answered { status, .. } => format!("the receiver answered {status}"),
        Outcome::Failed { reason, .. } => reason.clone(),
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
