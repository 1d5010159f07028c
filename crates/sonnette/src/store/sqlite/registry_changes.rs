//! Reads what has changed in the registry. Damaged rows are left out, and read again at each load until they are repaired.

use rusqlite::Connection;

use super::StoreError;
use super::action_type_rows::{action_types, removed_action_types};
use super::damage_log::DamageLog;
use super::hold_store::holds;
use super::organizer_rows::organizers;
use super::registry_version::version;
use super::table_row::TableRow;
use super::token_rows::tokens;
use super::webhook_rows::webhooks;
use crate::domain::{EventSlug, OrganizerId, TokenId, WebhookId};
use crate::store::RegistryChanges;

/// Rows that changed after a version.
const IS_CHANGED: &str = "changed > ?1";
/// All rows, whatever their version: one that is damaged must not hide them.
const IS_FIRST_LOAD: &str = "?1 = 0";
/// The tables that are loaded.
const REGISTRY_TABLES: [&str; 6] = [
    "organizers",
    "webhooks",
    "events",
    "action_types",
    "removed_action_types",
    "tokens",
];

/// The rows that changed after the version `since`; all rows for 0.
pub(super) fn load(
    c: &Connection,
    damage: &DamageLog,
    since: i64,
) -> Result<RegistryChanges, StoreError> {
    let condition = if since == 0 {
        IS_FIRST_LOAD
    } else {
        IS_CHANGED
    };
    if since == 0 {
        for table in REGISTRY_TABLES {
            damage.forget_table(table);
        }
    }
    let mut changes = RegistryChanges {
        version: version(c)?,
        organizers: organizers(c, damage, condition, since)?,
        webhooks: webhooks(c, damage, condition, since)?,
        removed_action_types: removed_action_types(c, damage, condition, since)?,
        action_types: action_types(c, damage, condition, since)?,
        tokens: tokens(c, damage, condition, since)?,
        holds: holds(c)?,
        ..RegistryChanges::default()
    };
    if since != 0 {
        add_repaired(c, damage, &mut changes)?;
    }
    let ids = |table| damage.ids(table).into_iter();
    changes.damaged_organizers = ids("organizers").map(OrganizerId).collect();
    changes.damaged_webhooks = ids("webhooks").map(WebhookId).collect();
    changes.damaged_tokens = ids("tokens").map(TokenId).collect();
    Ok(changes)
}

/// Adds rows that were damaged and are repaired, with everything that could not be used without them.
fn add_repaired(
    c: &Connection,
    damage: &DamageLog,
    changes: &mut RegistryChanges,
) -> Result<(), StoreError> {
    for id in damage.ids("organizers") {
        let repaired = organizers(c, damage, "id = ?1", id)?;
        forget_repaired(c, damage, "organizers", id, !repaired.is_empty())?;
        if !repaired.is_empty() {
            changes.organizers.extend(repaired);
            let of_organizer = "organizer = ?1";
            changes
                .webhooks
                .extend(webhooks(c, damage, of_organizer, id)?);
            let actions = action_types(c, damage, of_organizer, id)?;
            changes.action_types.extend(actions);
        }
    }
    for id in damage.ids("webhooks") {
        let repaired = webhooks(c, damage, "id = ?1", id)?;
        forget_repaired(c, damage, "webhooks", id, !repaired.is_empty())?;
        changes.webhooks.extend(repaired);
    }
    for id in damage.ids("events") {
        let slug = "SELECT id, slug FROM events WHERE id = ?1";
        let is_repaired = match c.prepare_cached(slug)?.query([id])?.next()? {
            Some(row) => TableRow::new(row, "events")
                .parse::<EventSlug>("slug")
                .is_ok(),
            None => false,
        };
        forget_repaired(c, damage, "events", id, is_repaired)?;
        let with_event = "id IN (SELECT webhook FROM webhook_events WHERE event = ?1)";
        changes
            .webhooks
            .extend(webhooks(c, damage, with_event, id)?);
    }
    for id in damage.ids("action_types") {
        let repaired = action_types(c, damage, "id = ?1", id)?;
        forget_repaired(c, damage, "action_types", id, !repaired.is_empty())?;
        changes.action_types.extend(repaired);
    }
    for id in damage.ids("tokens") {
        let repaired = tokens(c, damage, "id = ?1", id)?;
        forget_repaired(c, damage, "tokens", id, !repaired.is_empty())?;
        changes.tokens.extend(repaired);
    }
    Ok(())
}

/// Forgets a damaged row that was repaired, or that there is no more.
fn forget_repaired(
    c: &Connection,
    damage: &DamageLog,
    table: &str,
    id: i64,
    is_repaired: bool,
) -> Result<(), StoreError> {
    let mut row = c.prepare_cached(&format!("SELECT 1 FROM {table} WHERE id = ?1"))?;
    if is_repaired || !row.exists([id])? {
        damage.forget(table, id);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;
    use crate::store::sqlite::{
        action_type_rows, database_file, organizer_rows, token_rows, webhook_rows,
    };

    #[test]
    fn a_load_reads_changed_rows_and_no_others() {
        let mut connection = Connection::open_in_memory().unwrap();
        database_file::migrate(&mut connection).unwrap();
        for sql in [
            &organizer_rows::select_organizers(IS_CHANGED)[..],
            &webhook_rows::select_webhooks(IS_CHANGED),
            &webhook_rows::select_limit_events(IS_CHANGED),
            &action_type_rows::select_action_types(IS_CHANGED),
            &action_type_rows::select_removed_action_types(IS_CHANGED),
            &token_rows::select_tokens(IS_CHANGED),
        ] {
            let explain = format!("EXPLAIN QUERY PLAN {sql}");
            let mut statement = connection.prepare(&explain).unwrap();
            let steps = statement.query_map([1], |r| r.get::<_, String>("detail"));
            let steps: Vec<_> = steps.unwrap().map(Result::unwrap).collect();
            let searches = |step: &String| step.contains("_by_version (changed>?)");
            assert!(steps.iter().any(searches), "{sql}: {steps:?}");
            assert!(
                steps.iter().all(|step| !step.starts_with("SCAN")),
                "{sql}: {steps:?}"
            );
        }
    }
}
