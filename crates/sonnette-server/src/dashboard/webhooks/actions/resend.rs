//! Sends undelivered and missed notifications again.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use sonnette::store::{BatchAuditEntry, TimeRange};

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::time::{datetime_local, parse_time};
use crate::dashboard::webhooks::page::{Breadcrumbs, WebhookPage};
use crate::edge::AppState;

/// The initial value of the form.
#[derive(Deserialize)]
pub(crate) struct ResendQuery {
    #[serde(default)]
    since: String,
}

/// The values of the form.
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
    breadcrumbs: Breadcrumbs,
    input: Input,
    /// The number of deliveries that would be sent, once they are counted.
    count: Option<u64>,
    /// Names of fields with the keys of their error messages.
    errors: Vec<(&'static str, &'static str)>,
    /// The URL of the page that enables the webhook, if it is disabled.
    enable_url: Option<String>,
    action: String,
    back: String,
}

impl ResendTemplate {
    fn new(page: WebhookPage, input: Input) -> Self {
        Self {
            breadcrumbs: Breadcrumbs::new(&page),
            input,
            count: None,
            errors: Vec::new(),
            enable_url: (!page.webhook.is_enabled()).then(|| page.url("enable/")),
            action: page.url("resend/"),
            back: page.url(""),
            layout: page.organizer_page.layout,
        }
    }

    fn error_of(&self, field: &str) -> Option<&'static str> {
        let found = self.errors.iter().find(|(name, _)| *name == field);
        found.map(|(_, key)| *key)
    }
}

/// Shows the form. Without a query, it begins with the publication of the oldest notification whose delivery waits or was
/// given up since the last success, or else a day ago.
pub(crate) async fn show_resend(
    State(state): State<AppState>,
    Query(query): Query<ResendQuery>,
    page: WebhookPage,
) -> Result<Response, PageError> {
    let since = if let Ok(since) = query.since.parse::<Timestamp>() {
        since
    } else {
        let id = page.webhook.id;
        let lane = state.sonnette.lane_status(id).await?;
        let failing_since = lane.health.streak.map(|streak| streak.since);
        let oldest = state
            .read(move |store| store.oldest_undelivered(id, failing_since))
            .await?;
        oldest.unwrap_or_else(|| state.now() - SignedDuration::from_hours(24))
    };
    let input = Input {
        since: datetime_local(since),
        until: String::new(),
        undelivered: true,
        missed: false,
    };
    render(&ResendTemplate::new(page, input))
}

/// Counts the deliveries, or sends them again.
pub(crate) async fn resend(
    State(state): State<AppState>,
    page: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    if !page.webhook.is_enabled() {
        return Ok(Redirect::to(&page.url("resend/")).into_response());
    }
    let input = Input {
        since: form.get("since").to_owned(),
        until: form.get("until").to_owned(),
        undelivered: form.contains("undelivered"),
        missed: form.contains("missed"),
    };
    let (span, errors) = parse_range(&input);
    if !errors.is_empty() {
        let mut form = ResendTemplate::new(page, input);
        form.errors = errors;
        let mut response = render(&form)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let dry_run = !form.contains("send");
    let (sonnette, id) = (&state.sonnette, page.webhook.id);
    let author = page.organizer_page.author();
    let data = json!({ "webhook": id });
    let entry = author.audit_entry("sonnette.webhook.retried", data, state.now());
    let mut entry = (!dry_run).then(|| BatchAuditEntry::from(entry));
    let mut count = 0;
    if input.undelivered {
        count += sonnette
            .resend_undelivered(id, span, None, entry.as_mut())
            .await?;
    }
    if input.missed {
        count += sonnette.resend_missed(id, span, entry.as_mut()).await?;
    }
    if dry_run {
        let mut form = ResendTemplate::new(page, input);
        form.count = Some(count);
        return render(&form);
    }
    Ok(flash::redirect_with_count(&page.url(""), "resent", count))
}

fn parse_range(input: &Input) -> (TimeRange, Vec<(&'static str, &'static str)>) {
    let mut errors = Vec::new();
    let since = parse_time(&input.since);
    let until = parse_time(&input.until);
    if since.is_none() {
        errors.push(("since", "resend-error-time"));
    }
    if until.is_none() && !input.until.is_empty() {
        errors.push(("until", "resend-error-time"));
    }
    if until.is_some_and(|until| since.is_some_and(|since| until < since)) {
        errors.push(("until", "resend-error-order"));
    }
    if !(input.undelivered || input.missed) {
        errors.push(("what", "resend-error-nothing"));
    }
    (TimeRange { since, until }, errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_invalid_fields() {
        let mut input = Input {
            since: "2026-11-21T18:00".to_owned(),
            until: "2026-11-21T17:00".to_owned(),
            undelivered: false,
            missed: false,
        };
        let fields = |input: &Input| -> Vec<_> {
            parse_range(input)
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
