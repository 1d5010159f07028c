//! Users of the dashboard: a row of `users`, and one of `user_permissions` for each organizer.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, Params, Transaction, params};

use super::audit_log::insert_entry;
use super::damage_log::DamageLog;
use super::table_row::{TableRow, to_micros};
use super::token_rows::{permissions, permissions_json};
use super::{SqliteStore, StoreError, account_email_store, session_store};
use crate::domain::{
    EmailAddress, OrganizerId, Permissions, SessionTokenHash, User, UserAccess, UserId,
};
use crate::store::{AccountStore, ChangeResult, NewAuditEntry, NewUser};

impl AccountStore for SqliteStore {
    fn add_user(
        &self,
        user: &NewUser,
        entry: NewAuditEntry,
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
                params![id, user.email.as_str(), user.password_hash, to_micros(user.created)],
            )?;
            let user = User {
                id: UserId(id),
                email: user.email.clone(),
                access: user.access.clone(),
                has_password: user.password_hash.is_some(),
                created: user.created,
            };
            write_user(t, &user)?;
            insert_entries(t, None, Some(&user.access), &entry)?;
            Ok(ChangeResult::Done(user))
        })
    }

    fn users(&self, organizer: Option<OrganizerId>) -> Result<Vec<User>, StoreError> {
        self.read(|c| {
            let c = &c.unchecked_transaction()?;
            match organizer {
                None => users(c, &self.damage, "1", []),
                Some(organizer) => users(
                    c,
                    &self.damage,
                    "id IN (SELECT user FROM user_permissions WHERE organizer = ?1)",
                    [organizer.0],
                ),
            }
        })
    }

    fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(|c| user(&*c.unchecked_transaction()?, &self.damage, id))
    }

    fn user_by_email(
        &self,
        email: &EmailAddress,
    ) -> Result<Option<(User, Option<String>)>, StoreError> {
        self.read(|c| {
            let c = &c.unchecked_transaction()?;
            let Some(user) = users(c, &self.damage, "email = ?1", [email.as_str()])?.pop() else {
                return Ok(None);
            };
            let mut statement =
                c.prepare_cached("SELECT id, password_hash FROM users WHERE id = ?1")?;
            let mut rows = statement.query([user.id.0])?;
            let hash = match rows.next()? {
                Some(row) => TableRow::new(row, "users").get("password_hash"),
                None => Ok(None),
            };
            Ok(self.damage.skip_damaged(hash)?.map(|hash| (user, hash)))
        })
    }

    fn change_user(
        &self,
        id: UserId,
        change: &mut dyn FnMut(&mut User) -> bool,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            let Some(before) = user(t, &self.damage, id)? else {
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
            insert_entries(t, Some(&before.access), Some(&user.access), &entry)?;
            Ok(ChangeResult::Done(user))
        })
    }

    fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        link: Option<&SessionTokenHash>,
        entry: NewAuditEntry,
        now: Timestamp,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            if let Some(link) = link
                && session_store::link(t, &self.damage, link, now)?.is_none()
            {
                return Ok(ChangeResult::Missing);
            }
            t.execute(
                "UPDATE users SET password_hash = ?2 WHERE id = ?1",
                params![id.0, password_hash],
            )?;
            let Some(user) = user(t, &self.damage, id)? else {
                return Ok(ChangeResult::Missing);
            };
            session_store::end_sessions(t, id)?;
            session_store::end_links(t, id)?;
            account_email_store::give_up_pending(t, id, now)?;
            insert_entries(t, None, Some(&user.access), &entry)?;
            Ok(ChangeResult::Done(user))
        })
    }

    fn remove_user(
        &self,
        id: UserId,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<User>, StoreError> {
        self.write(|t| {
            let Some(user) = user(t, &self.damage, id)? else {
                return Ok(ChangeResult::Missing);
            };
            session_store::end_sessions(t, id)?;
            session_store::end_links(t, id)?;
            t.execute("DELETE FROM letters WHERE user = ?1", [id.0])?;
            t.execute("DELETE FROM user_permissions WHERE user = ?1", [id.0])?;
            t.execute("DELETE FROM users WHERE id = ?1", [id.0])?;
            insert_entries(t, Some(&user.access), None, &entry)?;
            Ok(ChangeResult::Done(user))
        })
    }
}

/// Whether a user other than `except` has this address.
fn is_taken(
    t: &Transaction<'_>,
    email: &EmailAddress,
    except: Option<UserId>,
) -> Result<bool, StoreError> {
    let mut other = t.prepare_cached("SELECT 1 FROM users WHERE email = ?1 AND id IS NOT ?2")?;
    Ok(other.exists(params![email.as_str(), except.map(|id| id.0)])?)
}

fn user(c: &Connection, damage: &DamageLog, id: UserId) -> Result<Option<User>, StoreError> {
    Ok(users(c, damage, "id = ?1", [id.0])?.pop())
}

/// Users in order of their email addresses. Damaged rows are left out.
pub(super) fn users(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    key: impl Params,
) -> Result<Vec<User>, StoreError> {
    let mut statement = c.prepare_cached(&format!(
        "SELECT id, email, operator, password_hash IS NOT NULL AS has_password, created FROM users
         WHERE {condition} ORDER BY email"
    ))?;
    let mut rows = statement.query(key)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let read = user_from_row(c, damage, TableRow::new(row, "users"));
        found.extend(damage.skip_damaged(read)?);
    }
    Ok(found)
}

fn user_from_row(
    c: &Connection,
    damage: &DamageLog,
    cells: TableRow<'_>,
) -> Result<User, StoreError> {
    let id = UserId(cells.get("id")?);
    let access = if cells.get("operator")? {
        UserAccess::Operator
    } else {
        UserAccess::Organizers(permissions_by_organizer(c, damage, id)?)
    };
    Ok(User {
        id,
        email: cells.parse("email")?,
        access,
        has_password: cells.get("has_password")?,
        created: cells.time("created")?,
    })
}

fn permissions_by_organizer(
    c: &Connection,
    damage: &DamageLog,
    user: UserId,
) -> Result<BTreeMap<OrganizerId, Permissions>, StoreError> {
    let mut statement = c.prepare_cached(
        "SELECT user, organizer, permissions FROM user_permissions WHERE user = ?1",
    )?;
    let mut rows = statement.query([user.0])?;
    let mut held = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "user_permissions");
        let organizer = cells.get("organizer").map(OrganizerId);
        let read = organizer.and_then(|organizer| Ok((organizer, permissions(cells)?)));
        held.extend(damage.skip_damaged(read)?);
    }
    Ok(held)
}

/// Writes the email address and the access; other verbs write the rest of a user.
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

/// Adds the entry to the log of each organizer for which the access changed, and only to those: an organizer must not
/// learn where else a user has access. If there is none, the entry goes to the log of the installation.
fn insert_entries(
    t: &Transaction<'_>,
    before: Option<&UserAccess>,
    after: Option<&UserAccess>,
    entry: &NewAuditEntry,
) -> Result<(), StoreError> {
    let permissions = |access: Option<&UserAccess>| match access {
        Some(UserAccess::Organizers(permissions)) => permissions.clone(),
        Some(UserAccess::Operator) | None => BTreeMap::new(),
    };
    let (before, after) = (permissions(before), permissions(after));
    let organizers: BTreeSet<OrganizerId> = before.keys().chain(after.keys()).copied().collect();
    let mut changed: Vec<_> = organizers
        .into_iter()
        .filter(|organizer| before.get(organizer) != after.get(organizer))
        .map(Some)
        .collect();
    if changed.is_empty() {
        changed.push(None);
    }
    for organizer in changed {
        insert_entry(t, organizer, entry)?;
    }
    Ok(())
}
