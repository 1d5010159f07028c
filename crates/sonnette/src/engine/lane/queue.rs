//! The deliveries of one lane that wait in memory: in order, and bounded.

use std::collections::VecDeque;

use crate::domain::NotificationId;
use crate::store::PendingDelivery;

/// Deliveries a lane holds in memory.
const MOST: usize = 4_096;
/// Bytes it holds, unless a single delivery is larger.
const MOST_BYTES: usize = 2 << 20;
/// With fewer than this the store is asked for more,
const LOW: usize = 128;
/// but not while as many bytes are still there.
const LOW_BYTES: usize = MOST_BYTES / 4;
/// What a delivery in memory costs beside its body.
const OVERHEAD: usize = 256;

/// Deliveries that wait for their turn, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<PendingDelivery>,
    bytes: usize,
}

impl Queue {
    /// Bytes of memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.waiting.len() >= MOST || self.bytes >= MOST_BYTES
    }

    /// Whether it is time to ask the store for more.
    pub(crate) fn is_low(&self) -> bool {
        self.waiting.len() < LOW && self.bytes < LOW_BYTES
    }

    pub(crate) fn push(&mut self, waiting: PendingDelivery) {
        self.bytes += cost(&waiting);
        self.waiting.push_back(waiting);
    }

    pub(crate) fn pop(&mut self) -> Option<PendingDelivery> {
        let waiting = self.waiting.pop_front()?;
        self.bytes -= cost(&waiting);
        Some(waiting)
    }

    /// Takes one out, wherever it stands.
    pub(crate) fn take(&mut self, id: NotificationId) -> Option<PendingDelivery> {
        let place = self.waiting.iter().position(|w| w.notification.id == id)?;
        let waiting = self.waiting.remove(place)?;
        self.bytes -= cost(&waiting);
        Some(waiting)
    }
}

fn cost(waiting: &PendingDelivery) -> usize {
    waiting.notification.body.len() + OVERHEAD
}
