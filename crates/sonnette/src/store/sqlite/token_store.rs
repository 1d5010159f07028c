//! Tokens of the API.

use jiff::Timestamp;
use rusqlite::params;

use super::audit_log::insert_entry;
use super::counters::next_token_id;
use super::registry_version::bump;
use super::table_row::to_micros;
use super::token_rows::{permissions_json, tokens};
use super::{SqliteStore, StoreError};
use crate::domain::{OrganizerId, Permissions, Scope, Token, TokenId};
use crate::store::{ChangeResult, NewAuditEntry, NewToken, TokenStore};

impl TokenStore for SqliteStore {
    fn token(&self, id: TokenId) -> Result<Option<Token>, StoreError> {
        self.read(|c| {
            let found = tokens(c, &self.damage, "id = ?1", id.0)?.pop();
            Ok(found.map(|(_, token)| token))
        })
    }

    fn tokens(&self, organizer: OrganizerId) -> Result<Vec<Token>, StoreError> {
        self.read(|c| {
            let found = tokens(c, &self.damage, "organizer = ?1", organizer.0)?;
            Ok(found.into_iter().map(|(_, token)| token).collect())
        })
    }

    fn add_token(&self, token: &NewToken, entry: NewAuditEntry) -> Result<Token, StoreError> {
        self.write(|t| {
            let (organizer, permissions) = match token.scope {
                Scope::Operator => (None, Permissions::default()),
                Scope::Organizer(organizer, permissions) => (Some(organizer), permissions),
            };
            let version = bump(t)?;
            // There may be a damaged row of this token, which nobody knows of.
            let id = t.query_row(
                "INSERT INTO tokens (id, hash, organizer, name, permissions, active, created, changed)
                 VALUES (?7, ?1, ?2, ?3, ?4, 1, ?5, ?6)
                 ON CONFLICT (hash) DO UPDATE SET organizer = ?2, name = ?3, permissions = ?4, active = 1, created = ?5,
                   last_used = NULL, changed = ?6
                 RETURNING id",
                params![
                    &token.hash[..],
                    organizer.map(|o| o.0),
                    token.name,
                    permissions_json(permissions),
                    to_micros(token.created),
                    version,
                    next_token_id(t)?
                ],
                |r| r.get(0).map(TokenId),
            )?;
            insert_entry(t, organizer, &entry)?;
            Ok(Token {
                id,
                name: token.name.clone(),
                scope: token.scope,
                active: true,
                created: token.created,
                last_used: None,
            })
        })
    }

    fn change_token(
        &self,
        id: TokenId,
        change: &mut dyn FnMut(&mut Token) -> bool,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Token>, StoreError> {
        self.write(|t| {
            let found = tokens(t, &self.damage, "id = ?1", id.0)?.pop();
            let Some((_, mut token)) = found else {
                return Ok(ChangeResult::Missing);
            };
            if !change(&mut token) {
                return Ok(ChangeResult::Refused);
            }
            let version = bump(t)?;
            let (organizer, permissions) = match token.scope {
                Scope::Operator => (None, Permissions::default()),
                Scope::Organizer(organizer, permissions) => (Some(organizer), permissions),
            };
            t.execute(
                "UPDATE tokens SET name = ?2, permissions = ?3, active = ?4, changed = ?5 WHERE id = ?1",
                params![
                    id.0,
                    token.name,
                    permissions_json(permissions),
                    token.active,
                    version
                ],
            )?;
            insert_entry(t, organizer, &entry)?;
            Ok(ChangeResult::Done(token))
        })
    }

    fn record_token_uses(&self, used: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        self.write(|t| {
            for (id, at) in used {
                t.prepare_cached("UPDATE tokens SET last_used = ?2 WHERE id = ?1")?
                    .execute([id.0, to_micros(*at)])?;
            }
            Ok(())
        })
    }
}
