//! Who changed what.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use sonnette::store::AuditEntry;
use utoipa::ToSchema;

use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::Address;
use crate::edge::response;
use crate::rest::drf::page_number::Page;
use crate::rest::pagination::{Listing, PageNumber, numbered_page, span};

/// A line of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditJson {
    /// Rising.
    #[schema(example = 12)]
    id: i64,
    /// When.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    datetime: String,
    /// Who.
    actor: ActorJson,
    /// What.
    #[schema(example = "pretix.webhook.changed")]
    action: String,
    /// With which data; secrets masked.
    #[schema(value_type = Object, example = json!({"enabled": false, "id": 2}))]
    data: Value,
}

/// Who changed something.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActorJson {
    /// `token`, `user`, `command_line` or `server`.
    #[schema(example = "token")]
    kind: String,
    /// Its id, if it has one.
    #[schema(example = 3)]
    id: Option<i64>,
}

fn shown(entry: AuditEntry) -> AuditJson {
    AuditJson {
        id: entry.id.0,
        datetime: response::time(entry.at),
        actor: ActorJson {
            kind: entry.actor.0,
            id: entry.actor.1,
        },
        action: entry.action,
        data: entry.data,
    }
}

/// List the audit log
///
/// Who changed what, newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/audit/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = Listing<AuditJson>))
)]
pub(crate) async fn list_audit(
    State(state): State<AppState>,
    caller: Caller,
    address: Address,
) -> Result<Response, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    // How many there are is known only after looking; a page is asked for by its number.
    let (count, _) = state
        .store(move |store| store.audit_entries(organizer, 0, 0))
        .await?;
    let page = Page::of(&address.query, count as u64)?;
    let (skip, size) = span(&page);
    let (_, entries) = state
        .store(move |store| store.audit_entries(organizer, skip, size))
        .await?;
    Ok(numbered_page(
        &address,
        &page,
        count,
        entries.into_iter().map(shown).collect(),
    ))
}
