//! The deliveries of one lane that are queued in memory: ordered and bounded.

use std::collections::VecDeque;

use crate::domain::NotificationId;
use crate::store::PendingDelivery;

/// Deliveries in the queue.
const MAX_QUEUED_DELIVERIES: usize = 4_096;
/// Bytes in the queue, unless a single delivery is larger.
const MAX_QUEUED_BYTES: usize = 2 << 20;
/// The lane loads more deliveries when fewer than this are queued
const RELOAD_BELOW_DELIVERIES: usize = 128;
/// and their bytes are below this.
const RELOAD_BELOW_BYTES: usize = MAX_QUEUED_BYTES / 4;
/// The memory that a queued delivery takes besides its body.
const DELIVERY_OVERHEAD_BYTES: usize = 256;

/// Queued deliveries, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct DeliveryQueue {
    deliveries: VecDeque<PendingDelivery>,
    bytes: usize,
}

impl DeliveryQueue {
    /// The memory that the queue takes, approximately.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.deliveries.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.deliveries.len() >= MAX_QUEUED_DELIVERIES || self.bytes >= MAX_QUEUED_BYTES
    }

    /// Whether it is time to load more deliveries.
    pub(crate) fn needs_reload(&self) -> bool {
        self.deliveries.len() < RELOAD_BELOW_DELIVERIES && self.bytes < RELOAD_BELOW_BYTES
    }

    pub(crate) fn push(&mut self, delivery: PendingDelivery) {
        self.bytes += queued_size(&delivery);
        self.deliveries.push_back(delivery);
    }

    pub(crate) fn pop(&mut self) -> Option<PendingDelivery> {
        let delivery = self.deliveries.pop_front()?;
        self.bytes -= queued_size(&delivery);
        Some(delivery)
    }

    /// Removes the delivery of this notification, wherever it is in the queue.
    pub(crate) fn take(&mut self, id: NotificationId) -> Option<PendingDelivery> {
        let index = self
            .deliveries
            .iter()
            .position(|delivery| delivery.notification.id == id)?;
        let delivery = self.deliveries.remove(index)?;
        self.bytes -= queued_size(&delivery);
        Some(delivery)
    }
}

fn queued_size(delivery: &PendingDelivery) -> usize {
    delivery.notification.body.len() + DELIVERY_OVERHEAD_BYTES
}

#[cfg(test)]
mod tests {
    use super::super::tests::{delivery, large};
    use super::*;

    #[test]
    fn the_number_of_deliveries_is_bounded() {
        let mut queue = DeliveryQueue::default();
        for id in 1..=4_096 {
            assert!(!queue.is_full());
            queue.push(delivery(id));
        }
        assert!(queue.is_full());
        queue.pop();
        assert!(!queue.is_full());
    }

    #[test]
    fn the_bytes_of_deliveries_are_bounded() {
        let mut queue = DeliveryQueue::default();
        let eighth = (256 << 10) - 256;
        for id in 1..8 {
            queue.push(large(id, eighth));
        }
        queue.push(large(8, eighth - 1));
        assert!(!queue.is_full());
        queue.take(NotificationId(8));
        queue.push(large(8, eighth));
        assert_eq!(queue.bytes(), 2 << 20);
        assert!(queue.is_full());
    }

    #[test]
    fn more_is_loaded_while_few_deliveries_and_bytes_are_queued() {
        let mut queue = DeliveryQueue::default();
        for id in 1..128 {
            queue.push(delivery(id));
        }
        assert!(queue.needs_reload());
        queue.push(delivery(128));
        assert!(!queue.needs_reload());
        let mut queue = DeliveryQueue::default();
        queue.push(large(1, (512 << 10) - 256 - 1));
        assert!(queue.needs_reload());
        queue.take(NotificationId(1));
        queue.push(large(1, (512 << 10) - 256));
        assert!(!queue.needs_reload());
    }
}
