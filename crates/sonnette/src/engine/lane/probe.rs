//! The probes of a failing lane: one at a time, and which delivery each of them sends.
//!
//! Probes take the pending deliveries in turn, so that one that the receiver cannot process does not hold the others. A
//! delivery that was never tried, of an action type that was not refused lately, is taken out of turn: it is the most
//! likely to be accepted, and the first success opens the lane.

use jiff::Timestamp;

use super::action::LaneAction;
use super::{Lane, PageLoad, RELOAD_DELAY, earlier};
use crate::domain::{AttemptKind, ClockReading, Webhook, saturating_add};
use crate::store::{Cursor, DeliveryPage, PendingDelivery};

/// Deliveries that are read for a probe: of the next ones in turn, and of the newest.
const MAX_CANDIDATES: usize = 32;

/// The deliveries that a probe may send.
#[derive(Debug, Default)]
pub(crate) struct ProbeCandidates {
    /// The next ones in turn.
    pub(crate) next: DeliveryPage,
    /// The newest ones; they may be among `next`.
    pub(crate) newest: Vec<PendingDelivery>,
}

/// Where the probes of a lane are in its pending deliveries. By default, at the first one.
#[derive(Debug, Default)]
pub(super) struct ProbeRotation {
    /// The delivery that a probe took in turn last: the next one is the one after it.
    cursor: Option<Cursor>,
    /// The last probe took a delivery that was tried before, of a type that was not refused lately.
    was_type_preferred: bool,
}

impl Lane {
    /// The next probe. Only one is in flight at a time.
    pub(super) fn next_probe(
        &mut self,
        webhook: &Webhook,
        reading: ClockReading,
        committed: u64,
    ) -> LaneAction {
        if self.in_flight > 0 || self.page_load != PageLoad::None {
            return LaneAction::Idle;
        }
        match self.queue.pop() {
            Some(delivery) => {
                self.send_or_expire(delivery, AttemptKind::Probe, false, webhook, reading)
            }
            None if self.has_unread_rows => {
                self.begin_load(committed);
                LaneAction::LoadProbeCandidates(
                    self.probe_rotation.cursor,
                    MAX_CANDIDATES + self.known_deliveries.len(),
                )
            }
            None => self
                .next_due_at
                .map_or(LaneAction::Idle, LaneAction::SleepUntil),
        }
    }

    /// Takes what was read for a [`LaneAction::LoadProbeCandidates`] that was returned at `now`.
    pub(crate) fn probe_candidates_loaded(
        &mut self,
        mut candidates: ProbeCandidates,
        now: Timestamp,
    ) {
        let is_stale = std::mem::take(&mut self.page_load) == PageLoad::Stale;
        if is_stale || !self.health.is_failing() || !self.queue.is_empty() {
            self.has_unread_rows = true;
            return;
        }
        // Those are in flight, or their settlement may not be on disk yet.
        let read = candidates.next.deliveries.len();
        let is_unknown =
            |d: &PendingDelivery| !self.known_deliveries.contains_key(&d.notification.id);
        candidates.next.deliveries.retain(is_unknown);
        candidates.newest.retain(is_unknown);
        let has_known = candidates.next.deliveries.len() < read;
        let next_due_at = candidates.next.next_due_at;
        if let Some(delivery) = self.choose_probe(candidates, now) {
            self.enqueue(delivery);
            self.has_unread_rows = true;
        } else if self.probe_rotation.cursor.take().is_some() {
            // Every pending delivery has had its turn; probes start again with the first.
            self.has_unread_rows = true;
        } else if has_known {
            self.next_due_at = earlier(self.next_due_at, Some(saturating_add(now, RELOAD_DELAY)));
        } else {
            self.next_due_at = earlier(self.next_due_at, next_due_at);
        }
    }

    fn choose_probe(
        &mut self,
        candidates: ProbeCandidates,
        now: Timestamp,
    ) -> Option<PendingDelivery> {
        let ProbeCandidates { next, newest } = candidates;
        let is_refused = |d: &PendingDelivery| {
            self.refused_types
                .is_recent(&d.notification.action_type, now)
        };
        let preferred = next
            .deliveries
            .iter()
            .chain(&newest)
            .filter(|delivery| !is_refused(delivery))
            .min_by_key(|d| (d.progress.attempts, d.progress.due_at, d.notification.id))
            .cloned();
        let next = next.deliveries.into_iter().next();
        let is_next_refused = next.as_ref().is_some_and(is_refused);
        let takes_turn_of_other = preferred.as_ref().is_some_and(|preferred| {
            preferred.progress.attempts == 0
                || (is_next_refused && !self.probe_rotation.was_type_preferred)
        });
        let chosen = if takes_turn_of_other {
            preferred
        } else {
            next.clone()
        };
        let chosen = chosen?;
        self.probe_rotation.was_type_preferred =
            chosen.progress.attempts > 0 && !is_refused(&chosen);
        if next.is_some_and(|next| next.notification.id == chosen.notification.id) {
            self.probe_rotation.cursor = Some((chosen.progress.due_at, chosen.notification.id));
        }
        Some(chosen)
    }
}
