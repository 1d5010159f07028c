//! Describes the webhook resource in response to OPTIONS.

use axum::extract::RawQuery;
use axum::response::Response;
use sonnette::domain::WebhookId;

use super::resource::filtered_webhook;
use crate::edge::authorize::Caller;
use crate::edge::response;
use crate::rest::drf::options::{OptionsResource, description};
use crate::rest::path_params::PathParams;

/// Describe the list of webhooks
///
/// The media types and the fields of the resource.
#[utoipa::path(
    options,
    path = "/organizers/{organizer}/webhooks/",
    responses((status = 200, description = "The description.", body = Object))
)]
pub(crate) async fn describe_webhooks() -> Response {
    response::ok(&description(OptionsResource::List))
}

/// Describe a webhook
///
/// The media types and the fields of the resource.
#[utoipa::path(
    options,
    path = "/organizers/{organizer}/webhooks/{id}/",
    responses((status = 200, description = "The description.", body = Object))
)]
pub(crate) async fn describe_webhook(
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Response {
    let exists = filtered_webhook(&caller, id, query.as_deref()).is_ok();
    response::ok(&description(if exists {
        OptionsResource::Item
    } else {
        OptionsResource::NoItem
    }))
}
