//! Sessions and links, by the hash of their text. Expired ones are not returned; [`prune`] removes them.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use super::{SqliteStore, StoreError};
use crate::domain::{
    AccessLink, AccessLinkPurpose, OrganizerId, Session, SessionOwner, SessionTokenHash, TokenId,
    UserId,
};
use crate::store::{MAX_BATCH_ROWS, SessionStore};

impl SessionStore for SqliteStore {
    fn add_session(
        &self,
        hash: &SessionTokenHash,
        session: &Session,
        password_hash: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.write(|t| add_session(t, hash, session, password_hash))
    }

    fn session(
        &self,
        hash: &SessionTokenHash,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        self.read(|c| session(c, &self.damage, hash, now))
    }

    fn extend_session(
        &self,
        hash: &SessionTokenHash,
        expires: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| extend_session(t, hash, expires, now))
    }

    fn end_session(&self, hash: &SessionTokenHash) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute("DELETE FROM sessions WHERE hash = ?1", [hash])?;
            Ok(())
        })
    }

    fn end_sessions_of_user(&self, user: UserId) -> Result<(), StoreError> {
        self.write(|t| end_sessions(t, user))
    }

    fn add_link(&self, hash: &SessionTokenHash, link: &AccessLink) -> Result<(), StoreError> {
        self.write(|t| add_link(t, hash, link))
    }

    fn link(
        &self,
        hash: &SessionTokenHash,
        now: Timestamp,
    ) -> Result<Option<AccessLink>, StoreError> {
        self.read(|c| link(c, &self.damage, hash, now))
    }

    fn end_link(&self, hash: &SessionTokenHash) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute("DELETE FROM links WHERE hash = ?1", [hash])?;
            Ok(())
        })
    }
}

fn add_session(
    t: &Transaction<'_>,
    hash: &SessionTokenHash,
    session: &Session,
    password_hash: Option<&str>,
) -> Result<bool, StoreError> {
    let (user, organizer, token) = match session.owner {
        SessionOwner::User(user) => (Some(user.0), None, None),
        SessionOwner::Portal { organizer, token } => (None, Some(organizer.0), Some(token.0)),
    };
    let added = t.execute(
        "INSERT INTO sessions (hash, user, organizer, token, created, expires, seen)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?5
         WHERE ?7 IS NULL OR EXISTS (SELECT 1 FROM users WHERE id = ?2 AND password_hash = ?7)",
        params![
            hash,
            user,
            organizer,
            token,
            to_micros(session.created),
            to_micros(session.expires),
            password_hash
        ],
    )?;
    Ok(added > 0)
}

/// `None` also for a damaged row.
fn session(
    c: &Connection,
    damage: &DamageLog,
    hash: &SessionTokenHash,
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let mut statement =
        c.prepare_cached("SELECT * FROM sessions WHERE hash = ?1 AND expires > ?2")?;
    let mut rows = statement.query(params![hash, to_micros(now)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    damage.skip_damaged(session_from_row(TableRow::new(row, "sessions")))
}

pub(super) fn session_from_row(cells: TableRow<'_>) -> Result<Session, StoreError> {
    let holder = match cells.get::<Option<i64>>("user")? {
        Some(user) => SessionOwner::User(UserId(user)),
        None => SessionOwner::Portal {
            organizer: OrganizerId(cells.get("organizer")?),
            token: TokenId(cells.get("token")?),
        },
    };
    Ok(Session {
        owner: holder,
        created: cells.time("created")?,
        expires: cells.time("expires")?,
    })
}

fn extend_session(
    t: &Transaction<'_>,
    hash: &SessionTokenHash,
    expires: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    t.execute(
        "UPDATE sessions SET expires = ?2, seen = ?3 WHERE hash = ?1 AND expires > ?3",
        params![hash, to_micros(expires), to_micros(now)],
    )?;
    Ok(())
}

pub(super) fn end_sessions(t: &Transaction<'_>, user: UserId) -> Result<(), StoreError> {
    t.execute("DELETE FROM sessions WHERE user = ?1", [user.0])?;
    Ok(())
}

fn add_link(
    t: &Transaction<'_>,
    hash: &SessionTokenHash,
    link: &AccessLink,
) -> Result<(), StoreError> {
    let (purpose, user, organizer, token) = match link.purpose {
        AccessLinkPurpose::Invitation(user) => ("invitation", Some(user.0), None, None),
        AccessLinkPurpose::Reset(user) => ("reset", Some(user.0), None, None),
        AccessLinkPurpose::Portal { organizer, token } => {
            ("portal", None, Some(organizer.0), Some(token.0))
        }
    };
    t.execute(
        "INSERT INTO links (hash, purpose, user, organizer, token, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![hash, purpose, user, organizer, token, to_micros(link.expires)],
    )?;
    Ok(())
}

/// `None` also for a damaged row.
pub(super) fn link(
    c: &Connection,
    damage: &DamageLog,
    hash: &SessionTokenHash,
    now: Timestamp,
) -> Result<Option<AccessLink>, StoreError> {
    let mut statement = c.prepare_cached("SELECT * FROM links WHERE hash = ?1 AND expires > ?2")?;
    let mut rows = statement.query(params![hash, to_micros(now)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    damage.skip_damaged(link_from_row(TableRow::new(row, "links")))
}

pub(super) fn link_from_row(cells: TableRow<'_>) -> Result<AccessLink, StoreError> {
    let purpose = match cells.get::<String>("purpose")?.as_str() {
        "invitation" => AccessLinkPurpose::Invitation(UserId(cells.get("user")?)),
        "reset" => AccessLinkPurpose::Reset(UserId(cells.get("user")?)),
        "portal" => AccessLinkPurpose::Portal {
            organizer: OrganizerId(cells.get("organizer")?),
            token: TokenId(cells.get("token")?),
        },
        _ => return Err(cells.invalid("purpose", "not a known purpose")),
    };
    Ok(AccessLink {
        purpose,
        expires: cells.time("expires")?,
    })
}

/// Ends the invitation and reset links of a user.
pub(super) fn end_links(t: &Transaction<'_>, user: UserId) -> Result<(), StoreError> {
    t.execute("DELETE FROM links WHERE user = ?1", [user.0])?;
    Ok(())
}

/// Removes expired sessions and links, at most [`MAX_BATCH_ROWS`] of each, and returns the larger number.
pub(super) fn prune(t: &Transaction<'_>, now: Timestamp) -> Result<usize, StoreError> {
    let sessions = t.execute(
        "DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE expires <= ?1 LIMIT ?2)",
        params![to_micros(now), MAX_BATCH_ROWS],
    )?;
    let links = t.execute(
        "DELETE FROM links WHERE hash IN (SELECT hash FROM links WHERE expires <= ?1 LIMIT ?2)",
        params![to_micros(now), MAX_BATCH_ROWS],
    )?;
    Ok(sessions.max(links))
}
