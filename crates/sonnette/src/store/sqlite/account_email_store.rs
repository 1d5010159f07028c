//! Mail owed to users about their accounts.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};

use super::rows::{Cells, micros};
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
        let pause = before(AccountEmailKind::MIN_INTERVAL);
        let day = before(SignedDuration::from_hours(24));
        self.write(|t| {
            let queued = t.execute(
                "INSERT INTO letters (user, kind, language, organizer, at, tries, due_at)
                 SELECT id, ?2, ?3, ?4, ?5, 0, ?5 FROM users WHERE id = ?1
                   AND NOT EXISTS
                     (SELECT 1 FROM letters WHERE user = ?1 AND kind = ?2 AND at > ?6)
                   AND (SELECT count(*) FROM letters WHERE user = ?1 AND kind = ?2 AND at > ?7) < ?8",
                params![
                    user.0,
                    kind.as_str(),
                    language.as_str(),
                    organizer.map(|o| o.0),
                    micros(now),
                    micros(pause),
                    micros(day),
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
                 WHERE l.settled_at IS NULL AND l.due_at <= ?1 ORDER BY l.due_at, l.id LIMIT ?2",
            )?;
            let mut rows = statement.query(params![micros(now), limit])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(letter(Cells::new(row, "letters"))?);
            }
            Ok(found)
        })
    }

    fn record_account_email_result(
        &self,
        id: AccountEmailId,
        end: &AccountEmailResult,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            match end {
                AccountEmailResult::Sent => t.execute(
                    "UPDATE letters SET tries = tries + 1, settled_at = ?2, how = 'sent', error = NULL
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, micros(now)],
                )?,
                AccountEmailResult::Waits { due_at, error } => t.execute(
                    "UPDATE letters SET tries = tries + 1, due_at = ?2, error = ?3
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, micros(*due_at), error],
                )?,
                AccountEmailResult::GivenUp { error } => t.execute(
                    "UPDATE letters SET tries = tries + 1, settled_at = ?2, how = 'given_up', error = ?3
                     WHERE id = ?1 AND settled_at IS NULL",
                    params![id.0, micros(now), error],
                )?,
            };
            Ok(())
        })
    }
}

/// Gives up whatever is still owed to a user who has a password now.
pub(super) fn withdraw(
    t: &Transaction<'_>,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.execute(
        "UPDATE letters SET settled_at = ?2, how = 'given_up', error = 'the password was set meanwhile'
         WHERE user = ?1 AND settled_at IS NULL",
        params![user.0, micros(now)],
    )?;
    Ok(())
}

fn letter(cells: Cells<'_>) -> Result<AccountEmail, StoreError> {
    Ok(AccountEmail {
        id: AccountEmailId(cells.get("id")?),
        user: UserId(cells.get("user")?),
        email: cells.parse("email")?,
        kind: cells.parse("kind")?,
        language: cells.parse("language")?,
        organizer: cells.get::<Option<i64>>("organizer")?.map(OrganizerId),
        at: cells.time("at")?,
        tries: cells.get("tries")?,
    })
}
