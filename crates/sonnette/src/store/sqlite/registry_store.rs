//! Organizers, events and action types.

use rusqlite::{OptionalExtension, Transaction, params};

use super::action_type_rows::{delete_action_type, insert_action_type, update_action_type};
use super::audit_log::insert_entry;
use super::organizer_rows::{is_taken, organizers, write_organizer};
use super::registry_changes::load;
use super::registry_version::{bump, touch_action_type, version};
use super::table_row::TableRow;
use super::{SqliteStore, StoreError, hold_store};
use crate::domain::{
    Event, EventId, EventSlug, Organizer, OrganizerId, RegisteredActionType, UtcDateTime,
};
use crate::store::{ChangeResult, NewAuditEntry, RegistryChanges, RegistryStore};

impl RegistryStore for SqliteStore {
    fn version(&self) -> Result<i64, StoreError> {
        match self.read(version) {
            Err(StoreError::Inconsistent { .. }) => {
                self.repair_counters()?;
                self.read(version)
            }
            result => result,
        }
    }

    fn load(&self, since: i64) -> Result<RegistryChanges, StoreError> {
        self.read(|c| {
            let c = &c.unchecked_transaction()?;
            load(c, &self.damage, since)
        })
    }

    fn add_organizer(
        &self,
        organizer: &Organizer,
        entry: NewAuditEntry,
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
            hold_store::hold_new_organizer(t, organizer.id, entry.at)?;
            write_organizer(t, &organizer)?;
            insert_entry(t, Some(organizer.id), &entry)?;
            Ok(ChangeResult::Done(organizer))
        })
    }

    fn change_organizer(
        &self,
        id: OrganizerId,
        change: &mut dyn FnMut(&mut Organizer) -> bool,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Organizer>, StoreError> {
        self.write(|t| {
            let Some(mut organizer) = organizers(t, &self.damage, "id = ?1", id.0)?.pop() else {
                return Ok(ChangeResult::Missing);
            };
            if !change(&mut organizer) {
                return Ok(ChangeResult::Refused);
            }
            if is_taken(t, &organizer)? {
                return Ok(ChangeResult::Taken);
            }
            write_organizer(t, &organizer)?;
            insert_entry(t, Some(id), &entry)?;
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
                let cells = TableRow::new(row, "events");
                events.extend(self.damage.skip_damaged(event(cells))?);
            }
            Ok(events)
        })
    }

    fn add_event(
        &self,
        organizer: OrganizerId,
        event: &Event,
        entry: NewAuditEntry,
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
                        event.date_from.map(UtcDateTime::as_microsecond)
                    ],
                    |r| r.get(0),
                )
                .optional()?;
            let Some(id) = id else {
                return Ok(ChangeResult::Taken);
            };
            insert_entry(t, Some(organizer), &entry)?;
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
        date_from: Option<UtcDateTime>,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        self.write(|t| {
            let Some(id) = event_id(t, organizer, slug)? else {
                return Ok(ChangeResult::Missing);
            };
            t.execute(
                "UPDATE events SET name = ?2, date_from = ?3 WHERE id = ?1",
                params![id.0, name, date_from.map(UtcDateTime::as_microsecond)],
            )?;
            bump(t)?;
            insert_entry(t, Some(organizer), &entry)?;
            Ok(ChangeResult::Done(id))
        })
    }

    fn remove_event(
        &self,
        organizer: OrganizerId,
        slug: &EventSlug,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<EventId>, StoreError> {
        self.write(|t| {
            let Some(id) = event_id(t, organizer, slug)? else {
                return Ok(ChangeResult::Missing);
            };
            // Commits remember known events for one version of the registry.
            let version = bump(t)?;
            t.execute(
                "UPDATE webhooks SET changed = ?2
                 WHERE id IN (SELECT webhook FROM webhook_events WHERE event = ?1)",
                [id.0, version],
            )?;
            t.execute("DELETE FROM webhook_events WHERE event = ?1", [id.0])?;
            t.execute("DELETE FROM events WHERE id = ?1", [id.0])?;
            insert_entry(t, Some(organizer), &entry)?;
            Ok(ChangeResult::Done(id))
        })
    }

    fn add_action_type(
        &self,
        action_type: &RegisteredActionType,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            let Some(id) = insert_action_type(t, action_type)? else {
                return Ok(ChangeResult::Taken);
            };
            touch_action_type(t, id)?;
            insert_entry(t, action_type.organizer, &entry)?;
            Ok(ChangeResult::Done(id))
        })
    }

    fn change_action_type(
        &self,
        action_type: &RegisteredActionType,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            if !update_action_type(t, action_type)? {
                return Ok(ChangeResult::Missing);
            }
            touch_action_type(t, action_type.id)?;
            insert_entry(t, action_type.organizer, &entry)?;
            Ok(ChangeResult::Done(action_type.id))
        })
    }

    fn remove_action_type(
        &self,
        action_type: &RegisteredActionType,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<i64>, StoreError> {
        self.write(|t| {
            if !delete_action_type(t, action_type.id)? {
                return Ok(ChangeResult::Missing);
            }
            insert_entry(t, action_type.organizer, &entry)?;
            Ok(ChangeResult::Done(action_type.id))
        })
    }
}

pub(super) fn event(cells: TableRow<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId(cells.get("id")?),
        slug: cells.parse("slug")?,
        name: cells.get("name")?,
        date_from: cells.date_time_optional("date_from")?,
    })
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
