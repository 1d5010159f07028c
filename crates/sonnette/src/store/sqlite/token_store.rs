//! Tokens of the API.

use jiff::Timestamp;
use rusqlite::params;

use super::audit_log::write_note;
use super::registry_version::bump;
use super::rows::{Cells, micros};
use super::token_rows::{permissions_json, token};
use super::{SqliteStore, StoreError};
use crate::domain::{Permissions, Scope, Token, TokenId};
use crate::store::{ChangeResult, NewAuditEntry, NewToken, TokenStore};

impl TokenStore for SqliteStore {
    fn add_token(&self, token: &NewToken, note: NewAuditEntry) -> Result<Token, StoreError> {
        self.write(|t| {
            let (organizer, permissions) = match token.scope {
                Scope::Operator => (None, Permissions::default()),
                Scope::Organizer(organizer, permissions) => (Some(organizer), permissions),
            };
            let version = bump(t)?;
            t.execute(
                "INSERT INTO tokens (hash, organizer, name, permissions, active, created, changed)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)",
                params![
                    &token.hash[..],
                    organizer.map(|o| o.0),
                    token.name,
                    permissions_json(permissions),
                    micros(token.created),
                    version
                ],
            )?;
            let id = TokenId(t.last_insert_rowid());
            write_note(t, organizer, &note)?;
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
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Token>, StoreError> {
        self.write(|t| {
            let mut statement = t.prepare_cached("SELECT * FROM tokens WHERE id = ?1")?;
            let mut rows = statement.query([id.0])?;
            let Some(row) = rows.next()? else {
                return Ok(ChangeResult::Missing);
            };
            let mut token = token(Cells::new(row, "tokens"))?;
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
            write_note(t, organizer, &note)?;
            Ok(ChangeResult::Done(token))
        })
    }

    fn record_token_uses(&self, used: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        self.write(|t| {
            for (id, at) in used {
                t.prepare_cached("UPDATE tokens SET last_used = ?2 WHERE id = ?1")?
                    .execute([id.0, micros(*at)])?;
            }
            Ok(())
        })
    }
}
