//! Publications in the group commit.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::types::ToSqlOutput;
use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreError;
use super::notification_rows::{audience_column, body_to_cell};
use super::table_row::{TableRow, to_micros};
use crate::domain::{EventSlug, NotificationId, OrganizerId};
use crate::store::{GroupResult, Publication, PublicationGroup, StoredPublication};

/// Stores a whole group, or returns the index of the first conflicting key before anything is written.
pub(super) fn store_group(
    t: &Transaction<'_>,
    group: &PublicationGroup,
    next: &mut i64,
) -> Result<GroupResult, StoreError> {
    if let Some(index) = find_conflict(t, group)? {
        return Ok(GroupResult::Conflict(index));
    }
    let mut stored = Vec::with_capacity(group.publications.len());
    for publication in &group.publications {
        let earlier = if let Some(key) = &publication.key {
            find_key_use(t, group.organizer, &key.text)?
        } else {
            None
        };
        stored.push(if let Some((_, notification)) = earlier {
            load_stored(t, notification)?
        } else {
            let id = NotificationId(*next);
            *next += 1;
            publish(t, group.organizer, publication, id)?
        });
    }
    Ok(GroupResult::Stored(stored))
}

fn find_conflict(
    t: &Transaction<'_>,
    group: &PublicationGroup,
) -> Result<Option<usize>, StoreError> {
    let mut contents = std::collections::HashMap::new();
    for (index, publication) in group.publications.iter().enumerate() {
        let Some(key) = &publication.key else {
            continue;
        };
        if *contents
            .entry(key.text.as_str())
            .or_insert(key.content_hash)
            != key.content_hash
        {
            return Ok(Some(index));
        }
        if let Some((content, _)) = find_key_use(t, group.organizer, &key.text)?
            && !key.content_hash.matches(&content)
        {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn find_key_use(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    key: &str,
) -> Result<Option<(Vec<u8>, i64)>, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT content, notification FROM publication_keys WHERE organizer = ?1 AND text = ?2
           AND EXISTS (SELECT 1 FROM notifications WHERE id = notification)",
    )?;
    Ok(statement
        .query_row(params![organizer.0, key], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?)
}

fn load_stored(t: &Transaction<'_>, notification: i64) -> Result<StoredPublication, StoreError> {
    let mut statement = t.prepare_cached(
        "SELECT id, action_type, event, published_at, deliveries FROM notifications WHERE id = ?1",
    )?;
    let mut rows = statement.query([notification])?;
    let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
    let cells = TableRow::new(row, "notifications");
    Ok(StoredPublication {
        id: NotificationId(cells.get("id")?),
        action_type: cells.parse("action_type")?,
        event: cells.parse_optional("event")?,
        published_at: cells.time("published_at")?,
        delivery_count: cells.get("deliveries")?,
        body: None,
    })
}

fn publish(
    t: &Transaction<'_>,
    organizer: OrganizerId,
    publication: &Publication,
    id: NotificationId,
) -> Result<StoredPublication, StoreError> {
    let body: Bytes = publication.body.clone().render(id);
    let at = to_micros(publication.published_at);
    // As it will be read.
    let published_at = Timestamp::from_microsecond(at).unwrap_or(publication.published_at);
    t.prepare_cached(
        "INSERT INTO notifications (id, organizer, action_type, event, published_at, shape, body, subject, deliveries,
           data, audience)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?
    .execute(params![
        id.0,
        organizer.0,
        publication.action_type.as_str(),
        publication.event.as_ref().map(EventSlug::as_str),
        at,
        publication.shape.as_str(),
        ToSqlOutput::Borrowed(body_to_cell(&body, &publication.action_type, published_at)),
        publication.subject,
        publication.webhooks.len(),
        publication.data,
        audience_column(publication.audience),
    ])?;
    let mut insert = t.prepare_cached(
        "INSERT INTO deliveries (webhook, notification, attempts, tries, started_at, due_at)
         VALUES (?1, ?2, 0, 0, ?3, ?3)",
    )?;
    for webhook in &publication.webhooks {
        insert.execute([webhook.0, id.0, at])?;
    }
    if let Some(key) = &publication.key {
        t.prepare_cached(
            // A key that is used while the clock is behind is kept as long as any other.
            "INSERT OR REPLACE INTO publication_keys (organizer, text, content, notification, used_at)
             VALUES (?1, ?2, ?3, ?4,
               max(?5, coalesce((SELECT trusted_at FROM clock WHERE typeof(trusted_at) = 'integer'), ?5)))",
        )?
        .execute(params![
            organizer.0,
            key.text,
            key.content_hash.to_stored(),
            id.0,
            at
        ])?;
    }
    Ok(StoredPublication {
        id,
        action_type: publication.action_type.clone(),
        event: publication.event.clone(),
        published_at: publication.published_at,
        delivery_count: publication.webhooks.len(),
        body: Some(body),
    })
}
