//! OPTIONS of the webhook resource.

use axum::extract::RawQuery;
use axum::response::Response;
use sonnette::domain::WebhookId;

use super::resource::filtered;
use crate::edge::authorize::Caller;
use crate::edge::response;
use crate::rest::drf::options::{Described, description};
use crate::rest::path_params::Segments;

/// Describe the list of webhooks
///
/// What is read and written here, and the fields of the resource.
#[utoipa::path(
    options,
    path = "/organizers/{organizer}/webhooks/",
    responses((status = 200, description = "The description.", body = Object))
)]
pub(crate) async fn describe_webhooks() -> Response {
    response::ok(&description(Described::List))
}

/// Describe a webhook
///
/// What is read and written here, and the fields of the resource.
#[utoipa::path(
    options,
    path = "/organizers/{organizer}/webhooks/{id}/",
    responses((status = 200, description = "The description.", body = Object))
)]
pub(crate) async fn describe_webhook(
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Response {
    let there = filtered(&caller, id, query.as_deref()).is_ok();
    response::ok(&description(if there {
        Described::Item
    } else {
        Described::NoItem
    }))
}
