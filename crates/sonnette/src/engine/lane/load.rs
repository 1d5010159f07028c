//! Loading deliveries of a lane from the store.

use jiff::Timestamp;

use super::{Lane, PageLoad, RELOAD_DELAY, earlier};
use crate::domain::saturating_add;
use crate::store::DeliveryPage;

impl Lane {
    /// Takes what was read for a [`LaneAction::Load`](super::LaneAction::Load) that was returned at `now`.
    pub(crate) fn apply_page(&mut self, page: DeliveryPage, now: Timestamp) {
        let is_stale = std::mem::take(&mut self.page_load) == PageLoad::Stale;
        let passed = self.page_cursor.take();
        if passed.is_some() {
            // Deliveries before the cursor that have become due meanwhile are not on this page.
            self.next_due_at = earlier(self.next_due_at, Some(saturating_add(now, RELOAD_DELAY)));
        }
        if is_stale || self.health.is_failing() {
            self.has_unread_rows = true;
            return;
        }
        // Settled in memory, or scheduled anew since it was loaded: it is due again once its settlement is on disk.
        let (mut has_settled, mut has_new) = (false, false);
        let last = page
            .deliveries
            .last()
            .map(|w| (w.progress.due_at, w.notification.id));
        for delivery in page.deliveries {
            self.newest_loaded = self.newest_loaded.max(delivery.notification.id);
            if let Some(started_at) = self.known_deliveries.get(&delivery.notification.id) {
                has_settled |= *started_at != delivery.progress.started_at
                    || self
                        .settled_deliveries
                        .iter()
                        .any(|(_, id)| *id == delivery.notification.id);
            } else {
                has_new = true;
                self.enqueue(delivery);
            }
        }
        let more_due = page.next_due_at.is_some_and(|due| due <= now);
        if !has_new && more_due {
            // With large bodies, the deliveries in flight can fill a whole page.
            self.page_cursor = last.or(passed);
        }
        match page.next_due_at {
            Some(due) if due <= now => self.has_unread_rows = true,
            due => self.next_due_at = earlier(self.next_due_at, due),
        }
        if has_settled {
            self.next_due_at = earlier(self.next_due_at, Some(saturating_add(now, RELOAD_DELAY)));
        }
    }

    /// The store could not be read. The lane tries again after [`RELOAD_DELAY`].
    pub(crate) fn apply_load_failure(&mut self, now: Timestamp) {
        self.page_load = PageLoad::None;
        self.next_due_at = earlier(self.next_due_at, Some(saturating_add(now, RELOAD_DELAY)));
    }
}
