//! Registers the action types of the configuration file when the server starts.

use anyhow::{Context as _, Result};
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{OrganizerId, RegisteredActionType};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{ChangeResult, RegistryStore as _, Store as _};

use crate::admin::Author;
use crate::cli::local_store;
use crate::config::{ActionTypeSetting, Settings};

/// Adds new action types, updates changed ones, and deletes those that the file no longer has. Webhooks may still name a
/// deleted action type, which matches nothing; published notifications remain.
pub(super) fn sync(settings: &Settings, store: &SqliteStore) -> Result<()> {
    let mut kept = Vec::new();
    let mut has_damaged_owner = false;
    for setting in &settings.action_types {
        let name = &setting.action.name;
        if let Some(slug) = &setting.organizer
            && local_store::organizer(store, slug).is_err()
            && has_damaged_organizer(store)
        {
            tracing::error!(action_type = %name, organizer = %slug, "[[action_types]]: cannot register {name}: organizer {slug} is not there, and the row of an organizer is damaged");
            has_damaged_owner = true;
            continue;
        }
        let owner = upsert(setting, store)
            .with_context(|| format!("[[action_types]]: cannot register {name}"))?;
        kept.push((owner, name));
    }
    if has_damaged_owner {
        return Ok(());
    }
    for deleted in load_registered(store)?.iter().filter(|row| row.from_file) {
        if !kept.contains(&(deleted.organizer, &deleted.name)) {
            let data = json!({"action_type": deleted.name, "source": "configuration file"});
            store.remove_action_type(
                deleted,
                Author::command_line().audit_entry(
                    "sonnette.action_type.deleted",
                    data,
                    SystemClock.now(),
                ),
            )?;
            tracing::info!(action_type = %deleted.name, "deleted action type {}, which the configuration file no longer has", deleted.name);
        }
    }
    Ok(())
}

fn has_damaged_organizer(store: &SqliteStore) -> bool {
    let rows = store.damaged_rows();
    rows.iter().any(|row| row.table == "organizers")
}

/// All registered action types.
fn load_registered(store: &SqliteStore) -> Result<Vec<RegisteredActionType>> {
    Ok(store.load(0)?.action_types)
}

/// Registers one action type; returns the organizer that it belongs to.
fn upsert(setting: &ActionTypeSetting, store: &SqliteStore) -> Result<Option<OrganizerId>> {
    let owner = match &setting.organizer {
        Some(slug) => {
            let organizer = local_store::organizer(store, slug)?;
            warn_of_missing_dialect(setting, &organizer);
            Some(organizer.organizer.id)
        }
        None => None,
    };
    let mut rows = load_registered(store)?.into_iter();
    let known = rows.find(|r| r.organizer == owner && r.name == setting.action.name);
    let id = known.as_ref().map_or(0, |r| r.id);
    let row = RegisteredActionType {
        id,
        organizer: owner,
        ..setting.action.clone()
    };
    if known.as_ref() == Some(&row) {
        return Ok(owner);
    }
    let action = if id == 0 {
        "sonnette.action_type.created"
    } else {
        "sonnette.action_type.changed"
    };
    let data = json!({"action_type": row.name, "source": "configuration file"});
    let entry = Author::command_line().audit_entry(action, data, SystemClock.now());
    let changed = if id == 0 {
        store.add_action_type(&row, entry)?
    } else {
        store.change_action_type(&row, entry)?
    };
    if matches!(changed, ChangeResult::Done(_)) {
        tracing::info!(action_type = %row.name, "registered action type {} of the configuration file", row.name);
    } else {
        // Action types for all organizers are only listed with an organizer; the next start finds them.
        tracing::debug!(action_type = %row.name, "action type {} is already registered", row.name);
    }
    Ok(owner)
}

/// The server starts all the same: the dialect may be added later.
fn warn_of_missing_dialect(setting: &ActionTypeSetting, organizer: &OrganizerSnapshot) {
    let (name, slug) = (&setting.action.name, &organizer.organizer.slug);
    if let Some(dialect) = organizer.catalogue.missing_dialect(name) {
        tracing::warn!(
            action_type = %name,
            organizer = %slug,
            "[[action_types]]: organizer {slug} does not see {name}: it does not have the dialect {dialect}"
        );
    }
}
