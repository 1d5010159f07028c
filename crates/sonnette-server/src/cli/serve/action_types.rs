//! The action types of the configuration file, put into the registry when the server starts.

use anyhow::{Context as _, Result};
use serde_json::json;
use sonnette::domain::RegisteredAction;
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{Changed, Registry as _};

use crate::cli::{audit, registry};
use crate::config::{ActionTypeSetting, Settings};

/// Registers what is new, and changes what has changed. An entry that is taken out of the file stays registered until
/// it is deleted over REST: webhooks may listen to it.
pub(super) fn register(settings: &Settings, store: &SqliteStore) -> Result<()> {
    for setting in &settings.action_types {
        let name = &setting.action.name;
        put(setting, store)
            .with_context(|| format!("[[action_types]]: {name} cannot be registered"))?;
    }
    Ok(())
}

fn put(setting: &ActionTypeSetting, store: &SqliteStore) -> Result<()> {
    let organizers = registry::organizers(store)?;
    let owner = match &setting.organizer {
        Some(slug) => Some(registry::organizer(store, slug)?.organizer.id),
        None => None,
    };
    let mut registered = organizers.iter().flat_map(|rows| &rows.action_types);
    let known = registered.find(|r| r.organizer == owner && r.name == setting.action.name);
    let id = known.map_or(0, |r| r.id);
    let row = RegisteredAction {
        id,
        organizer: owner,
        ..setting.action.clone()
    };
    if known == Some(&row) {
        return Ok(());
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
    if matches!(store.put_action_type(&row, false, note)?, Changed::Done(_)) {
        tracing::info!(action_type = %row.name, "registered an action type of the configuration file");
    } else {
        // Without any organizer those for all are not to be seen; the next start looks again.
        tracing::debug!(action_type = %row.name, "the action type is registered already");
    }
    Ok(())
}
