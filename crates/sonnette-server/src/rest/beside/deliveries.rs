//! Deliveries of a webhook.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use sonnette::domain::{Delivery, DeliveryState, EventSlug, SettlementKind, WebhookId};
use sonnette::store::{DeliveryQuery, DeliveryStateFilter};
use utoipa::{IntoParams, ToSchema};

use super::webhook_of;
use crate::admin::hold_reason::Waiting;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::links::Address;
use crate::rest::error::ApiError;
use crate::rest::lists::{self, Filters, Listing, PageAfter};
use crate::rest::path::Segments;
use crate::rest::reply;

fn reason(waits: Waiting) -> Option<&'static str> {
    match waits {
        Waiting::Time => None,
        Waiting::Receiver => {
            Some("The receiver keeps failing; only probes are sent until one succeeds.")
        }
        Waiting::Webhook => Some("The webhook is disabled."),
    }
}

/// One notification for one webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryJson {
    /// The same as `notification_id`: there is one delivery of it for this webhook.
    #[schema(example = 123_455)]
    id: i64,
    /// Of what.
    #[schema(example = 123_455)]
    notification_id: i64,
    /// The concrete action type.
    #[schema(example = "pretix.event.order.placed")]
    action_type: String,
    /// The event it belongs to, if any.
    #[schema(example = "democon")]
    event: Option<String>,
    /// `scheduled`, `held`, `delivered`, `given_up` or `dropped`.
    #[schema(example = "delivered")]
    state: &'static str,
    /// Requests made so far.
    #[schema(example = 1)]
    attempts: u32,
    /// When it is sent next, if it is scheduled.
    #[schema(example = json!(null))]
    due_at: Option<String>,
    /// When it ended.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    settled_at: Option<String>,
    /// Why it is held, or was not delivered.
    #[schema(example = json!(null))]
    reason: Option<String>,
}

impl DeliveryJson {
    /// A delivery, and what waiting ones of its webhook wait for.
    pub(crate) fn of(delivery: &Delivery, waits: Waiting) -> Self {
        let time = |at: &Timestamp| Some(reply::time(*at));
        let held = || ("held", None, None, reason(waits).map(str::to_owned));
        let (state, due_at, settled_at, reason) = match &delivery.state {
            DeliveryState::Scheduled { due_at } if waits == Waiting::Time => {
                ("scheduled", time(due_at), None, None)
            }
            DeliveryState::Scheduled { .. } | DeliveryState::Held => held(),
            DeliveryState::Settled { at, how, reason } => {
                (how.as_str(), None, time(at), reason.clone())
            }
        };
        Self {
            id: delivery.notification.0,
            notification_id: delivery.notification.0,
            action_type: delivery.action_type.to_string(),
            event: delivery.event.as_ref().map(EventSlug::to_string),
            state,
            attempts: delivery.attempts,
            due_at,
            settled_at,
            reason,
        }
    }
}

/// Which deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(
    dead_code,
    reason = "describes parameters; they are read from the query itself"
)]
pub(crate) struct DeliveryFilters {
    /// `scheduled`, `held`, `delivered`, `given_up` or `dropped`.
    #[param(example = "held")]
    state: Option<String>,
}

/// A state that can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Scheduled,
    Held,
    Settled(SettlementKind),
}

impl Asked {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "scheduled" => Some(Self::Scheduled),
            "held" => Some(Self::Held),
            word => word.parse().ok().map(Self::Settled),
        }
    }

    /// The filter over rows; none if no row can be in this state now.
    fn over_rows(self, waits: Waiting) -> Option<DeliveryStateFilter> {
        match (self, waits) {
            (Self::Settled(how), _) => Some(DeliveryStateFilter::Settled(how)),
            (Self::Scheduled, Waiting::Time)
            | (Self::Held, Waiting::Receiver | Waiting::Webhook) => {
                Some(DeliveryStateFilter::Waiting)
            }
            (Self::Scheduled | Self::Held, _) => None,
        }
    }
}

/// List a webhook's deliveries
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/organizers/{organizer}/webhooks/{id}/deliveries/",
    params(DeliveryFilters, PageAfter),
    responses((status = 200, description = "One page.", body = Listing<DeliveryJson>))
)]
pub(crate) async fn list_deliveries(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
    address: Address,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let mut filters = Filters::new(&address);
    let asked = filters.word("state", Asked::parse);
    let size = filters.page_size();
    let after = filters.id("after");
    filters.finish()?;
    let waits = Waiting::of(&state, webhook).await?;
    let word = asked.map(|asked| asked.over_rows(waits));
    let found = match word {
        Some(None) => Vec::new(),
        word => {
            let query = DeliveryQuery {
                state: word.flatten(),
                after,
                limit: size + 1,
            };
            state
                .store(move |store| store.deliveries(id, query))
                .await?
        }
    };
    Ok(lists::after(
        &address,
        size,
        found,
        |delivery| delivery.notification.0,
        |delivery| DeliveryJson::of(delivery, waits),
    ))
}

#[cfg(test)]
mod tests {
    use sonnette::domain::NotificationId;

    use super::*;

    #[test]
    fn waiting_deliveries_are_held_by_their_lane() {
        let delivery = Delivery {
            webhook: WebhookId(1),
            notification: NotificationId(2),
            action_type: "a.b".parse().unwrap(),
            event: None,
            attempts: 3,
            state: DeliveryState::Scheduled {
                due_at: Timestamp::UNIX_EPOCH,
            },
        };
        let scheduled = DeliveryJson::of(&delivery, Waiting::Time);
        assert_eq!(
            (scheduled.state, scheduled.due_at.as_deref()),
            ("scheduled", Some("1970-01-01T00:00:00.000000Z"))
        );
        let held = DeliveryJson::of(&delivery, Waiting::Webhook);
        assert_eq!(
            (held.state, held.reason.as_deref()),
            ("held", Some("The webhook is disabled."))
        );
    }

    #[test]
    fn the_lane_decides_what_held_and_scheduled_find() {
        assert_eq!(Asked::Held.over_rows(Waiting::Time), None);
        assert_eq!(
            Asked::Held.over_rows(Waiting::Receiver),
            Some(DeliveryStateFilter::Waiting)
        );
        assert_eq!(Asked::Scheduled.over_rows(Waiting::Webhook), None);
        assert_eq!(
            Asked::parse("given_up"),
            Some(Asked::Settled(SettlementKind::GivenUp))
        );
        assert_eq!(Asked::parse("lost"), None);
    }
}
