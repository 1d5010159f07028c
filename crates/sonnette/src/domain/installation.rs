//! The ids of requests to receivers, which are unique over all installations and restores.

use super::{Notification, NotificationId, WebhookId};

/// An installation of Sonnette. A restore begins a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The first notification that it publishes.
    pub first_notification: NotificationId,
    /// Random: 12 hexadecimal digits.
    pub id: String,
}

/// The installations that a store has belonged to, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installations(Vec<Installation>);

impl Installations {
    /// `installations` by their first notification, in ascending order.
    pub fn new(installations: Vec<Installation>) -> Self {
        Self(installations)
    }

    /// The `webhook-id` of a notification for a webhook: the same for each attempt, and never that of another pair, not even
    /// after an old backup was restored and numbers are assigned again. At most 64 characters, all of them letters, digits
    /// and underscores.
    ///
    /// A notification from before the first installation has the id that version 0.1 sent.
    pub fn message_id(&self, webhook: WebhookId, notification: &Notification) -> String {
        let id = notification.id;
        let following = self
            .0
            .partition_point(|known| known.first_notification <= id);
        match following.checked_sub(1).and_then(|at| self.0.get(at)) {
            None => format!("msg_{webhook}_{id}"),
            Some(installation) => format!(
                "msg_{}_{webhook}_{id}_{}",
                installation.id,
                base_36(notification.published_at.as_microsecond().unsigned_abs())
            ),
        }
    }
}

/// A number in digits and lower-case letters. The microseconds since 1970 take 10 characters until 2083.
pub(crate) fn base_36(number: u64) -> String {
    let mut rest = number;
    let mut digits = Vec::new();
    loop {
        digits.push(b"0123456789abcdefghijklmnopqrstuvwxyz"[(rest % 36) as usize]);
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits
        .iter()
        .rev()
        .map(|digit| char::from(*digit))
        .collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{OrganizerId, PayloadShape};

    fn notification(id: i64, microseconds: i64) -> Notification {
        Notification {
            id: NotificationId(id),
            organizer: OrganizerId(1),
            action_type: "a.b".parse().unwrap(),
            event: None,
            published_at: Timestamp::from_microsecond(microseconds).unwrap(),
            shape: PayloadShape::Custom,
            body: Bytes::new(),
        }
    }

    fn installation(first: i64, id: &str) -> Installation {
        Installation {
            first_notification: NotificationId(first),
            id: id.to_owned(),
        }
    }

    #[test]
    fn a_notification_keeps_the_installation_that_published_it() {
        let installations = Installations::new(vec![
            installation(3, "0123456789ab"),
            installation(7, "cdef01234567"),
        ]);
        let id = |number| installations.message_id(WebhookId(5), &notification(number, 36));
        assert_eq!(id(2), "msg_5_2");
        assert_eq!(id(3), "msg_0123456789ab_5_3_10");
        assert_eq!(id(6), "msg_0123456789ab_5_6_10");
        assert_eq!(id(7), "msg_cdef01234567_5_7_10");
        assert_eq!(id(1 << 52), "msg_cdef01234567_5_4503599627370496_10");
    }

    #[test]
    fn one_number_at_two_times_has_two_ids_and_none_is_too_long() {
        let installations = Installations::new(vec![installation(1, "0123456789ab")]);
        let last = (1 << 53) - 1;
        let end_of_time = Timestamp::MAX.as_microsecond() - 1_000_000;
        let id = |time| installations.message_id(WebhookId(last), &notification(last, time));
        assert_ne!(id(1_795_000_000_000_000), id(1_795_000_000_000_001));
        for time in [0, 1_795_000_000_000_000, end_of_time] {
            let id = id(time);
            assert!(id.len() <= 64, "{id}");
            assert!(
                id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
                "{id}"
            );
        }
    }
}
