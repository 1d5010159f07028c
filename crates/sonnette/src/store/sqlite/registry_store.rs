//! Who may publish, who listens: every change makes a new version of the registry.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde_json::Value;

use super::organizer_rows::{
    action_types, is_taken, organizers, write_action_type, write_organizer,
};
use super::rows::{Cells, micros, to_json};
use super::token_rows::{permissions_json, token};
use super::webhook_rows::{change_from, retire, webhooks, write_webhook};
use super::{SqliteStore, StoreError, disabled_intervals, pending_webhook_changes};
use crate::domain::{
    AuditId, Event, EventId, EventSlug, Organizer, OrganizerId, PendingWebhookChange, Permissions,
    RegisteredAction, Scope, Token, TokenId, Webhook, WebhookChange, WebhookId,
};
use crate::store::{
    Actor, AuditEntry, ChangeResult, NewAuditEntry, NewToken, RegistryChanges, RegistryStore,
    StoredOrganizer, StoredResponse,
};

impl RegistryStore for SqliteStore {
    fn version(&self) -> Result<i64, StoreError> {
        self.read(version)
    }

    fn load(&self, since: i64) -> Result<RegistryChanges, StoreError> {
        self.read(|c| {
            let c = &c.unchecked_transaction()?;
            let mut rows = RegistryChanges {
                version: version(c)?,
                ..RegistryChanges::default()
            };
            for organizer in organizers(c, "changed > ?1", since)? {
                rows.organizers.push(StoredOrganizer {
                    webhooks: webhooks(c, "organizer = ?1", organizer.id.0)?,
                    action_types: action_types(c, organizer.id)?,
                    organizer,
                });
            }
            let mut statement = c.prepare_cached("SELECT * FROM tokens WHERE changed > ?1")?;
            let mut found = statement.query([since])?;
            while let Some(row) = found.next()? {
                let cells = Cells::new(row, "tokens");
                rows.tokens.push((cells.get("hash")?, token(cells)?));
            }
            Ok(rows)
        })
    }

    fn add_organizer(
        &self,
        organizer: &Organizer,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError> {
        self.write(|t| {
            let mut organizer = Organizer { id: OrganizerId(0), ..organizer.clone() };
            if is_taken(t, &organizer)? {
                return Ok(ChangeResult::Taken);
            }
            t.execute(
                "INSERT INTO organizers (slug, name, uuid, language, dialects, contact_emails, disable_after, changed)
                 VALUES (?1, '', ?2, '', '', '', NULL, 0)",
                params![organizer.slug.as_str(), organizer.uuid.to_string()],
            )?;
            organizer.id = OrganizerId(t.last_insert_rowid());
            write_organizer(t, &organizer)?;
            write_note(t, Some(organizer.id), &note)?;
            Ok(ChangeResult::Done(organizer))
        })
    }

    fn change_organizer(
        &self,
        id: OrganizerId,
        change: &mut dyn FnMut(&mut Organizer) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError> {
        self.write(|t| {
            let Some(mut organizer) = organizers(t, "id = ?1", id.0)?.pop() else {
                return Ok(ChangeResult::Missing);
            };
            if !change(&mut organizer) {
                return Ok(ChangeResult::Refused);
            }
            if is_taken(t, &organizer)? {
                return Ok(ChangeResult::Taken);
            }
            write_organizer(t, &organizer)?;
            write_note(t, Some(id), &note)?;
            Ok(ChangeResult::Done(organizer))
        })
    }

    fn events(&self, organizer: OrganizerId) -> Result<Vec<Event>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT id, slug, name, date_from FROM events WHERE organizer = ?1
                 ORDER BY date_from NULLS LAST, name, slug",
            )?;
            let mut rows = statement.query([organizer.0])?;
            let mut events = Vec::new();
            while let Some(row) = rows.next()? {
                let cells = Cells::new(row, "events");
                events.push(Event {
                    id: EventId(cells.get("id")?),
                    slug: cells.parse("slug")?,
                    name: cells.get("name")?,
                    date_from: cells.time_some("date_from")?,
                });
            }
            Ok(events)
        })
    }

    fn add_event(
        &self,
        organizer: OrganizerId,
        event: &Event,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Event>, StoreError> {
        self.write(|t| {
            let id: Option<i64> = t
                .query_row(
                    "INSERT INTO events (organizer, slug, name, date_from) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING RETURNING id",
                    params![
                        organizer.0,
                        event.slug.as_str(),
                        event.name,
                        event.date_from.map(micros)
                    ],
                    |r| r.get(0),
                )
                .optional()?;
            let Some(id) = id else {
                return Ok(ChangeResult::Taken);
            };
            write_note(t, Some(organizer), &note)?;
            Ok(ChangeResult::Done(Event {
                id: EventId(id),
                ..event.clone()
            }))
        })
    }

    fn change_event(
        &self,
        organizer: OrganizerId,
        slug: &EventSlug,
        to: Option<(String, Option<Timestamp>)>,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        self.write(|t| {
            let key = params![organizer.0, slug.as_str()];
            let found = t
                .query_row(
                    "SELECT id FROM events WHERE organizer = ?1 AND slug = ?2",
                    key,
                    |r| r.get::<_, i64>(0),
                )
                .optional()?;
            let Some(id) = found else {
                return Ok(ChangeResult::Missing);
            };
            if let Some((name, date_from)) = to {
                t.execute(
                    "UPDATE events SET name = ?2, date_from = ?3 WHERE id = ?1",
                    params![id, name, date_from.map(micros)],
                )?;
            } else {
                t.execute("DELETE FROM webhook_events WHERE event = ?1", [id])?;
                t.execute("DELETE FROM events WHERE id = ?1", [id])?;
            }
            // Publishers remember known events by the version, so its order and its absence are a new one.
            touch_organizer(t, organizer)?;
            write_note(t, Some(organizer), &note)?;
            Ok(ChangeResult::Done(EventId(id)))
        })
    }

    fn add_webhook(&self, webhook: &Webhook, note: NewAuditEntry) -> Result<Webhook, StoreError> {
        self.write(|t| {
            t.execute(
                "INSERT INTO webhooks (organizer, target_url, all_events, action_types, secret, headers, extra_signatures,
                   contact_emails) VALUES (?1, '', 0, '', '', '', '', '')",
                [webhook.organizer.0],
            )?;
            let webhook = Webhook { id: WebhookId(t.last_insert_rowid()), ..webhook.clone() };
            write_webhook(t, &webhook)?;
            if !webhook.is_enabled() {
                disabled_intervals::begin(t, webhook.id)?;
            }
            pending_webhook_changes::owe(t, webhook.id, WebhookChange::Created, note.at)?;
            write_note(t, Some(webhook.organizer), &with_id(note, webhook.id))?;
            Ok(webhook)
        })
    }

    fn change_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        change: &mut dyn FnMut(&mut Webhook) -> bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError> {
        self.write(|t| {
            let Some(before) = webhooks(t, "id = ?1", id.0)?
                .pop()
                .filter(|w| w.organizer == organizer)
            else {
                return Ok(ChangeResult::Missing);
            };
            let mut webhook = before.clone();
            if !change(&mut webhook) {
                return Ok(ChangeResult::Refused);
            }
            change_from(t, &before, &webhook, note.at)?;
            write_note(t, Some(organizer), &with_id(note, id))?;
            Ok(ChangeResult::Done(webhook))
        })
    }

    fn retire_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError> {
        self.write(|t| match retire(t, organizer, id, note.at)? {
            None => Ok(ChangeResult::Missing),
            Some(webhook) => {
                write_note(t, Some(organizer), &with_id(note, id))?;
                Ok(ChangeResult::Done(webhook))
            }
        })
    }

    fn pending_webhook_changes(
        &self,
        limit: usize,
    ) -> Result<Vec<PendingWebhookChange>, StoreError> {
        self.read(|c| pending_webhook_changes::owed(c, limit))
    }

    fn put_action_type(
        &self,
        row: &RegisteredAction,
        remove: bool,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            let changed = if remove {
                t.execute("DELETE FROM action_types WHERE id = ?1", [row.id])?
            } else {
                write_action_type(t, row)?
            };
            if changed == 0 {
                return Ok(if row.id == 0 {
                    ChangeResult::Taken
                } else {
                    ChangeResult::Missing
                });
            }
            let id = if row.id == 0 {
                t.last_insert_rowid()
            } else {
                row.id
            };
            if let Some(organizer) = row.organizer {
                touch_organizer(t, organizer)?;
            } else {
                let version = bump(t)?;
                t.execute("UPDATE organizers SET changed = ?1", [version])?;
            }
            write_note(t, row.organizer, &note)?;
            Ok(ChangeResult::Done(id))
        })
    }

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

    fn touch_tokens(&self, used: &[(TokenId, Timestamp)]) -> Result<(), StoreError> {
        self.write(|t| {
            for (id, at) in used {
                t.prepare_cached("UPDATE tokens SET last_used = ?2 WHERE id = ?1")?
                    .execute([id.0, micros(*at)])?;
            }
            Ok(())
        })
    }

    fn audit(
        &self,
        organizer: OrganizerId,
        skip: usize,
        limit: usize,
    ) -> Result<(usize, Vec<AuditEntry>), StoreError> {
        self.read(|c| {
            let count = c.query_row(
                "SELECT count(*) FROM audit WHERE organizer = ?1",
                [organizer.0],
                |r| r.get(0),
            )?;
            let mut statement = c.prepare_cached(
                "SELECT id, at, actor, actor_id, action, data FROM audit WHERE organizer = ?1
                 ORDER BY id DESC LIMIT ?2 OFFSET ?3",
            )?;
            let mut rows = statement.query(params![organizer.0, limit, skip])?;
            let mut entries = Vec::new();
            while let Some(row) = rows.next()? {
                let cells = Cells::new(row, "audit");
                entries.push(AuditEntry {
                    id: AuditId(cells.get("id")?),
                    at: cells.time("at")?,
                    actor: (cells.get("actor")?, cells.get("actor_id")?),
                    action: cells.get("action")?,
                    data: cells.json("data")?,
                });
            }
            Ok((count, entries))
        })
    }

    fn note(&self, organizer: OrganizerId, note: NewAuditEntry) -> Result<(), StoreError> {
        self.write(|t| write_note(t, Some(organizer), &note))
    }

    fn kept_answer(
        &self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<StoredResponse>, StoreError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT status, headers, body FROM kept_answers WHERE key = ?1 AND kept_at > ?2",
            )?;
            let mut rows = statement.query(params![&key[..], micros(now) - 86_400_000_000])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let cells = Cells::new(row, "kept_answers");
            Ok(Some(StoredResponse {
                status: cells.get("status")?,
                headers: cells.json("headers")?,
                body: cells.get("body")?,
            }))
        })
    }

    fn keep_answer(
        &self,
        key: &[u8; 32],
        answer: &StoredResponse,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|t| {
            t.execute(
                "INSERT OR REPLACE INTO kept_answers (key, status, headers, body, kept_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![&key[..], answer.status, to_json(&answer.headers), answer.body, micros(now)],
            )?;
            Ok(())
        })
    }
}

pub(super) fn version(c: &Connection) -> Result<i64, StoreError> {
    let mut statement = c.prepare_cached("SELECT value FROM counters WHERE name = 'registry'")?;
    Ok(statement.query_row([], |r| r.get(0))?)
}

pub(super) fn bump(t: &Transaction<'_>) -> Result<i64, StoreError> {
    let sql = "UPDATE counters SET value = value + 1 WHERE name = 'registry' RETURNING value";
    Ok(t.query_row(sql, [], |r| r.get(0))?)
}

/// Makes a new version in which this organizer has changed.
pub(super) fn touch_organizer(
    t: &Transaction<'_>,
    organizer: OrganizerId,
) -> Result<(), StoreError> {
    let version = bump(t)?;
    t.execute(
        "UPDATE organizers SET changed = ?2 WHERE id = ?1",
        [organizer.0, version],
    )?;
    Ok(())
}

pub(super) fn write_note(
    t: &Transaction<'_>,
    organizer: Option<OrganizerId>,
    note: &NewAuditEntry,
) -> Result<(), StoreError> {
    let (actor, id) = match note.actor {
        Actor::Token(id) => ("token", Some(id.0)),
        Actor::User(id) => ("user", Some(id.0)),
        Actor::CommandLine => ("command_line", None),
        Actor::Server => ("server", None),
    };
    t.execute(
        "INSERT INTO audit (organizer, at, actor, actor_id, action, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![organizer.map(|o| o.0), micros(note.at), actor, id, note.action, note.data.to_string()],
    )?;
    Ok(())
}

fn with_id(mut note: NewAuditEntry, webhook: WebhookId) -> NewAuditEntry {
    if let Value::Object(data) = &mut note.data {
        data.insert("id".to_owned(), webhook.0.into());
    }
    note
}
