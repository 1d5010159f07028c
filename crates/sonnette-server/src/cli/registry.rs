//! The store as administering commands use it: beside a running server, which sees each change at once.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use sonnette::domain::{OrganizerId, OrganizerSlug};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};
use sonnette::store::sqlite::SqliteStore;

use crate::config::Settings;

/// Refuses what this version cannot use.
pub(super) fn embedded(settings: &Settings) -> Result<()> {
    let Some(url) = &settings.database_url else {
        return Ok(());
    };
    let scheme = url
        .expose()
        .split_once(':')
        .map_or("", |(scheme, _)| scheme);
    if matches!(scheme, "postgres" | "postgresql") {
        bail!(
            "database_url: PostgreSQL is not available in this version; leave it out to use the embedded store"
        );
    }
    bail!(
        "database_url: only postgres:// is meant to be given here, and it is not available in this version"
    );
}

/// Opens the store of these settings; makes it if there is none.
pub(super) fn open(settings: &Settings) -> Result<SqliteStore> {
    embedded(settings)?;
    SqliteStore::open(&settings.data_dir).context("the store cannot be opened")
}

/// Whether there is a store at all.
pub(super) fn exists(settings: &Settings) -> bool {
    file(settings).exists()
}

/// Where the embedded store is.
pub(super) fn file(settings: &Settings) -> std::path::PathBuf {
    settings.data_dir.join("sonnette.db")
}

/// The registry of the store.
pub(super) fn read(store: &SqliteStore) -> Result<RegistrySnapshot> {
    Ok(RegistrySnapshot::read(store)?)
}

/// All organizers, by slug.
pub(super) fn organizers(store: &SqliteStore) -> Result<Vec<Arc<OrganizerSnapshot>>> {
    let mut organizers: Vec<_> = read(store)?.organizers().collect();
    organizers.sort_by(|a, b| a.organizer.slug.cmp(&b.organizer.slug));
    Ok(organizers)
}

/// One organizer with all that belongs to it.
pub(super) fn organizer(
    store: &SqliteStore,
    slug: &OrganizerSlug,
) -> Result<Arc<OrganizerSnapshot>> {
    read(store)?.organizer(slug.as_str()).ok_or_else(|| {
        anyhow!("there is no organizer {slug}; `sonnette organizer create {slug}` makes it")
    })
}

/// The slug of an organizer among these.
pub(super) fn slug_of(organizers: &[Arc<OrganizerSnapshot>], id: OrganizerId) -> Option<String> {
    organizers
        .iter()
        .find(|o| o.organizer.id == id)
        .map(|o| o.organizer.slug.to_string())
}
