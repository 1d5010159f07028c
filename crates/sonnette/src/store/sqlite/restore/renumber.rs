//! Moves the counters of a restored store beyond the ids that were assigned after the backup.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};

use crate::domain::NotificationId;
use crate::store::sqlite::counters::MAX_COUNTER;
use crate::store::sqlite::{SqliteStore, log_segments};
use crate::store::{DeliveryStore as _, StoreError};

const SELECT_NOTIFICATION: &str = "notification";
/// The counters of ids, each with the table of its rows.
const TABLES: [(&str, &str); 4] = [
    (SELECT_NOTIFICATION, "notifications"),
    ("user", "users"),
    ("webhook", "webhooks"),
    ("token", "tokens"),
];

/// Without the counters of the replaced store, so many notifications are skipped for each second since the backup.
const SKIPPED_NOTIFICATIONS_PER_SECOND: i64 = 10_000;
/// At least so many notifications are skipped then.
const MIN_SKIPPED_NOTIFICATIONS: i64 = 1_000_000;
/// So many of each other id are skipped then.
const SKIPPED_OTHER_IDS: i64 = 1_000;

/// The next ids of a store, by the name of their counter.
pub(super) struct Counters(BTreeMap<&'static str, i64>);

impl Counters {
    /// # Errors
    /// It is not a store of Sonnette, or its counter of notifications is damaged.
    pub(super) fn read(connection: &Connection) -> Result<Self, StoreError> {
        let mut next = BTreeMap::new();
        for (counter, table) in TABLES {
            // Earlier versions have fewer counters.
            let sql = format!(
                "SELECT max(coalesce(max(value), 1), (SELECT coalesce(max(id), 0) + 1 FROM {table})), count(*)
                 FROM counters WHERE name = ?1 AND typeof(value) = 'integer' AND value BETWEEN 1 AND ?2"
            );
            let (value, count): (i64, i64) =
                connection.query_row(&sql, params![counter, MAX_COUNTER], |r| {
                    Ok((r.get(0)?, r.get(1)?))
                })?;
            if counter == SELECT_NOTIFICATION && count == 0 {
                return Err(StoreError::Refused("its counter is damaged".into()));
            }
            next.insert(counter, value);
        }
        Ok(Self(next))
    }

    fn next(&self, counter: &str) -> i64 {
        self.0.get(counter).copied().unwrap_or(1)
    }
}

/// Refuses ids that the backup has assigned.
pub(super) fn check_next_id(
    backup: &SqliteStore,
    next_id: Option<NotificationId>,
) -> Result<(), StoreError> {
    let newest = backup.newest_notification_id()?;
    if next_id.is_some_and(|next| next <= newest) {
        let text = format!("--next-id: the backup has ids up to {newest}");
        return Err(StoreError::Refused(text.into()));
    }
    Ok(())
}

/// Moves the counters on, to `next_id` or else beyond `replaced`, and begins a new installation. Returns the next
/// notification id.
pub(super) fn renumber(
    store: &SqliteStore,
    replaced: Option<&Counters>,
    next_id: Option<NotificationId>,
    since_backup: Option<SignedDuration>,
) -> Result<NotificationId, StoreError> {
    store.write(|t| {
        let backup = Counters::read(t)?;
        let first = backup.next(SELECT_NOTIFICATION);
        // A store that is behind the backup does not continue it.
        let replaced = replaced.filter(|counters| counters.next(SELECT_NOTIFICATION) >= first);
        let next = match (next_id, replaced) {
            (Some(next), _) => next.0,
            (None, Some(replaced)) => replaced.next(SELECT_NOTIFICATION),
            (None, None) => first.saturating_add(skipped_notifications(since_backup)),
        };
        if next >= MAX_COUNTER {
            let text = format!("the next notification id would be {next}, which is not below 2^53");
            return Err(StoreError::Refused(text.into()));
        }
        set_counter(t, SELECT_NOTIFICATION, next)?;
        for (counter, _) in &TABLES[1..] {
            let own = backup.next(counter);
            let next = replaced.map_or(own + SKIPPED_OTHER_IDS, |r| r.next(counter).max(own));
            set_counter(t, counter, next)?;
        }
        t.execute(
            "INSERT OR REPLACE INTO installations (first_notification, id) VALUES (?1, lower(hex(randomblob(6))))",
            [next],
        )?;
        Ok(NotificationId(next))
    })
}

fn skipped_notifications(since_backup: Option<SignedDuration>) -> i64 {
    let seconds = since_backup.map_or(0, |time| time.as_secs());
    seconds
        .saturating_mul(SKIPPED_NOTIFICATIONS_PER_SECOND)
        .max(MIN_SKIPPED_NOTIFICATIONS)
}

fn set_counter(t: &Transaction<'_>, counter: &str, next: i64) -> Result<(), StoreError> {
    t.execute(
        "INSERT OR REPLACE INTO counters (name, value) VALUES (?1, ?2)",
        params![counter, next],
    )?;
    Ok(())
}

/// The newest time in the store: of the last publication, attempt or change.
pub(super) fn newest_time(store: &SqliteStore) -> Result<Option<Timestamp>, StoreError> {
    let newest: Option<i64> = store.read_log(|c, segments| {
        let newest_attempt = log_segments::newest_attempt(segments, "w.id");
        let sql = format!(
            "SELECT max(at) FROM (
               SELECT published_at AS at FROM notifications WHERE id = (SELECT max(id) FROM notifications)
               UNION ALL SELECT {newest_attempt} FROM webhooks w
               UNION ALL SELECT at FROM audit WHERE id = (SELECT max(id) FROM audit)
               UNION ALL SELECT max(used_at) FROM publication_keys
               UNION ALL SELECT max(last_used) FROM tokens
             ) WHERE typeof(at) = 'integer'"
        );
        Ok(c.query_row(&sql, [], |r| r.get(0))?)
    })?;
    Ok(newest.and_then(|at| Timestamp::from_microsecond(at).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_notifications_are_skipped_for_an_older_backup() {
        let skipped = |seconds| skipped_notifications(Some(SignedDuration::from_secs(seconds)));
        assert_eq!(skipped_notifications(None), 1_000_000);
        assert_eq!(skipped(-60), 1_000_000);
        assert_eq!(skipped(100), 1_000_000);
        assert_eq!(skipped(101), 1_010_000);
    }
}
