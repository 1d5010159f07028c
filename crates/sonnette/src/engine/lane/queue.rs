//! The deliveries of one lane that wait in memory: in order, and bounded.

use std::collections::VecDeque;

use crate::domain::NotificationId;
use crate::store::PendingDelivery;

/// Deliveries a lane holds in memory.
const MAX_DELIVERIES: usize = 4_096;
/// Bytes it holds, unless a single delivery is larger.
const MAX_BYTES: usize = 2 << 20;
/// With fewer than this the store is asked for more,
const RELOAD_BELOW_DELIVERIES: usize = 128;
/// but not while as many bytes are still there.
const RELOAD_BELOW_BYTES: usize = MAX_BYTES / 4;
/// What a delivery in memory costs beside its body.
const DELIVERY_OVERHEAD_BYTES: usize = 256;

/// Deliveries that wait for their turn, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct DeliveryQueue {
    delivery: VecDeque<PendingDelivery>,
    bytes: usize,
}

impl DeliveryQueue {
    /// Bytes of memory it takes, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.delivery.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.delivery.len() >= MAX_DELIVERIES || self.bytes >= MAX_BYTES
    }

    /// Whether it is time to ask the store for more.
    pub(crate) fn needs_reload(&self) -> bool {
        self.delivery.len() < RELOAD_BELOW_DELIVERIES && self.bytes < RELOAD_BELOW_BYTES
    }

    pub(crate) fn push(&mut self, delivery: PendingDelivery) {
        self.bytes += cost(&delivery);
        self.delivery.push_back(delivery);
    }

    pub(crate) fn pop(&mut self) -> Option<PendingDelivery> {
        let delivery = self.delivery.pop_front()?;
        self.bytes -= cost(&delivery);
        Some(delivery)
    }

    /// Takes one out, wherever it stands.
    pub(crate) fn take(&mut self, id: NotificationId) -> Option<PendingDelivery> {
        let place = self.delivery.iter().position(|w| w.notification.id == id)?;
        let delivery = self.delivery.remove(place)?;
        self.bytes -= cost(&delivery);
        Some(delivery)
    }
}

fn cost(delivery: &PendingDelivery) -> usize {
    delivery.notification.body.len() + DELIVERY_OVERHEAD_BYTES
}
