//! Action types that an organizer, or an operator, registers.

use serde_json::json;
use sonnette::dialect::{ActionType, FieldErrors, check_registration};
use sonnette::domain::RegisteredAction;
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::ChangeResult;

use super::Author;
use crate::edge::AppState;
use crate::rest::error::ApiError;

/// Characters that a description may have.
pub(crate) const LONGEST_DESCRIPTION: usize = 1_000;

/// Why an action type stays as it is.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is none of this name.
    Missing,
    /// Only operators register names that begin with pretix.
    ForOperators,
    /// Only operators change this one.
    Forbidden,
    /// It was not registered for the organizer.
    NotRegistered,
    /// The name is taken.
    Known,
    /// By the members of a request.
    Wrong(FieldErrors),
    /// The store did not do it.
    Failed(ApiError),
}

impl From<FieldErrors> for Refused {
    fn from(errors: FieldErrors) -> Self {
        Self::Wrong(errors)
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

/// The entry of the catalogue with this name.
pub(crate) fn spec<'a>(tenant: &'a OrganizerSnapshot, name: &str) -> Option<&'a ActionType> {
    let mut specs = tenant.catalogue.iter();
    specs
        .find(|spec| spec.name.as_str() == name)
        .map(AsRef::as_ref)
}

/// The organizer's own registered type; for operators also one that is registered for all.
pub(crate) fn own(
    author: &Author,
    tenant: &OrganizerSnapshot,
    name: &str,
) -> Result<RegisteredAction, Refused> {
    let known = spec(tenant, name).ok_or(Refused::Missing)?;
    let mut rows: Vec<_> = tenant
        .catalogue
        .registered()
        .filter(|row| row.name == known.name)
        .filter(|row| row.organizer.is_some() || author.operator)
        .collect();
    rows.sort_by_key(|row| row.organizer.is_none());
    match rows.first().copied() {
        Some(row) if row.name.first_word() == "pretix" && !author.operator => {
            Err(Refused::Forbidden)
        }
        Some(row) => Ok(row.clone()),
        None => Err(Refused::NotRegistered),
    }
}

/// Registers an action type.
pub(crate) async fn create(
    state: &AppState,
    author: &Author,
    tenant: &OrganizerSnapshot,
    row: RegisteredAction,
) -> Result<(), Refused> {
    if row.name.first_word() == "pretix" && !author.operator {
        return Err(Refused::ForOperators);
    }
    if tenant.catalogue.iter().any(|known| known.name == row.name) {
        return Err(Refused::Known);
    }
    check(&row)?;
    save(state, author, row, false, "sonnette.action_type.created").await
}

/// Changes one that [`own`] found.
pub(crate) async fn change(
    state: &AppState,
    author: &Author,
    row: RegisteredAction,
) -> Result<(), Refused> {
    check(&row)?;
    save(state, author, row, false, "sonnette.action_type.changed").await
}

/// Removes one that [`own`] found.
pub(crate) async fn remove(
    state: &AppState,
    author: &Author,
    row: RegisteredAction,
) -> Result<(), Refused> {
    save(state, author, row, true, "sonnette.action_type.deleted").await
}

fn check(row: &RegisteredAction) -> Result<(), FieldErrors> {
    check_registration(
        &row.name,
        row.shape,
        row.schema.as_ref(),
        row.example.as_ref(),
    )
}

async fn save(
    state: &AppState,
    author: &Author,
    row: RegisteredAction,
    remove: bool,
    action: &'static str,
) -> Result<(), Refused> {
    let note = author.note(action, json!({ "action_type": row.name }), state.now());
    let changed = state
        .store(move |store| match (remove, row.id) {
            (true, _) => store.remove_action_type(&row, note),
            (false, 0) => store.add_action_type(&row, note),
            (false, _) => store.change_action_type(&row, note),
        })
        .await?;
    state.refresh().await?;
    match changed {
        ChangeResult::Done(_) => Ok(()),
        ChangeResult::Missing => Err(Refused::Missing),
        ChangeResult::Taken => Err(Refused::Known),
        ChangeResult::Refused => Err(ApiError::contradiction("an action type").into()),
    }
}
