//! The audit log.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::Value;
use sonnette::store::AuditEntry;
use utoipa::ToSchema;

use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::drf::page_number::Page;
use crate::rest::pagination::{ListJson, PageNumber, numbered_page, offset_and_limit};

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditJson {
    /// Ascending.
    #[schema(example = 12)]
    id: i64,
    /// The time of the change.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    datetime: String,
    /// Who made the change.
    actor: ActorJson,
    /// The kind of change.
    #[schema(example = "pretix.webhook.changed")]
    action: String,
    /// The data of the change; secrets are masked.
    #[schema(value_type = Object, example = json!({"enabled": false, "id": 2}))]
    data: Value,
}

/// Who made a change.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActorJson {
    /// `token`, `user`, `command_line` or `server`.
    #[schema(example = "token")]
    kind: String,
    /// The id of the token or the user.
    #[schema(example = 3)]
    id: Option<i64>,
}

fn audit_json(entry: AuditEntry) -> AuditJson {
    AuditJson {
        id: entry.id.0,
        datetime: response::format_time(entry.at),
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
/// The changes of the organizer, newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/audit/",
    params(PageNumber),
    responses((status = 200, description = "One page.", body = ListJson<AuditJson>))
)]
pub(crate) async fn list_audit(
    State(state): State<AppState>,
    caller: Caller,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?.organizer.id;
    // The number of a page can be checked only with the number of entries.
    let (count, _) = state
        .read(move |store| store.audit_entries(organizer, 0, 0))
        .await?;
    let page = Page::of(&url.query, count as u64)?;
    let (skip, size) = offset_and_limit(&page);
    let (_, entries) = state
        .read(move |store| store.audit_entries(organizer, skip, size))
        .await?;
    Ok(numbered_page(
        &url,
        &page,
        count,
        entries.into_iter().map(audit_json).collect(),
    ))
}
