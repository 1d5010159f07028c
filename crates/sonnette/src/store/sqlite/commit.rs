//! The group commit: publications and settlements in one durable transaction.

use std::collections::HashSet;

use parking_lot::MutexGuard;
use rusqlite::{Transaction, params};

use super::attempt_stats::Tallies;
use super::publications::take;
use super::settlements::settle;
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
        let committed = writer.commit(version, batch);
        if committed.is_err() {
            writer.known_events.clear();
        }
        let answers = committed.map(|(answers, tallies)| {
            self.gathered.lock().add(tallies);
            answers
        });
        MutexGuard::unlock_fair(writer);
        answers
    }
}

impl Writer {
    fn commit(
        &mut self,
        version: i64,
        batch: &Batch,
    ) -> Result<(Vec<GroupResult>, Tallies), CommitError> {
        let transaction = begin(&mut self.connection)?;
        let mut answers = Vec::with_capacity(batch.groups.len());
        if !batch.groups.is_empty() {
            let current = registry_version::version(&transaction)?;
            if current != version {
                return Err(CommitError::Stale);
            }
            if self.known_at != current {
                self.known_events.clear();
                self.known_at = current;
            }
            let first = counter(&transaction)?;
            let mut next = first;
            for group in &batch.groups {
                let answer = take(&transaction, group, &mut next)?;
                if matches!(answer, GroupResult::Stored(_)) {
                    register_events(&transaction, group, &mut self.known_events)?;
                }
                answers.push(answer);
            }
            if next != first {
                transaction
                    .prepare_cached("UPDATE counters SET value = ?1 WHERE name = 'notification'")
                    .and_then(|mut s| s.execute([next]))
                    .map_err(StoreError::from)?;
            }
        }
        pending_webhook_changes::remove(&transaction, &batch.published_changes)?;
        let mut tallies = Tallies::default();
        for settlement in &batch.settlements {
            settle(
                &transaction,
                settlement,
                batch.now,
                &self.erased,
                &mut tallies,
            )?;
        }
        transaction.commit().map_err(StoreError::from)?;
        Ok((answers, tallies))
    }
}

fn counter(t: &Transaction<'_>) -> Result<i64, StoreError> {
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
        // Bounded: beyond this many it is cheaper to look than to remember.
        if known.len() >= 100_000 {
            known.clear();
        }
        known.insert(key);
    }
    Ok(())
}
