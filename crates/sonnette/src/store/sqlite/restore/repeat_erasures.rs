//! Repeats the erasures that were made after the backup.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use crate::domain::{NotificationId, OrganizerId, WebhookId};
use crate::store::sqlite::{SqliteStore, erasure_journal};
use crate::store::{
    Actor, BatchAuditEntry, ErasureBatch, ErasureResult, ErasureStore as _, NewAuditEntry,
    StoreError,
};

/// An organizer of the store, with its webhooks.
struct RestoredOrganizer {
    id: OrganizerId,
    uuid: String,
    webhooks: Vec<WebhookId>,
}

/// Erases in `store` what the journal of `directory` says. `None`: there is no journal.
///
/// # Errors
/// The journal cannot be used, or the store not written.
pub(super) fn repeat_erasures(
    store: &SqliteStore,
    directory: &Path,
    now: Timestamp,
) -> Result<Option<ErasureResult>, StoreError> {
    let journal = erasure_journal::read(directory).map_err(|error| {
        let text = format!(
            "the journal of erasures cannot be used: {error}; to restore without it, remove erasures.log from {}",
            directory.display()
        );
        StoreError::Refused(text.into())
    })?;
    let Some((hasher, entries)) = journal else {
        return Ok(None);
    };
    let erased_organizers: BTreeSet<_> = entries.iter().map(|e| e.organizer.as_str()).collect();
    let mut through = HashMap::<_, NotificationId>::new();
    for entry in &entries {
        let last = through
            .entry(&entry.hash)
            .or_insert(entry.last_notification);
        *last = entry.last_notification.max(*last);
    }
    let mut result = ErasureResult::default();
    for organizer in organizers(store)? {
        if !erased_organizers.contains(organizer.uuid.as_str()) {
            continue;
        }
        for subject in subjects(store, organizer.id)? {
            if let Some(through) = through.get(&hasher.hash(&organizer.uuid, &subject)) {
                result += erase(store, &organizer, &subject, *through, now)?;
            }
        }
    }
    store.purge_erased()?;
    Ok(Some(result))
}

/// Erases one person. No lane is in memory, so that all may be named as paused.
fn erase(
    store: &SqliteStore,
    organizer: &RestoredOrganizer,
    subject: &str,
    through: NotificationId,
    now: Timestamp,
) -> Result<ErasureResult, StoreError> {
    let mut entry = BatchAuditEntry::from(NewAuditEntry {
        actor: Actor::CommandLine,
        action: "sonnette.subject.erased",
        data: json!({}),
        at: now,
    });
    let mut erased = ErasureResult::default();
    loop {
        let paused = &organizer.webhooks;
        let batch = store.erase_subject(organizer.id, subject, through, now, paused, &mut entry)?;
        match batch {
            ErasureBatch::Erased { result, has_more } => {
                erased += result;
                if !has_more {
                    return Ok(erased);
                }
            }
            ErasureBatch::LanesToPause(lanes) => {
                let text = format!(
                    "webhooks {lanes:?} have deliveries of organizer {}",
                    organizer.id
                );
                return Err(StoreError::Refused(text.into()));
            }
        }
    }
}

fn organizers(store: &SqliteStore) -> Result<Vec<RestoredOrganizer>, StoreError> {
    store.read(|c| {
        let mut webhooks = c.prepare("SELECT id FROM webhooks WHERE organizer = ?1")?;
        let mut statement = c.prepare("SELECT id, uuid FROM organizers")?;
        let found = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let found: Vec<(i64, String)> = found.collect::<Result<_, _>>()?;
        let with_webhooks = found.into_iter().map(|(id, uuid)| {
            let ids = webhooks.query_map([id], |r| r.get(0).map(WebhookId))?;
            Ok(RestoredOrganizer {
                id: OrganizerId(id),
                uuid,
                webhooks: ids.collect::<Result<_, _>>()?,
            })
        });
        with_webhooks.collect()
    })
}

fn subjects(store: &SqliteStore, organizer: OrganizerId) -> Result<Vec<String>, StoreError> {
    store.read(|c| {
        let mut statement = c.prepare(
            "SELECT DISTINCT subject FROM notifications
             WHERE organizer = ?1 AND subject IS NOT NULL AND typeof(subject) = 'text'",
        )?;
        let found = statement.query_map([organizer.0], |r| r.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}
