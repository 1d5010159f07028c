//! Action types that an organizer registers for itself, or an operator for all organizers.

use jiff::Timestamp;
use serde_json::json;
use sonnette::dialect::{ActionType, FieldErrors, SchemaRules, check_registration, count_patterns};
use sonnette::domain::{DialectName, RegisteredActionType};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::{NewAuditEntry, Store, StoreError};

use super::author::Author;
use super::error::{AdminError, require_done};

/// Action types that an organizer registers.
const MAX_ACTION_TYPES: usize = 1_000;
/// Bytes of all schemas and examples that an organizer registers, as JSON text.
const MAX_SCHEMA_BYTES: usize = 4 << 20;
/// Patterns in all schemas that an organizer registers. Each takes up to 128 KiB, and as much again for each thread.
const MAX_PATTERNS: usize = 500;

/// Characters of a description.
pub(crate) const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// Why an action type is not registered or changed.
#[derive(Debug)]
pub(crate) enum ActionTypeError {
    /// The catalogue has no action type of this name.
    NotFound,
    /// Only operators register names that begin with `pretix`.
    PretixName,
    /// Only operators change this one.
    Forbidden,
    /// The action type belongs to a dialect; it was not registered for the organizer.
    NotRegistered,
    /// The catalogue has an action type of this name.
    NameTaken,
    /// The organizer does not have the dialect of the name, and would not see the action type.
    DialectOff(DialectName),
    /// The schema, the example or the shape is wrong.
    Invalid(FieldErrors),
    /// Any other reason.
    Other(AdminError),
}

impl From<AdminError> for ActionTypeError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound => Self::NotFound,
            AdminError::Taken => Self::NameTaken,
            error => Self::Other(error),
        }
    }
}

impl From<StoreError> for ActionTypeError {
    fn from(error: StoreError) -> Self {
        Self::Other(error.into())
    }
}

/// The entry of the catalogue with this name.
pub(crate) fn find<'a>(organizer: &'a OrganizerSnapshot, name: &str) -> Option<&'a ActionType> {
    let mut specs = organizer.catalogue.iter();
    specs
        .find(|catalogue_entry| catalogue_entry.name.as_str() == name)
        .map(AsRef::as_ref)
}

/// The registered action type of this name that the author may change: the organizer's own, or for operators also one
/// that is registered for all organizers.
///
/// # Errors
/// Where there is none.
pub(crate) fn find_changeable(
    author: &Author,
    organizer: &OrganizerSnapshot,
    name: &str,
) -> Result<RegisteredActionType, ActionTypeError> {
    let catalogue_entry = find(organizer, name).ok_or(ActionTypeError::NotFound)?;
    let mut rows: Vec<_> = organizer
        .catalogue
        .registered()
        .filter(|row| row.name == catalogue_entry.name)
        .filter(|row| row.organizer.is_some() || author.operator)
        .collect();
    rows.sort_by_key(|row| row.organizer.is_none());
    match rows.first().copied() {
        Some(row) if is_pretix_name(row) && !author.operator => Err(ActionTypeError::Forbidden),
        Some(row) => Ok(row.clone()),
        None => Err(ActionTypeError::NotRegistered),
    }
}

/// Registers an action type.
///
/// # Errors
/// [`ActionTypeError::PretixName`], [`ActionTypeError::NameTaken`], [`ActionTypeError::DialectOff`] and
/// [`ActionTypeError::Invalid`].
pub(crate) fn create(
    store: &dyn Store,
    author: &Author,
    organizer: &OrganizerSnapshot,
    row: &RegisteredActionType,
    now: Timestamp,
) -> Result<(), ActionTypeError> {
    if is_pretix_name(row) && !author.operator {
        return Err(ActionTypeError::PretixName);
    }
    if organizer
        .catalogue
        .iter()
        .any(|catalogue_entry| catalogue_entry.name == row.name)
    {
        return Err(ActionTypeError::NameTaken);
    }
    check_limits(organizer, row)?;
    check_dialect(organizer, row)?;
    validate(row, SchemaRules::New)?;
    let entry = audit_entry(author, "sonnette.action_type.created", row, now);
    let added = store.add_action_type(row, entry)?;
    Ok(require_done(added, "an action type").map(|_| ())?)
}

/// Changes an action type that [`find_changeable`] found. A schema that stays as it is may be one that could not be
/// registered any more.
///
/// # Errors
/// [`ActionTypeError::Invalid`], and [`ActionTypeError::NotFound`] if it was deleted.
pub(crate) fn change(
    store: &dyn Store,
    author: &Author,
    organizer: &OrganizerSnapshot,
    row: &RegisteredActionType,
    now: Timestamp,
) -> Result<(), ActionTypeError> {
    let stored = organizer.catalogue.registered().find(|r| r.id == row.id);
    let is_same_schema = stored.is_some_and(|stored| stored.schema == row.schema);
    if is_same_schema {
        validate(row, SchemaRules::Existing)?;
    } else {
        check_limits(organizer, row)?;
        validate(row, SchemaRules::New)?;
    }
    let entry = audit_entry(author, "sonnette.action_type.changed", row, now);
    let changed = store.change_action_type(row, entry)?;
    Ok(require_done(changed, "an action type").map(|_| ())?)
}

/// Deletes an action type that [`find_changeable`] found.
///
/// # Errors
/// [`ActionTypeError::NotFound`] if it was deleted before.
pub(crate) fn delete(
    store: &dyn Store,
    author: &Author,
    row: &RegisteredActionType,
    now: Timestamp,
) -> Result<(), ActionTypeError> {
    let entry = audit_entry(author, "sonnette.action_type.deleted", row, now);
    let removed = store.remove_action_type(row, entry)?;
    Ok(require_done(removed, "an action type").map(|_| ())?)
}

fn audit_entry(
    author: &Author,
    action: &'static str,
    row: &RegisteredActionType,
    now: Timestamp,
) -> NewAuditEntry {
    author.audit_entry(action, json!({ "action_type": row.name }), now)
}

fn is_pretix_name(row: &RegisteredActionType) -> bool {
    row.name.first_word() == "pretix"
}

/// Refuses an action type of a dialect that the organizer does not have. Names of other dialects than these two cannot be
/// registered by anyone, which [`validate`] says.
fn check_dialect(
    organizer: &OrganizerSnapshot,
    row: &RegisteredActionType,
) -> Result<(), ActionTypeError> {
    match organizer.catalogue.missing_dialect(&row.name) {
        Some(dialect @ (DialectName::Pretix | DialectName::Custom)) => {
            Err(ActionTypeError::DialectOff(dialect))
        }
        _ => Ok(()),
    }
}

/// Refuses what would take an organizer beyond its limits.
fn check_limits(
    organizer: &OrganizerSnapshot,
    row: &RegisteredActionType,
) -> Result<(), ActionTypeError> {
    let others = || {
        let own = |other: &&RegisteredActionType| other.organizer.is_some() && other.id != row.id;
        organizer.catalogue.registered().filter(own)
    };
    let refuse = |field: &str, message: String| {
        Err(ActionTypeError::Invalid(FieldErrors::one(field, message)))
    };
    if others().count() >= MAX_ACTION_TYPES {
        return refuse(
            "action_type",
            format!("An organizer registers up to {MAX_ACTION_TYPES} action types."),
        );
    }
    let bytes = |row: &RegisteredActionType| {
        [&row.schema, &row.example]
            .into_iter()
            .flatten()
            .map(|value| value.to_string().len())
            .sum::<usize>()
    };
    if others().chain([row]).map(bytes).sum::<usize>() > MAX_SCHEMA_BYTES {
        return refuse(
            "schema",
            format!(
                "The schemas and examples of an organizer have up to {MAX_SCHEMA_BYTES} bytes together."
            ),
        );
    }
    let patterns = |row: &RegisteredActionType| row.schema.as_ref().map_or(0, count_patterns);
    if others().chain([row]).map(patterns).sum::<usize>() > MAX_PATTERNS {
        return refuse(
            "schema",
            format!("The schemas of an organizer have up to {MAX_PATTERNS} patterns together."),
        );
    }
    Ok(())
}

fn validate(row: &RegisteredActionType, rules: SchemaRules) -> Result<(), ActionTypeError> {
    check_registration(
        &row.name,
        row.shape,
        row.schema.as_ref(),
        row.example.as_ref(),
        rules,
    )
    .map_err(ActionTypeError::Invalid)
}
