//! Who may publish, who listens: every change makes a new version of the registry.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::action_type_rows::{action_types, write_action_type};
use super::audit_log::write_note;
use super::organizer_rows::{is_taken, organizers, write_organizer};
use super::registry_version::{bump, touch_organizer, version};
use super::rows::{Cells, micros};
use super::token_rows::token;
use super::webhook_rows::webhooks;
use super::{SqliteStore, StoreError};
use crate::domain::{Event, EventId, EventSlug, Organizer, OrganizerId, RegisteredAction};
use crate::store::{ChangeResult, NewAuditEntry, RegistryChanges, RegistryStore, StoredOrganizer};

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
}
