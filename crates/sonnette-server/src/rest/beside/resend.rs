//! Sending again, sending now, and never.

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use sonnette::domain::{NotificationId, SettlementKind, WebhookId};
use sonnette::engine::ControlError;
use sonnette::store::{DeliveryStateFilter, TimeRange};
use utoipa::ToSchema;

use super::deliveries::DeliveryJson;
use super::{note, webhook_of};
use crate::admin::hold_reason::Waiting;
use crate::admin::validation::Fields;
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::body::Object;
use crate::rest::error::ApiError;
use crate::rest::path::Segments;
use crate::rest::reply;

/// How many deliveries were meant.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    /// Deliveries.
    #[schema(example = 3)]
    count: u64,
}

/// What is to be sent again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct RetryBody {
    /// Notifications published at this time or later.
    #[schema(example = "2026-11-21T18:00:00Z")]
    since: String,
    /// Notifications published at this time or earlier.
    until: Option<String>,
    /// Only deliveries in this state: `scheduled`, `held`, `given_up` or `dropped`; or `missed`: what matched while the
    /// webhook was off, and made no delivery.
    #[schema(example = "given_up")]
    state: Option<String>,
    /// Only counts.
    #[schema(example = false)]
    dry_run: Option<bool>,
}

struct Retry {
    span: TimeRange,
    only: Option<Asked>,
    dry_run: bool,
}

/// Which of what was not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// Deliveries that ended so, or wait.
    State(DeliveryStateFilter),
    /// What made no delivery, since the webhook was off.
    Missed,
}

impl Retry {
    fn parse(mut fields: Fields) -> Result<Self, ApiError> {
        let since = fields.required("since", |fields, name| {
            let since = fields.maybe_time(name)?.0;
            if since.is_none() {
                fields.refuse(name, "This field may not be null.");
            }
            since
        });
        let until = fields.maybe_time("until").and_then(|at| at.0);
        let only = state_of(&mut fields);
        let dry_run = fields.boolean("dry_run").unwrap_or(false);
        fields.refuse_the_rest();
        fields.finish()?;
        Ok(Self {
            span: TimeRange { since, until },
            only,
            dry_run,
        })
    }
}

fn state_of(fields: &mut Fields) -> Option<Asked> {
    let value = fields.take("state").filter(|value| !value.is_null())?;
    let settled = |how| Some(Asked::State(DeliveryStateFilter::Settled(how)));
    match value.as_str() {
        Some("scheduled" | "held" | "waiting") => Some(Asked::State(DeliveryStateFilter::Waiting)),
        Some("given_up") => settled(SettlementKind::GivenUp),
        Some("dropped") => settled(SettlementKind::Dropped),
        Some("missed") => Some(Asked::Missed),
        _ => {
            fields.refuse("state", format!("{value} is not a valid choice."));
            None
        }
    }
}

/// Send a delivery again
///
/// Sent now, whatever its state; a settled one gets a fresh schedule and three days.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/deliveries/{delivery}/retry/",
    responses(
        (status = 200, description = "The delivery as it is now.", body = DeliveryJson),
        (status = 409, description = "The webhook is disabled, or the notification has been erased.", example = json!({"detail": "The webhook is disabled. Enable it first."})),
    )
)]
pub(crate) async fn retry_delivery(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id, delivery)): Segments<(String, WebhookId, NotificationId)>,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let resent = state
        .sonnette
        .resend(id, delivery)
        .await
        .map_err(|error| match error {
            ControlError::Missing => ApiError::no_such("Delivery"),
            error => error.into(),
        })?;
    let waits = Waiting::of(&state, webhook).await?;
    Ok(reply::ok(&DeliveryJson::of(&resent, waits)))
}

/// Send again what was not delivered
///
/// Every delivery of notifications published in that time that was not delivered is due again, settled ones with a
/// fresh schedule and three days. With `"state": "missed"` what matched while the webhook was off is owed to it, once.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/retry/",
    request_body = RetryBody,
    responses(
        (status = 200, description = "How many.", body = Count),
        (status = 409, description = "The webhook is disabled.", example = json!({"detail": "The webhook is disabled. Enable it first."})),
    )
)]
pub(crate) async fn retry_webhook(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let webhook = webhook_of(&caller, id)?;
    let retry = Retry::parse(Fields::new(members))?;
    if !webhook.is_enabled() {
        return Err(ControlError::Disabled.into());
    }
    let (span, dry_run) = (retry.span, retry.dry_run);
    let sonnette = &state.sonnette;
    let count = match retry.only {
        Some(Asked::Missed) => sonnette.resend_missed(id, span, dry_run).await?,
        Some(Asked::State(word)) => {
            sonnette
                .resend_undelivered(id, span, Some(word), dry_run)
                .await?
        }
        None => sonnette.resend_undelivered(id, span, None, dry_run).await?,
    };
    if !retry.dry_run {
        note(
            &state,
            &caller,
            "sonnette.webhook.retried",
            json!({"webhook": id, "count": count}),
        )
        .await?;
    }
    Ok(reply::ok(&Count { count }))
}

/// Send what waits now
///
/// Everything waiting is due at once. On a failing lane a probe goes at once, and the rest follows its success.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/expedite/",
    responses(
        (status = 200, description = "How many wait.", body = Count),
        (status = 409, description = "The webhook is disabled.", example = json!({"detail": "The webhook is disabled. Enable it first."})),
    )
)]
pub(crate) async fn expedite_webhook(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    if !webhook_of(&caller, id)?.is_enabled() {
        return Err(ControlError::Disabled.into());
    }
    let count = state.sonnette.expedite(id).await?;
    note(
        &state,
        &caller,
        "pretix.webhook.retries.expedited",
        json!({ "webhook": id }),
    )
    .await?;
    Ok(reply::ok(&Count { count }))
}

/// Drop what waits
///
/// Everything waiting is never sent. It can be sent again with `retry/`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/webhooks/{id}/drop/",
    responses((status = 200, description = "How many waited.", body = Count))
)]
pub(crate) async fn drop_webhook_deliveries(
    State(state): State<AppState>,
    caller: Caller,
    Segments((_, id)): Segments<(String, WebhookId)>,
) -> Result<Response, ApiError> {
    webhook_of(&caller, id)?;
    let count = state.sonnette.drop_waiting(id).await?;
    note(
        &state,
        &caller,
        "pretix.webhook.retries.dropped",
        json!({ "webhook": id }),
    )
    .await?;
    Ok(reply::ok(&Count { count }))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn parse(value: Value) -> Result<Retry, ApiError> {
        let Value::Object(members) = value else {
            panic!("no object")
        };
        Retry::parse(Fields::new(members))
    }

    #[test]
    fn reads_what_to_send_again() {
        let retry =
            parse(json!({"since": "2026-11-21T18:00:00Z", "state": "given_up", "dry_run": true}))
                .unwrap();
        assert!(retry.span.since.is_some() && retry.span.until.is_none() && retry.dry_run);
        let given_up = Asked::State(DeliveryStateFilter::Settled(SettlementKind::GivenUp));
        assert_eq!(retry.only, Some(given_up));
        let missed = parse(json!({"since": "2026-11-21T18:00:00Z", "state": "missed"})).unwrap();
        assert_eq!(missed.only, Some(Asked::Missed));
    }

    #[test]
    fn names_what_is_wrong() {
        for (body, field) in [
            (json!({}), "since"),
            (json!({"since": null}), "since"),
            (json!({"since": "yesterday"}), "since"),
            (
                json!({"since": "2026-11-21T18:00:00Z", "state": "lost"}),
                "state",
            ),
            (
                json!({"since": "2026-11-21T18:00:00Z", "state": 1}),
                "state",
            ),
            (
                json!({"since": "2026-11-21T18:00:00Z", "dry_rum": true}),
                "dry_rum",
            ),
        ] {
            let Err(ApiError::Fields(errors)) = parse(body.clone()) else {
                panic!("{body}")
            };
            assert_eq!(errors[0].0, field, "{body}");
        }
    }
}
