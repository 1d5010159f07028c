//! Opens the embedded store for administrative commands. A running server sees each change at once.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use sonnette::domain::{OrganizerId, OrganizerSlug};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};
use sonnette::store::sqlite::SqliteStore;

use crate::config::Settings;

/// Checks that the settings ask for the embedded store, which is the only one in this version.
pub(super) fn check_database_url(settings: &Settings) -> Result<()> {
    let Some(url) = &settings.database_url else {
        return Ok(());
    };
    let scheme = url
        .expose()
        .split_once(':')
        .map_or("", |(scheme, _)| scheme);
    if matches!(scheme, "postgres" | "postgresql") {
        bail!(
            "database_url: PostgreSQL is not available in this version; remove the setting to use the embedded store"
        );
    }
    bail!(
        "database_url: expected a URL that begins with postgres://, which is not available in this version"
    );
}

/// Opens the store; creates it if it does not exist.
pub(super) fn open(settings: &Settings) -> Result<SqliteStore> {
    check_database_url(settings)?;
    SqliteStore::open(&settings.data_dir).context("cannot open the store")
}

/// Whether the store exists.
pub(super) fn exists(settings: &Settings) -> bool {
    path(settings).exists()
}

/// The path of the store.
pub(super) fn path(settings: &Settings) -> std::path::PathBuf {
    settings.data_dir.join("sonnette.db")
}

/// The registry of the store.
pub(super) fn registry(store: &SqliteStore) -> Result<RegistrySnapshot> {
    Ok(RegistrySnapshot::read(store)?)
}

/// All organizers, sorted by slug.
pub(super) fn organizers(store: &SqliteStore) -> Result<Vec<Arc<OrganizerSnapshot>>> {
    let mut organizers: Vec<_> = registry(store)?.organizers().collect();
    organizers.sort_by(|a, b| a.organizer.slug.cmp(&b.organizer.slug));
    Ok(organizers)
}

/// One organizer with its webhooks and action types.
pub(super) fn organizer(
    store: &SqliteStore,
    slug: &OrganizerSlug,
) -> Result<Arc<OrganizerSnapshot>> {
    registry(store)?.organizer(slug.as_str()).ok_or_else(|| {
        anyhow!(
            "organizer {slug} does not exist; create it with `sonnette organizer create {slug}`"
        )
    })
}

/// The slug of an organizer.
pub(super) fn slug_of(organizers: &[Arc<OrganizerSnapshot>], id: OrganizerId) -> Option<String> {
    organizers
        .iter()
        .find(|o| o.organizer.id == id)
        .map(|o| o.organizer.slug.to_string())
}
