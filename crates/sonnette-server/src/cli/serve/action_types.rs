//! The action types of the configuration file, put into the registry when the server starts.

use anyhow::{Context as _, Result};
use serde_json::json;
use sonnette::domain::{OrganizerId, RegisteredAction};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{ChangeResult, RegistryStore as _};

use crate::cli::{audit, registry};
use crate::config::{ActionTypeSetting, Settings};

/// Registers what is new, changes what has changed, and removes what was taken out of the file. Webhooks may go on naming
/// what is gone; it rings no more, and what was published stays as it is.
pub(super) fn register(settings: &Settings, store: &SqliteStore) -> Result<()> {
    let mut kept = Vec::new();
    for setting in &settings.action_types {
        let name = &setting.action.name;
        let owner = put(setting, store)
            .with_context(|| format!("[[action_types]]: {name} cannot be registered"))?;
        kept.push((owner, name));
    }
    for gone in registered(store)?.iter().filter(|row| row.from_file) {
        if !kept.contains(&(gone.organizer, &gone.name)) {
            let data = json!({"action_type": gone.name, "source": "configuration file"});
            store.remove_action_type(gone, audit::note("sonnette.action_type.deleted", data))?;
            tracing::info!(action_type = %gone.name, "removed an action type that the configuration file no longer has");
        }
    }
    Ok(())
}

/// Every registered action type.
fn registered(store: &SqliteStore) -> Result<Vec<RegisteredAction>> {
    Ok(store.load(0)?.actions)
}

/// Whose it is.
fn put(setting: &ActionTypeSetting, store: &SqliteStore) -> Result<Option<OrganizerId>> {
    let owner = match &setting.organizer {
        Some(slug) => Some(registry::organizer(store, slug)?.organizer.id),
        None => None,
    };
    let mut rows = registered(store)?.into_iter();
    let known = rows.find(|r| r.organizer == owner && r.name == setting.action.name);
    let id = known.as_ref().map_or(0, |r| r.id);
    let row = RegisteredAction {
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
    let note = audit::note(
        action,
        json!({"action_type": row.name, "source": "configuration file"}),
    );
    let changed = if id == 0 {
        store.add_action_type(&row, note)?
    } else {
        store.change_action_type(&row, note)?
    };
    if matches!(changed, ChangeResult::Done(_)) {
        tracing::info!(action_type = %row.name, "registered an action type of the configuration file");
    } else {
        tracing::debug!(action_type = %row.name, "the action type is registered already");
    }
    Ok(owner)
}
