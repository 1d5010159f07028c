//! Organizers as rows.

use jiff::SignedDuration;
use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::registry_version::bump;
use super::table_row::{TableRow, to_json};
use crate::domain::{FailurePolicy, Organizer, OrganizerId, OrganizerSlug};

/// Organizers by id. Damaged rows are left out.
pub(super) fn organizers(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    value: i64,
) -> Result<Vec<Organizer>, StoreError> {
    let mut statement = c.prepare_cached(&select_organizers(condition))?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "organizers");
        found.extend(damage.skip_damaged(organizer(cells))?);
    }
    Ok(found)
}

fn organizer(cells: TableRow<'_>) -> Result<Organizer, StoreError> {
    Ok(Organizer {
        id: OrganizerId(cells.get("id")?),
        slug: cells.parse::<OrganizerSlug>("slug")?,
        name: cells.get("name")?,
        uuid: cells.parse("uuid")?,
        language: cells.parse("language")?,
        dialects: cells.json("dialects")?,
        contact_emails: cells.json("contact_emails")?,
        failure_policy: match cells.get::<Option<String>>("disable_after")? {
            None => None,
            Some(_) => Some(failure_policy(cells.json("disable_after")?)),
        },
    })
}

/// `+id`: the order must not lead the planner past the index that the condition has.
pub(super) fn select_organizers(condition: &str) -> String {
    format!("SELECT * FROM organizers WHERE {condition} ORDER BY +id")
}

/// Null: never. Otherwise failures and seconds.
fn failure_policy(stored: Option<(u32, i64)>) -> FailurePolicy {
    stored.map_or(FailurePolicy::Never, |(failures, seconds)| {
        FailurePolicy::After {
            failures,
            lasting: SignedDuration::from_secs(seconds),
        }
    })
}

/// Whether another organizer has the slug or the UUID.
pub(super) fn is_taken(t: &Transaction<'_>, organizer: &Organizer) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM organizers WHERE id <> ?1 AND (slug = ?2 OR uuid = ?3)";
    let keys = params![
        organizer.id.0,
        organizer.slug.as_str(),
        organizer.uuid.to_string()
    ];
    Ok(t.prepare_cached(sql)?.exists(keys)?)
}

pub(super) fn write_organizer(
    t: &Transaction<'_>,
    organizer: &Organizer,
) -> Result<(), StoreError> {
    let version = bump(t)?;
    let disable_after = organizer.failure_policy.map(|policy| match policy {
        FailurePolicy::Never => "null".to_owned(),
        FailurePolicy::After { failures, lasting } => to_json(&(failures, lasting.as_secs())),
    });
    t.execute(
        "UPDATE organizers SET name = ?2, language = ?3, dialects = ?4, contact_emails = ?5, disable_after = ?6,
           changed = ?7, uuid = ?8 WHERE id = ?1",
        params![
            organizer.id.0,
            organizer.name,
            organizer.language.as_str(),
            to_json(&organizer.dialects),
            to_json(&organizer.contact_emails),
            disable_after,
            version,
            organizer.uuid.to_string()
        ],
    )?;
    Ok(())
}
