//! What was published, and what came of it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use serde_json::value::RawValue;
use sonnette::domain::{EventSlug, NotificationId, WebhookId};
use sonnette::store::{NotificationEntry, NotificationQuery};
use utoipa::{IntoParams, ToSchema};

use crate::admin::hold_reason::{self, Waiting};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::links::Address;
use crate::rest::beside::deliveries::DeliveryJson;
use crate::rest::error::ApiError;
use crate::rest::lists::{self, Filters, Listing, PageAfter};
use crate::rest::path::Segments;
use crate::rest::reply;

/// Which notifications.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct NotificationFilters {
    /// By concrete action type.
    #[param(example = "pretix.event.order.placed")]
    action_type: Option<String>,
    /// By event.
    #[param(example = "democon")]
    event: Option<String>,
    /// Published at this time or later.
    #[param(example = "2026-11-21T18:00:00Z")]
    since: Option<String>,
    /// Published at this time or earlier.
    until: Option<String>,
}

/// A published fact.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationJson {
    /// The same as `notification_id`.
    #[schema(example = 123_455)]
    id: i64,
    /// Rising over all organizers.
    #[schema(example = 123_455)]
    notification_id: i64,
    /// The concrete action type.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// The event it belongs to, if any.
    #[schema(example = "democon")]
    event: Option<String>,
    /// When it was published.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    datetime: String,
    /// The person concerned, as an opaque key.
    subject: Option<String>,
}

impl NotificationJson {
    fn of(entry: &NotificationEntry) -> Self {
        let notification = &entry.notification;
        Self {
            id: notification.id.0,
            notification_id: notification.id.0,
            action_type: notification.action_type.to_string(),
            event: notification.event.as_ref().map(EventSlug::to_string),
            datetime: reply::time(notification.published_at),
            subject: entry.subject.clone(),
        }
    }
}

/// A published fact in a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotificationSummary {
    #[serde(flatten)]
    notification: NotificationJson,
    /// How many enabled webhooks matched when it was published.
    #[schema(example = 2)]
    deliveries: usize,
}

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

/// List notifications
///
/// The organizer's notifications, newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/notifications/",
    params(NotificationFilters, PageAfter),
    responses((status = 200, description = "One page.", body = Listing<NotificationSummary>))
)]
pub(crate) async fn list_notifications(
    State(state): State<AppState>,
    caller: Caller,
    address: Address,
) -> Result<Response, ApiError> {
    let organizer = caller.tenant()?.organizer.id;
    let mut filters = Filters::new(&address);
    let size = filters.page_size();
    let query = NotificationQuery {
        action_type: filters.text("action_type").map(str::to_owned),
        event: filters.text("event").map(str::to_owned),
        range: filters.span(),
        after: filters.id("after"),
        limit: size + 1,
    };
    filters.finish()?;
    let found = state
        .store(move |store| store.notifications(organizer, &query))
        .await?;
    let shown = |entry: &NotificationEntry| NotificationSummary {
        notification: NotificationJson::of(entry),
        deliveries: entry.delivery_count,
    };
    Ok(lists::after(
        &address,
        size,
        found,
        |entry| entry.notification.id.0,
        shown,
    ))
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
    Segments((_, id)): Segments<(String, NotificationId)>,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    let organizer = tenant.organizer.id;
    let webhooks: Vec<WebhookId> = tenant.webhooks.keys().copied().collect();
    let found = state
        .store(move |store| {
            let Some(entry) = store.notification(organizer, id)? else {
                return Ok(None);
            };
            Ok(Some((
                entry,
                store.deliveries_of_notification(id, &webhooks)?,
            )))
        })
        .await?;
    let (entry, deliveries) = found.ok_or_else(|| ApiError::no_such("Notification"))?;
    let mut shown = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let waits = Waiting::at(&state, tenant, delivery.webhook).await?;
        shown.push(NotifiedJson {
            webhook: delivery.webhook.0,
            delivery: DeliveryJson::of(&delivery, waits),
        });
    }
    Ok(reply::ok(&NotificationDetail {
        notification: NotificationJson::of(&entry),
        data: hold_reason::data(&entry),
        deliveries: shown,
    }))
}

/// Replay a notification
///
/// Owes a notification again to the enabled webhooks that match now, whatever came of it before.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/notifications/{notification_id}/replay/",
    responses(
        (status = 201, description = "To how many webhooks.", body = inline(Replayed)),
        (status = 409, description = "The notification has been erased.", example = json!({"detail": "The notification has been erased: there is nothing left to send."})),
    )
)]
pub(crate) async fn replay_notification(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, NotificationId)>,
) -> Result<Response, ApiError> {
    let tenant = caller.tenant()?;
    let deliveries = state
        .sonnette
        .replay(tenant, id)
        .await
        .map_err(|error| match error {
            sonnette::engine::ControlError::Missing => ApiError::no_such("Notification"),
            error => error.into(),
        })?;
    Ok(reply::json(StatusCode::CREATED, &Replayed { deliveries }))
}

/// How many were owed again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// Webhooks that are told again.
    #[schema(example = 2)]
    deliveries: usize,
}
