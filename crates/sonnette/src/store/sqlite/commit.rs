//! The group commit: publications and settlements in one durable transaction.

use std::collections::HashSet;

use parking_lot::MutexGuard;
use rusqlite::{Transaction, params};

use super::attempt_rows::AttemptWriter;
use super::attempt_stats::AttemptCounts;
use super::damage_log::DamageLog;
use super::publications::store_group;
use super::settlements::write_settlement;
use super::{SqliteStore, StoreError, Writer, begin, pending_webhook_changes, registry_version};
use crate::domain::{EventSlug, OrganizerId};
use crate::store::{Batch, CommitError, GroupResult, PublicationGroup};

impl SqliteStore {
    pub(super) fn commit_batch(
        &self,
        version: i64,
        batch: &Batch,
    ) -> Result<Vec<GroupResult>, CommitError> {
        let mut writer = self.writer.lock();
        let committed = writer.commit(&self.damage, version, batch);
        if committed.is_err() {
            writer.known_events.clear();
            writer.templates.clear();
        }
        let results = committed.map(|(results, counts)| {
            self.stats_buffer.lock().add(counts);
            results
        });
        MutexGuard::unlock_fair(writer);
        match &results {
            Err(CommitError::Store(error)) => self.record_write::<()>(&Err(error.clone())),
            Err(CommitError::Stale) => {}
            Ok(_) => self.record_write(&Ok(())),
        }
        results
    }
}

impl Writer {
    fn commit(
        &mut self,
        damage: &DamageLog,
        version: i64,
        batch: &Batch,
    ) -> Result<(Vec<GroupResult>, AttemptCounts), CommitError> {
        let transaction = begin(&mut self.connection)?;
        let mut results = Vec::with_capacity(batch.groups.len());
        if !batch.groups.is_empty() {
            let current = registry_version::version(&transaction)?;
            if current != version {
                return Err(CommitError::Stale);
            }
            if self.known_at != current {
                self.known_events.clear();
                self.known_at = current;
            }
            let first = next_notification_id(&transaction)?;
            let mut next = first;
            for group in &batch.groups {
                let result = store_group(&transaction, group, &mut next)?;
                if matches!(result, GroupResult::Stored(_)) {
                    register_events(&transaction, group, &mut self.known_events)?;
                }
                results.push(result);
            }
            if next != first {
                transaction
                    .prepare_cached("UPDATE counters SET value = ?1 WHERE name = 'notification'")
                    .and_then(|mut s| s.execute([next]))
                    .map_err(StoreError::from)?;
            }
        }
        pending_webhook_changes::remove(&transaction, &batch.published_changes)?;
        let mut counts = AttemptCounts::default();
        if !batch.settlements.is_empty() {
            let mut log =
                AttemptWriter::open(&transaction, damage, &mut self.templates, &self.erased)?;
            for settlement in &batch.settlements {
                write_settlement(
                    &transaction,
                    damage,
                    settlement,
                    batch.now,
                    &mut log,
                    &mut counts,
                )?;
            }
        }
        transaction.commit().map_err(StoreError::from)?;
        Ok((results, counts))
    }
}

fn next_notification_id(t: &Transaction<'_>) -> Result<i64, StoreError> {
    let mut statement =
        t.prepare_cached("SELECT value FROM counters WHERE name = 'notification'")?;
    Ok(statement.query_row([], |r| r.get(0))?)
}

fn register_events(
    t: &Transaction<'_>,
    group: &PublicationGroup,
    known: &mut HashSet<(OrganizerId, EventSlug)>,
) -> Result<(), StoreError> {
    for publication in group.publications.iter().filter(|p| p.registers_event) {
        let Some(event) = &publication.event else {
            continue;
        };
        let key = (group.organizer, event.clone());
        if known.contains(&key) {
            continue;
        }
        t.prepare_cached(
            "INSERT INTO events (organizer, slug, name) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute(params![group.organizer.0, event.as_str()])?;
        // A bound for the memory; the events are looked up again after that.
        if known.len() >= 100_000 {
            known.clear();
        }
        known.insert(key);
    }
    Ok(())
}
