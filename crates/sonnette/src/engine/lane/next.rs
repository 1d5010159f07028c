//! What a lane does next.

use std::time::Duration;

use jiff::Timestamp;

use super::action::{LaneAction, SendOrder};
use super::{
    Lane, MAX_PAUSE, MAX_RATE_CATCH_UP, MAX_SEND_INTERVAL, PAGE_ROWS, PageLoad, RELOAD_DELAY,
};
use crate::domain::{AttemptKind, ClockReading, Webhook, saturating_add};
use crate::store::{Cursor, PendingDelivery};

impl Lane {
    /// What the lane does next. Deliveries expire by the trusted time. `committed` is the number of the last settlement on disk.
    pub(crate) fn next_action(
        &mut self,
        webhook: &Webhook,
        reading: impl Into<ClockReading>,
        committed: u64,
    ) -> LaneAction {
        let reading = reading.into();
        let now = reading.now;
        if self.paused > 0 || self.is_closed {
            return LaneAction::Idle;
        }
        if !webhook.is_enabled() {
            self.clear_queue();
            return LaneAction::Idle;
        }
        if let Some(until) = self.shortage_end(now) {
            return LaneAction::SleepUntil(until);
        }
        if self.next_due_at.is_some_and(|due| due <= now) {
            self.next_due_at = None;
            self.has_unread_rows = true;
        }
        if self.can_send_manual(webhook)
            && let Some(delivery) = self.manual_queue.pop_front()
        {
            let kind = if self.health.is_failing() {
                AttemptKind::Probe
            } else {
                AttemptKind::Due
            };
            return self.send_or_expire(delivery, kind, true, webhook, reading);
        }
        if let Some(until) = self.paused_until(now) {
            return LaneAction::SleepUntil(until);
        }
        if self.health.is_failing() {
            return self.next_probe(webhook, reading, committed);
        }
        if self.has_unread_rows && self.page_load == PageLoad::None && self.queue.needs_reload() {
            return self.load(self.page_cursor, PAGE_ROWS, committed);
        }
        self.next_due(webhook, reading)
    }

    /// What a person asks for is sent within the limit too, and a probe is the only request in flight.
    fn can_send_manual(&self, webhook: &Webhook) -> bool {
        let limit = if self.health.is_failing() {
            1
        } else {
            webhook.settings.max_concurrency.unwrap_or(u32::MAX)
        };
        self.in_flight < limit
    }

    fn next_due(&mut self, webhook: &Webhook, reading: ClockReading) -> LaneAction {
        let now = reading.now;
        let limit = webhook.settings.max_concurrency.unwrap_or(u32::MAX);
        if self.in_flight >= self.concurrency.window().min(limit) {
            return LaneAction::Idle;
        }
        // A later time than any rate limit sets was computed while the clock was wrong.
        self.next_send_at = self
            .next_send_at
            .min(saturating_add(now, MAX_SEND_INTERVAL));
        if !self.queue.is_empty() && self.next_send_at > now {
            return LaneAction::SleepUntil(self.next_send_at);
        }
        match self.queue.pop() {
            Some(delivery) => {
                self.send_or_expire(delivery, AttemptKind::Due, false, webhook, reading)
            }
            None => self
                .next_due_at
                .map_or(LaneAction::Idle, LaneAction::SleepUntil),
        }
    }

    pub(super) fn send_or_expire(
        &mut self,
        delivery: PendingDelivery,
        kind: AttemptKind,
        is_manual: bool,
        webhook: &Webhook,
        ClockReading { now, trusted }: ClockReading,
    ) -> LaneAction {
        if delivery.progress.expires_at() <= trusted {
            return LaneAction::Expire(delivery.notification.id);
        }
        if let Some(rate) = webhook.settings.max_per_second {
            let from = self
                .next_send_at
                .max(now.saturating_sub(MAX_RATE_CATCH_UP).unwrap_or(now));
            self.next_send_at = saturating_add(from, Duration::from_secs(1) / rate.max(1));
        }
        self.in_flight += 1;
        LaneAction::Send(SendOrder {
            delivery,
            kind,
            generation: webhook.generation,
            pause_count: self.pause_count,
            is_manual,
        })
    }

    /// Whether an order may be carried out. Between it and the start of its request, the webhook may have changed, or
    /// the deliveries in the store.
    pub(crate) fn is_still_valid(&self, order: &SendOrder, webhook: &Webhook) -> bool {
        let limit = webhook.settings.max_concurrency.unwrap_or(u32::MAX);
        self.paused == 0
            && order.pause_count == self.pause_count
            && !self.is_closed
            && webhook.is_enabled()
            && order.generation == webhook.generation
            && self.in_flight <= limit
    }

    /// Takes back an order that is not carried out. The delivery is loaded again if it is still pending.
    pub(crate) fn cancel_order(&mut self, order: &SendOrder) {
        self.in_flight -= 1;
        self.known_deliveries
            .remove(&order.delivery.notification.id);
        self.has_unread_rows = true;
        self.page_load.make_stale();
    }

    /// Takes back an order whose request could not be sent because of a shortage of this machine.
    pub(crate) fn postpone_order(&mut self, order: &SendOrder, until: Timestamp) {
        self.cancel_order(order);
        self.shortage_until = Some(until);
    }

    fn shortage_end(&mut self, now: Timestamp) -> Option<Timestamp> {
        let latest = saturating_add(now, RELOAD_DELAY);
        self.shortage_until = self
            .shortage_until
            .filter(|until| *until > now)
            .map(|until| until.min(latest));
        self.shortage_until
    }

    /// Until when no request may begin. A wait that is longer than it was when it was computed comes from a clock that
    /// was set back: it is reduced.
    fn paused_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        if let Some(until) = &mut self.health.paused_until {
            let length = self.health.pause_length.unwrap_or(MAX_PAUSE);
            *until = (*until).min(saturating_add(now, length));
        }
        if let Some(schedule) = &mut self.health.probe_schedule {
            let latest = saturating_add(now, schedule.wait);
            schedule.next_at = schedule.next_at.min(latest);
        }
        self.health.silent_until().filter(|until| *until > now)
    }

    fn load(&mut self, after: Option<Cursor>, rows: usize, committed: u64) -> LaneAction {
        self.begin_load(committed);
        LaneAction::Load(after, rows + self.known_deliveries.len())
    }

    pub(super) fn begin_load(&mut self, committed: u64) {
        self.forget_settled(committed);
        self.page_load = PageLoad::Running;
        self.has_unread_rows = false;
    }
}
