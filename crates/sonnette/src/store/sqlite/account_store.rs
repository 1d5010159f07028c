//! Users of the dashboard. A user is two kinds of rows: one of `users`, and one of `user_permissions` for each organizer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, Params, Transaction, params};

use super::audit_log::write_note;
use super::rows::{Cells, micros};
use super::token_rows::{permissions, permissions_json};
use super::{SqliteStore, StoreError, account_email_store, session_store};
use crate::domain::{EmailAddress, OrganizerId, Permissions, SecretHash, User, UserAccess, UserId};
use crate::store::{AccountStore, ChangeResult, NewAuditEntry, NewUser};

impl AccountStore for SqliteStore {
    fn add_user(
        &self,
        user: &NewUser,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            if is_taken(t, &user.email, None)? {
                return Ok(ChangeResult::Taken);
            }
            let id: i64 = t.query_row(
                "UPDATE counters SET value = value + 1 WHERE name = 'user' RETURNING value - 1",
                [],
                |r| r.get(0),
            )?;
            t.execute(
                "INSERT INTO users (id, email, password_hash, operator, created) VALUES (?1, ?2, ?3, 0, ?4)",
                params![id, user.email.as_str(), user.password_hash, micros(user.created)],
            )?;
            let user = User {
                id: UserId(id),
                email: user.email.clone(),
                access: user.access.clone(),
                has_password: user.password_hash.is_some(),
                created: user.created,
            };
            write_user(t, &user)?;
            write_notes(t, None, Some(&user.access), &note)?;
            Ok(ChangeResult::Done(user))
        })
    }

    fn users(&self, organizer: Option<OrganizerId>) -> Result<Vec<User>, StoreError> {
        self.read(|c| {
            let c = &c.unchecked_transaction()?;
            match organizer {
                None => users(c, "1", []),
                Some(organizer) => users(
                    c,
                    "id IN (SELECT user FROM user_permissions WHERE organizer = ?1)",
                    [organizer.0],
                ),
            }
        })
    }

    fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(|c| user(&*c.unchecked_transaction()?, id))
    }

    fn user_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<(User, Option<String>)>, StoreError> {
        self.read(|c| {
            let c = &c.unchecked_transaction()?;
            let Some(user) = users(c, "email = ?1", [email.as_str()])?.pop() else {
                return Ok(None);
            };
            let mut statement =
                c.prepare_cached("SELECT password_hash FROM users WHERE id = ?1")?;
            let hash = statement.query_row([user.id.0], |r| r.get(0))?;
            Ok(Some((user, hash)))
        })
    }

    fn change_user(
        &self,
        id: UserId,
        change: &mut dyn FnMut(&mut User) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            let Some(before) = user(t, id)? else {
                return Ok(ChangeResult::Missing);
            };
            let mut user = before.clone();
            if !change(&mut user) {
                return Ok(ChangeResult::Refused);
            }
            let user = User {
                email: user.email,
                access: user.access,
                ..before.clone()
            };
            if is_taken(t, &user.email, Some(id))? {
                return Ok(ChangeResult::Taken);
            }
            write_user(t, &user)?;
            if user.email != before.email {
                session_store::end_links(t, id)?;
            }
            write_notes(t, Some(&before.access), Some(&user.access), &note)?;
            Ok(ChangeResult::Done(user))
        })
    }

    fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        link: Option<&SecretHash>,
        note: NewAuditEntry,
        now: Timestamp,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            if let Some(link) = link
                && session_store::link(t, link, now)?.is_none()
            {
                return Ok(ChangeResult::Missing);
            }
            t.execute(
                "UPDATE users SET password_hash = ?2 WHERE id = ?1",
                params![id.0, password_hash],
            )?;
            let Some(user) = user(t, id)? else {
                return Ok(ChangeResult::Missing);
            };
            session_store::end_sessions(t, id)?;
            session_store::end_links(t, id)?;
            account_email_store::withdraw(t, id, now)?;
            write_notes(t, None, Some(&user.access), &note)?;
            Ok(ChangeResult::Done(user))
        })
    }

    fn remove_user(
        &self,
        id: UserId,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            let Some(user) = user(t, id)? else {
                return Ok(ChangeResult::Missing);
            };
            session_store::end_sessions(t, id)?;
            session_store::end_links(t, id)?;
            t.execute("DELETE FROM letters WHERE user = ?1", [id.0])?;
            t.execute("DELETE FROM user_permissions WHERE user = ?1", [id.0])?;
            t.execute("DELETE FROM users WHERE id = ?1", [id.0])?;
            write_notes(t, Some(&user.access), None, &note)?;
            Ok(ChangeResult::Done(user))
        })
    }
}

/// Whether somebody else has this address.
fn is_taken(
    t: &Transaction<'_>,
    email: &EmailAddress,
    own: Option<UserId>,
) -> Result<bool, StoreError> {
    let mut other = t.prepare_cached("SELECT 1 FROM users WHERE email = ?1 AND id IS NOT ?2")?;
    Ok(other.exists(params![email.as_str(), own.map(|id| id.0)])?)
}

fn user(c: &Connection, id: UserId) -> Result<Option<User>, StoreError> {
    Ok(users(c, "id = ?1", [id.0])?.pop())
}

/// By e-mail address.
fn users(c: &Connection, condition: &str, key: impl Params) -> Result<Vec<User>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT id, email, operator, password_hash IS NOT NULL AS has_password, created FROM users
         WHERE {condition} ORDER BY email"
    ))?;
    let mut rows = statement.query(key)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "users");
        let id = UserId(cells.get("id")?);
        let access = if cells.get("operator")? {
            UserAccess::Operator
        } else {
            UserAccess::Organizers(held(c, id)?)
        };
        found.push(User {
            id,
            email: cells.parse("email")?,
            access,
            has_password: cells.get("has_password")?,
            created: cells.time("created")?,
        });
    }
    Ok(found)
}

fn held(c: &Connection, user: UserId) -> Result<BTreeMap<OrganizerId, Permissions>, StoreError> {
    let mut statement =
        c.prepare_cached("SELECT organizer, permissions FROM user_permissions WHERE user = ?1")?;
    let mut rows = statement.query([user.0])?;
    let mut held = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let cells = Cells::new(row, "user_permissions");
        held.insert(OrganizerId(cells.get("organizer")?), permissions(cells)?);
    }
    Ok(held)
}

/// The address, and what is open to them; all else of a user is written by verbs of its own.
fn write_user(t: &Transaction<'_>, user: &User) -> Result<(), StoreError> {
    t.execute(
        "UPDATE users SET email = ?2, operator = ?3 WHERE id = ?1",
        params![
            user.id.0,
            user.email.as_str(),
            user.access == UserAccess::Operator
        ],
    )?;
    t.execute("DELETE FROM user_permissions WHERE user = ?1", [user.id.0])?;
    if let UserAccess::Organizers(held) = &user.access {
        for (organizer, permissions) in held {
            t.execute(
                "INSERT INTO user_permissions (user, organizer, permissions) VALUES (?1, ?2, ?3)",
                params![user.id.0, organizer.0, permissions_json(*permissions)],
            )?;
        }
    }
    Ok(())
}

/// A line in the audit log of each organizer for which something changed, and of nobody else: whom a user has to do with
/// elsewhere is not theirs to know. What changed for no organizer stands in that of the installation.
fn write_notes(
    t: &Transaction<'_>,
    before: Option<&UserAccess>,
    after: Option<&UserAccess>,
    note: &NewAuditEntry,
) -> Result<(), StoreError> {
    let held = |access: Option<&UserAccess>| match access {
        Some(UserAccess::Organizers(held)) => held.clone(),
        Some(UserAccess::Operator) | None => BTreeMap::new(),
    };
    let (before, after) = (held(before), held(after));
    let all: BTreeSet<OrganizerId> = before.keys().chain(after.keys()).copied().collect();
    let mut concerned: Vec<_> = all
        .into_iter()
        .filter(|organizer| before.get(organizer) != after.get(organizer))
        .map(Some)
        .collect();
    if concerned.is_empty() {
        concerned.push(None);
    }
    for organizer in concerned {
        write_note(t, organizer, note)?;
    }
    Ok(())
}
