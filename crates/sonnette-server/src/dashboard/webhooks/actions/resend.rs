//! What was not delivered since some time, sent again.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use sonnette::store::TimeRange;

use super::confirm::{Breadcrumbs, note};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::time::{datetime_local, parse_time};
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

/// From when on, if a link says it.
#[derive(Deserialize)]
pub(crate) struct From {
    #[serde(default)]
    since: String,
}

/// What stands in the form.
struct Input {
    since: String,
    until: String,
    undelivered: bool,
    missed: bool,
}

#[derive(Template)]
#[template(path = "webhooks/actions/resend.html")]
struct ResendTemplate {
    layout: Layout,
    crumbs: Breadcrumbs,
    input: Input,
    /// How many it would be, once counted.
    count: Option<u64>,
    /// What is wrong, by the names of the fields.
    wrong: Vec<(&'static str, &'static str)>,
    /// Where it is switched on, if it is off.
    enable: Option<String>,
    action: String,
    back: String,
}

impl ResendTemplate {
    fn of(at: WebhookPage, input: Input) -> Self {
        Self {
            crumbs: Breadcrumbs::of(&at),
            input,
            count: None,
            wrong: Vec::new(),
            enable: (!at.webhook.is_enabled()).then(|| at.url("enable/")),
            action: at.url("resend/"),
            back: at.url(""),
            layout: at.page.layout,
        }
    }

    fn wrong_with(&self, field: &str) -> Option<&'static str> {
        let found = self.wrong.iter().find(|(name, _)| *name == field);
        found.map(|(_, key)| *key)
    }
}

/// The form. Without a hint it begins with the first failure since the last success, else a day ago.
pub(crate) async fn show_resend(
    State(state): State<AppState>,
    Query(from): Query<From>,
    at: WebhookPage,
) -> Result<Response, PageError> {
    let since = if let Ok(since) = from.since.parse::<Timestamp>() {
        since
    } else {
        let health = state.sonnette.lane(at.webhook.id).await?.health;
        let a_day_ago = state.now() - SignedDuration::from_hours(24);
        health.streak.map_or(a_day_ago, |streak| streak.since)
    };
    let input = Input {
        since: datetime_local(since),
        until: String::new(),
        undelivered: true,
        missed: false,
    };
    render(&ResendTemplate::of(at, input))
}

/// Counts, or sends again.
pub(crate) async fn resend(
    State(state): State<AppState>,
    at: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    if !at.webhook.is_enabled() {
        return Ok(Redirect::to(&at.url("resend/")).into_response());
    }
    let input = Input {
        since: form.get("since").to_owned(),
        until: form.get("until").to_owned(),
        undelivered: form.contains("undelivered"),
        missed: form.contains("missed"),
    };
    let (span, wrong) = span_of(&input);
    if !wrong.is_empty() {
        let mut form = ResendTemplate::of(at, input);
        form.wrong = wrong;
        let mut response = render(&form)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let dry_run = !form.contains("send");
    let (sonnette, id) = (&state.sonnette, at.webhook.id);
    let mut count = 0;
    if input.undelivered {
        count += sonnette.resend_undelivered(id, span, None, dry_run).await?;
    }
    if input.missed {
        count += sonnette.resend_missed(id, span, dry_run).await?;
    }
    if dry_run {
        let mut form = ResendTemplate::of(at, input);
        form.count = Some(count);
        return render(&form);
    }
    let data = json!({"webhook": id, "count": count});
    note(&state, &at, "sonnette.webhook.retried", data).await?;
    Ok(flash::redirect_with_count(&at.url(""), "resent", count))
}

fn span_of(input: &Input) -> (TimeRange, Vec<(&'static str, &'static str)>) {
    let mut wrong = Vec::new();
    let since = parse_time(&input.since);
    let until = parse_time(&input.until);
    if since.is_none() {
        wrong.push(("since", "resend-error-time"));
    }
    if until.is_none() && !input.until.is_empty() {
        wrong.push(("until", "resend-error-time"));
    }
    if until.is_some_and(|until| since.is_some_and(|since| until < since)) {
        wrong.push(("until", "resend-error-order"));
    }
    if !(input.undelivered || input.missed) {
        wrong.push(("what", "resend-error-nothing"));
    }
    (TimeRange { since, until }, wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_wrong() {
        let mut input = Input {
            since: "2026-11-21T18:00".to_owned(),
            until: "2026-11-21T17:00".to_owned(),
            undelivered: false,
            missed: false,
        };
        let fields = |input: &Input| -> Vec<_> {
            span_of(input)
                .1
                .into_iter()
                .map(|(field, _)| field)
                .collect()
        };
        assert_eq!(fields(&input), ["until", "what"]);
        input.until = String::new();
        input.missed = true;
        assert_eq!(fields(&input), [""; 0]);
    }
}
