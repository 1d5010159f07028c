//! Reads which deliveries of a webhook are to be sent again.

use sonnette::domain::{InvalidChoice, SettlementKind, UtcDateTime};
use sonnette::store::{DeliveryStateFilter, TimeRange};
use utoipa::ToSchema;

use crate::admin::validation::Violation;
use crate::edge::error::ApiError;
use crate::rest::fields::Fields;

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

/// What is to be sent again.
#[derive(Debug)]
pub(super) struct ResendInput {
    /// When the notifications were published.
    pub(super) published: TimeRange,
    /// `None`: every delivery that was not delivered.
    pub(super) selection: Option<ResendSelection>,
    /// Whether they are only counted.
    pub(super) dry_run: bool,
}

/// Which of the notifications that were not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResendSelection {
    /// Deliveries in this state.
    State(DeliveryStateFilter),
    /// Notifications that matched while the webhook was disabled, and have no delivery.
    Missed,
}

impl ResendInput {
    /// Reads and checks a request.
    pub(super) fn parse(mut fields: Fields) -> Result<Self, ApiError> {
        let since = fields.required("since", |fields, name| {
            let since = fields.nullable_time(name)?.0;
            let since = since.map(UtcDateTime::to_timestamp);
            fields.check(name, since.ok_or(Violation::Null))
        });
        let until = fields.nullable_time("until").and_then(|at| at.0);
        let until = until.map(UtcDateTime::to_timestamp);
        let selection = selection_of(&mut fields);
        let dry_run = fields.boolean("dry_run").unwrap_or(false);
        fields.refuse_unknown();
        fields.finish()?;
        Ok(Self {
            published: TimeRange { since, until },
            selection,
            dry_run,
        })
    }
}

/// The values of `state`. `waiting` is also accepted.
const STATES: &[&str] = &["scheduled", "held", "given_up", "dropped", "missed"];

fn selection_of(fields: &mut Fields) -> Option<ResendSelection> {
    let value = fields.take("state").filter(|value| !value.is_null())?;
    let settled = |kind| Some(ResendSelection::State(DeliveryStateFilter::Settled(kind)));
    match value.as_str() {
        Some("scheduled" | "held" | "waiting") => {
            Some(ResendSelection::State(DeliveryStateFilter::Pending))
        }
        Some("given_up") => settled(SettlementKind::GivenUp),
        Some("dropped") => settled(SettlementKind::Dropped),
        Some("missed") => Some(ResendSelection::Missed),
        _ => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let choices = STATES;
            fields.add_error("state", InvalidChoice { text, choices }.to_string());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(value: Value) -> Result<ResendInput, ApiError> {
        let Value::Object(members) = value else {
            panic!("no object")
        };
        ResendInput::parse(Fields::new(members))
    }

    #[test]
    fn reads_what_to_send_again() {
        let input =
            parse(json!({"since": "2026-11-21T18:00:00Z", "state": "given_up", "dry_run": true}))
                .unwrap();
        assert!(
            input.published.since.is_some() && input.published.until.is_none() && input.dry_run
        );
        let given_up =
            ResendSelection::State(DeliveryStateFilter::Settled(SettlementKind::GivenUp));
        assert_eq!(input.selection, Some(given_up));
        let missed = parse(json!({"since": "2026-11-21T18:00:00Z", "state": "missed"})).unwrap();
        assert_eq!(missed.selection, Some(ResendSelection::Missed));
    }

    #[test]
    fn errors_name_the_invalid_field() {
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
