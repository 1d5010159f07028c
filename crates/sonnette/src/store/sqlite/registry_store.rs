//! Who may publish, who listens: every change makes a new version of the registry.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params};

use super::action_type_rows::{action_types, insert_action_type, update_action_type};
use super::audit_log::write_note;
use super::organizer_rows::{is_taken, organizers, write_organizer};
use super::registry_version::{touch_all_organizers, touch_organizer, version};
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
        name: &str,
        date_from: Option<Timestamp>,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        self.write(|t| {
            let Some(id) = event_id(t, organizer, slug)? else {
                return Ok(ChangeResult::Missing);
            };
            t.execute(
                "UPDATE events SET name = ?2, date_from = ?3 WHERE id = ?1",
                params![id.0, name, date_from.map(micros)],
            )?;
            touch_organizer(t, organizer)?;
            write_note(t, Some(organizer), &note)?;
            Ok(ChangeResult::Done(id))
        })
    }

    fn remove_event(
        &self,
        organizer: OrganizerId,
        slug: &EventSlug,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        self.write(|t| {
            let Some(id) = event_id(t, organizer, slug)? else {
                return Ok(ChangeResult::Missing);
            };
            t.execute("DELETE FROM webhook_events WHERE event = ?1", [id.0])?;
            t.execute("DELETE FROM events WHERE id = ?1", [id.0])?;
            // Commits remember known events for one version of the registry.
            touch_organizer(t, organizer)?;
            write_note(t, Some(organizer), &note)?;
            Ok(ChangeResult::Done(id))
        })
    }

    fn add_action_type(
        &self,
        action_type: &RegisteredAction,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            let Some(id) = insert_action_type(t, action_type)? else {
                return Ok(ChangeResult::Taken);
            };
            touch_organizers_of(t, action_type)?;
            write_note(t, action_type.organizer, &note)?;
            Ok(ChangeResult::Done(id))
        })
    }

    fn change_action_type(
        &self,
        action_type: &RegisteredAction,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            if !update_action_type(t, action_type)? {
                return Ok(ChangeResult::Missing);
            }
            touch_organizers_of(t, action_type)?;
            write_note(t, action_type.organizer, &note)?;
            Ok(ChangeResult::Done(action_type.id))
        })
    }

    fn remove_action_type(
        &self,
        action_type: &RegisteredAction,
        note: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            let removed = t.execute("DELETE FROM action_types WHERE id = ?1", [action_type.id])?;
            if removed == 0 {
                return Ok(ChangeResult::Missing);
            }
            touch_organizers_of(t, action_type)?;
            write_note(t, action_type.organizer, &note)?;
            Ok(ChangeResult::Done(action_type.id))
        })
    }
}

fn event_id(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    slug: &EventSlug,
) -> Result<Option<EventId>, StoreError> {
    let id = t.query_row(
        "SELECT id FROM events WHERE organizer = ?1 AND slug = ?2",
        params![organizer.0, slug.as_str()],
        |r| r.get(0).map(EventId),
    );
    Ok(id.optional()?)
}

/// Makes a new version in which the organizers that have this action type have changed.
fn touch_organizers_of(
    t: &Transaction<'_>,
    action_type: &RegisteredAction,
) -> Result<(), StoreError> {
    match action_type.organizer {
        Some(organizer) => touch_organizer(t, organizer),
        None => touch_all_organizers(t),
    }
}
