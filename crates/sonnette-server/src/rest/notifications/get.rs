//! One notification with its deliveries.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use sonnette::domain::{NotificationId, WebhookId};
use utoipa::ToSchema;

use super::notification_json::NotificationJson;
use crate::admin::notifications::published_data;
use crate::admin::webhooks::hold_reason::HoldReason;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::response;
use crate::rest::path_params::PathParams;
use crate::rest::webhooks::deliveries::DeliveryJson;

/// A published fact in full.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationDetail {
    #[serde(flatten)]
    notification: NotificationJson,
    /// The input as published; null once it has been erased.
    #[schema(value_type = Object, example = json!({"code": "ABC23"}))]
    data: Box<RawValue>,
    /// To whom it is owed, and what came of it.
    deliveries: Vec<NotifiedJson>,
}

/// One delivery of a notification.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotifiedJson {
    /// The webhook.
    #[schema(example = 1)]
    webhook: i64,
    #[serde(flatten)]
    delivery: DeliveryJson,
}

/// Get a notification
///
/// One notification with its `data` and its deliveries.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/notifications/{notification_id}/",
    responses((status = 200, description = "The notification.", body = NotificationDetail))
)]
pub(crate) async fn get_notification(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, NotificationId)>,
) -> Result<Response, ApiError> {
    let organizer = caller.organizer()?;
    let organizer_id = organizer.organizer.id;
    let webhooks: Vec<WebhookId> = organizer.webhooks.keys().copied().collect();
    let found = state
        .read(move |store| {
            let Some(entry) = store.notification(organizer_id, id)? else {
                return Ok(None);
            };
            Ok(Some((
                entry,
                store.deliveries_of_notification(id, &webhooks)?,
            )))
        })
        .await?;
    let (entry, deliveries) = found.ok_or_else(|| ApiError::no_such("Notification"))?;
    let mut delivery_jsons = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let hold_reason = HoldReason::of(
            &state.sonnette,
            organizer.webhooks.get(&delivery.webhook).map(AsRef::as_ref),
        )
        .await?;
        delivery_jsons.push(NotifiedJson {
            webhook: delivery.webhook.0,
            delivery: DeliveryJson::of(&delivery, hold_reason),
        });
    }
    Ok(response::ok(&NotificationDetail {
        notification: NotificationJson::of(&entry),
        data: published_data(&entry),
        deliveries: delivery_jsons,
    }))
}
