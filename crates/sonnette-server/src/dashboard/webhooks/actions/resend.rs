//! What was not delivered since some time, sent again.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use sonnette::store::TimeRange;

use super::confirm::{Crumbs, note};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::Posted;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::time::{field, time_of};
use crate::dashboard::webhooks::page::At;
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
struct ResendPage {
    f: Frame,
    crumbs: Crumbs,
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

impl ResendPage {
    fn of(at: At, input: Input) -> Self {
        Self {
            crumbs: Crumbs::of(&at),
            input,
            count: None,
            wrong: Vec::new(),
            enable: (!at.webhook.is_enabled()).then(|| at.url("enable/")),
            action: at.url("resend/"),
            back: at.url(""),
            f: at.desk.frame,
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
    at: At,
) -> Result<Response, PageError> {
    let since = if let Ok(since) = from.since.parse::<Timestamp>() {
        since
    } else {
        let health = state.sonnette.lane(at.webhook.id).await?.health;
        let a_day_ago = state.now() - SignedDuration::from_hours(24);
        health.streak.map_or(a_day_ago, |streak| streak.since)
    };
    let input = Input {
        since: field(since),
        until: String::new(),
        undelivered: true,
        missed: false,
    };
    page(&ResendPage::of(at, input))
}

/// Counts, or sends again.
pub(crate) async fn resend(
    State(state): State<AppState>,
    at: At,
    posted: Posted,
) -> Result<Response, PageError> {
    if !at.webhook.is_enabled() {
        return Ok(Redirect::to(&at.url("resend/")).into_response());
    }
    let input = Input {
        since: posted.get("since").to_owned(),
        until: posted.get("until").to_owned(),
        undelivered: posted.has("undelivered"),
        missed: posted.has("missed"),
    };
    let (span, wrong) = span_of(&input);
    if !wrong.is_empty() {
        let mut form = ResendPage::of(at, input);
        form.wrong = wrong;
        let mut response = page(&form)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let dry_run = !posted.has("send");
    let (sonnette, id) = (&state.sonnette, at.webhook.id);
    let mut count = 0;
    if input.undelivered {
        count += sonnette.resend_undelivered(id, span, None, dry_run).await?;
    }
    if input.missed {
        count += sonnette.resend_missed(id, span, dry_run).await?;
    }
    if dry_run {
        let mut form = ResendPage::of(at, input);
        form.count = Some(count);
        return page(&form);
    }
    let data = json!({"webhook": id, "count": count});
    note(&state, &at, "sonnette.webhook.retried", data).await?;
    Ok(flash::go_counted(&at.url(""), "resent", count))
}

fn span_of(input: &Input) -> (TimeRange, Vec<(&'static str, &'static str)>) {
    let mut wrong = Vec::new();
    let since = time_of(&input.since);
    let until = time_of(&input.until);
    if since.is_none() {
        wrong.push(("since", "resend-wrong-time"));
    }
    if until.is_none() && !input.until.is_empty() {
        wrong.push(("until", "resend-wrong-time"));
    }
    if until.is_some_and(|until| since.is_some_and(|since| until < since)) {
        wrong.push(("until", "resend-wrong-order"));
    }
    if !(input.undelivered || input.missed) {
        wrong.push(("what", "resend-wrong-nothing"));
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
