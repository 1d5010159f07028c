//! Opens the embedded store for administrative commands. A running server sees each change at once.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use sonnette::domain::{NotificationId, OrganizerId, OrganizerSlug};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};
use sonnette::store::sqlite::SqliteStore;

use crate::config::Settings;

/// Checks that the settings ask for the embedded store, which is the only one in this version.
pub(super) fn check_database_url(settings: &Settings) -> Result<()> {
    let Some(url) = settings.database_url()? else {
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

/// Opens the store, or creates it with the first id of the settings: for the commands that start a server or prepare its
/// store.
pub(super) fn open_or_create(settings: &Settings) -> Result<SqliteStore> {
    check_database_url(settings)?;
    let store = SqliteStore::open(&settings.data_dir).context("cannot open the store")?;
    if let Some(first) = settings.first_notification_id {
        store.set_first_notification_id(NotificationId(first.cast_signed()))?;
    }
    Ok(store)
}

/// Opens the store, and creates nothing: for the commands that administer it.
///
/// # Errors
/// There is no store. The text names the directory and how to name another.
pub(super) fn open(settings: &Settings) -> Result<SqliteStore> {
    check_database_url(settings)?;
    if !exists(settings)? {
        bail!(
            "there is no store in {}; name its directory with --data-dir, SONNETTE_DATA_DIR, or `data_dir` in the file of \
             --config; `sonnette serve`, `sonnette migrate` and `sonnette restore` create a store",
            absolute_directory(settings).display()
        );
    }
    SqliteStore::open(&settings.data_dir).context("cannot open the store")
}

/// Whether the store exists. An empty file is none.
///
/// # Errors
/// The directory cannot be searched.
pub(super) fn exists(settings: &Settings) -> Result<bool> {
    let path = path(settings);
    match std::fs::metadata(&path) {
        Ok(metadata) => Ok(!metadata.is_file() || metadata.len() > 0),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

/// The data directory as an absolute path.
pub(super) fn absolute_directory(settings: &Settings) -> PathBuf {
    std::path::absolute(&settings.data_dir).unwrap_or_else(|_| settings.data_dir.clone())
}

/// The path of the store.
pub(super) fn path(settings: &Settings) -> PathBuf {
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
