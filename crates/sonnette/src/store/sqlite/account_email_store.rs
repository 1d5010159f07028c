//! Mail about accounts.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::alert_store::mail_due_range;
use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError};
use crate::domain::{
    AccountEmail, AccountEmailId, AccountEmailKind, AccountEmailResult, Language, OrganizerId,
    UserId,
};
use crate::store::AccountEmailStore;

impl AccountEmailStore for SqliteStore {
    fn enqueue_account_email(
        &self,
        user: UserId,
        kind: AccountEmailKind,
        language: Language,
        organizer: Option<OrganizerId>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN);
        let pause_start = before(AccountEmailKind::MIN_INTERVAL);
        let day_start = before(SignedDuration::from_hours(24));
        self.write(|t| {
            let queued = t.execute(
                "INSERT INTO letters (user, kind, language, organizer, at, tries, due_at)
                 SELECT id, ?2, ?3, ?4, ?5, 0, ?5 FROM users WHERE id = ?1
                   AND NOT EXISTS
                     (SELECT 1 FROM letters WHERE user = ?1 AND kind = ?2 AND at > ?6 AND at <= ?5)
                   AND (SELECT count(*) FROM letters WHERE user = ?1 AND kind = ?2 AND at > ?7 AND at <= ?5) < ?8",
                params![
                    user.0,
                    kind.as_str(),
                    language.as_str(),
                    organizer.map(|o| o.0),
                    to_micros(now),
                    to_micros(pause_start),
                    to_micros(day_start),
                    AccountEmailKind::MAX_PER_DAY
                ],
            )?;
            Ok(queued > 0)
        })
    }

    fn due_account_emails(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AccountEmail>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT l.id, l.user, u.email, l.kind, l.language, l.organizer, l.at, l.tries
                 FROM letters l JOIN users u ON u.id = l.user
                 WHERE l.settled_at IS NULL AND (l.due_at <= ?1 OR l.due_at > ?2) ORDER BY l.due_at, l.id",
            )?;
            let mut rows = statement.query(mail_due_range(now))?;
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                let read = account_email(TableRow::new(row, "letters"));
                found.extend(self.damage.skip_damaged(read)?);
            }
            Ok(found)
        })
    }

    fn record_account_email_result(
        &self,
        id: AccountEmailId,
        result: &AccountEmailResult,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            match result {
                AccountEmailResult::Sent => t.execute(
                    "UPDATE letters SET tries = tries + 1, settled_at = ?2, how = 'sent', error = NULL
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, to_micros(now)],
                )?,
                AccountEmailResult::Waits { due_at, error } => t.execute(
                    "UPDATE letters SET tries = tries + 1, due_at = ?2, error = ?3
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, to_micros(*due_at), error],
                )?,
                AccountEmailResult::GivenUp { error } => t.execute(
                    "UPDATE letters SET tries = tries + 1, settled_at = ?2, how = 'given_up', error = ?3
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, to_micros(now), error],
                )?,
            };
            Ok(())
        })
    }
}

/// Gives up the pending emails of a user who has a password now.
pub(super) fn give_up_pending(
    t: &Transaction<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.execute(
        "UPDATE letters SET settled_at = ?2, how = 'given_up', error = 'the password was set meanwhile'
         WHERE user = ?1 AND settled_at IS NULL",
        params![user.0, to_micros(now)],
    )?;
    Ok(())
}

pub(super) fn account_email(cells: TableRow<'_>) -> Result<AccountEmail, StoreError> {
    Ok(AccountEmail {
        id: AccountEmailId(cells.get("id")?),
        user: UserId(cells.get("user")?),
        email: cells.parse("email")?,
        kind: cells.parse("kind")?,
        language: cells.parse("language")?,
        organizer: cells.get::<Option<i64>>("organizer")?.map(OrganizerId),
        at: cells.time("at")?,
        send_failures: cells.get("tries")?,
    })
}
