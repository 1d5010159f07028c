//! Lists the deliveries of a webhook.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;
use serde::Serialize;
use sonnette::domain::{Delivery, DeliveryState, EventSlug, SettlementKind, WebhookId};
use sonnette::store::{DeliveryQuery, DeliveryStateFilter};
use utoipa::{IntoParams, ToSchema};

use super::lookup::webhook_of;
use crate::admin::webhooks::hold_reason::HoldReason;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::RequestUrl;
use crate::edge::response;
use crate::rest::filters::Filters;
use crate::rest::pagination::{self, CursorParams, ListJson};
use crate::rest::path_params::PathParams;

fn hold_text(hold_reason: HoldReason) -> Option<&'static str> {
    match hold_reason {
        HoldReason::NotDue => None,
        HoldReason::ReceiverFailing => {
            Some("The receiver keeps failing; only probes are sent until one succeeds.")
        }
        HoldReason::WebhookDisabled => Some("The webhook is disabled."),
        HoldReason::Restored => Some(
            "The server was restored from a backup. Its operator has not resumed deliveries yet.",
        ),
    }
}

/// A notification for one webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryJson {
    /// The same as `notification_id`: there is one delivery of it for this webhook.
    #[schema(example = 123_455)]
    id: i64,
    /// The notification.
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
    /// The number of attempts.
    #[schema(example = 1)]
    attempts: u32,
    /// When the next attempt is due, if it is scheduled.
    #[schema(example = json!(null))]
    due_at: Option<String>,
    /// When it was settled.
    #[schema(example = "2026-11-21T18:00:00.000000Z")]
    settled_at: Option<String>,
    /// Why it is held or was not delivered.
    #[schema(example = json!(null))]
    reason: Option<String>,
}

impl DeliveryJson {
    /// A delivery, and why waiting deliveries of its webhook are held.
    pub(crate) fn of(delivery: &Delivery, hold_reason: HoldReason) -> Self {
        let time = |at: &Timestamp| Some(response::format_time(*at));
        let held = || {
            (
                "held",
                None,
                None,
                hold_text(hold_reason).map(str::to_owned),
            )
        };
        let (state, due_at, settled_at, reason) = match &delivery.state {
            DeliveryState::Scheduled { due_at } if hold_reason == HoldReason::NotDue => {
                ("scheduled", time(due_at), None, None)
            }
            DeliveryState::Scheduled { .. } | DeliveryState::Held => held(),
            DeliveryState::Settled { at, kind, reason } => (
                kind.as_str(),
                None,
                time(at),
                reason.as_ref().map(|reason| reason.as_str().to_owned()),
            ),
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

/// The filters of deliveries.
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

/// The value of the `state` filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StateFilter {
    Scheduled,
    Held,
    Settled(SettlementKind),
}

impl StateFilter {
    const WORDS: &[&str] = &["scheduled", "held", "delivered", "given_up", "dropped"];

    fn parse(word: &str) -> Option<Self> {
        match word {
            "scheduled" => Some(Self::Scheduled),
            "held" => Some(Self::Held),
            word => word.parse().ok().map(Self::Settled),
        }
    }

    /// The filter of the store. `None`: no delivery can be in this state now.
    fn store_filter(self, hold_reason: HoldReason) -> Option<DeliveryStateFilter> {
        match (self, hold_reason) {
            (Self::Settled(kind), _) => Some(DeliveryStateFilter::Settled(kind)),
            (Self::Scheduled, HoldReason::NotDue)
            | (
                Self::Held,
                HoldReason::ReceiverFailing | HoldReason::WebhookDisabled | HoldReason::Restored,
            ) => Some(DeliveryStateFilter::Pending),
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
    params(DeliveryFilters, CursorParams),
    responses((status = 200, description = "One page.", body = ListJson<DeliveryJson>))
)]
pub(crate) async fn list_deliveries(
    State(state): State<AppState>,
    caller: Caller,
    PathParams((_, id)): PathParams<(String, WebhookId)>,
    url: RequestUrl,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let mut filters = Filters::new(&url);
    let filter = filters.choice("state", StateFilter::WORDS, StateFilter::parse);
    let size = filters.page_size();
    let after = filters.id("after");
    filters.finish()?;
    let hold_reason = HoldReason::of(&state.sonnette, Some(webhook)).await?;
    let filter = filter.map(|filter| filter.store_filter(hold_reason));
    let found = match filter {
        Some(None) => Vec::new(),
        filter => {
            let query = DeliveryQuery {
                state: filter.flatten(),
                after,
                limit: size + 1,
            };
            state.read(move |store| store.deliveries(id, query)).await?
        }
    };
    Ok(pagination::cursor_page(
        &url,
        size,
        found,
        |delivery| delivery.notification.0,
        |delivery| DeliveryJson::of(delivery, hold_reason),
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
        let scheduled = DeliveryJson::of(&delivery, HoldReason::NotDue);
        assert_eq!(
            (scheduled.state, scheduled.due_at.as_deref()),
            ("scheduled", Some("1970-01-01T00:00:00.000000Z"))
        );
        let held = DeliveryJson::of(&delivery, HoldReason::WebhookDisabled);
        assert_eq!(
            (held.state, held.reason.as_deref()),
            ("held", Some("The webhook is disabled."))
        );
    }

    #[test]
    fn the_lane_decides_what_held_and_scheduled_find() {
        assert_eq!(StateFilter::Held.store_filter(HoldReason::NotDue), None);
        assert_eq!(
            StateFilter::Held.store_filter(HoldReason::ReceiverFailing),
            Some(DeliveryStateFilter::Pending)
        );
        assert_eq!(
            StateFilter::Scheduled.store_filter(HoldReason::WebhookDisabled),
            None
        );
        assert_eq!(
            StateFilter::parse("given_up"),
            Some(StateFilter::Settled(SettlementKind::GivenUp))
        );
        assert_eq!(StateFilter::parse("lost"), None);
    }
}
