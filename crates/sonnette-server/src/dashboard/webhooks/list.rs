//! The webhooks of an organizer, at a glance.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use fluent_bundle::FluentArgs;
use jiff::Timestamp;
use sonnette::domain::{Attempt, EventFilter, Permission, Webhook, WebhookId};
use sonnette::engine::LaneStatus;
use sonnette::store::AttemptStats;
use url::form_urlencoded;

use super::chart::{self, Bars};
use super::halves;
use super::standing::{Standing, diagnosis};
use crate::dashboard::address::Address;
use crate::dashboard::attempts::log::ended_at;
use crate::dashboard::attempts::outcome;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::dashboard::words::Words;
use crate::edge::AppState;

/// Webhooks on a page.
const SIZE: usize = 100;
/// Action types that are named before the others are only counted.
const NAMED: usize = 2;
/// The same of events.
const EVENTS_NAMED: usize = 3;

#[derive(Template)]
#[template(path = "webhooks/list.html")]
struct ListPage {
    f: Frame,
    rows: Vec<Row>,
    create: String,
    live: String,
    /// Which page this is, and of how many.
    number: usize,
    pages: usize,
    previous: Option<String>,
    next: Option<String>,
    total: u64,
}

struct Row {
    id: WebhookId,
    url: String,
    standing: Standing,
    target: Address,
    comment: String,
    /// What it is called where there is room for one thing: the comment, if there is one.
    name: String,
    events: String,
    types: Vec<String>,
    more_types: usize,
    last: Option<LastResponse>,
    rate: Option<String>,
    spark: Bars,
    spark_text: String,
    waiting: u64,
}

/// The newest answer.
struct LastResponse {
    success: bool,
    text: String,
    at: When,
    url: String,
}

/// What the store and the engine know of some webhooks.
struct Known {
    now: Timestamp,
    lanes: HashMap<WebhookId, LaneStatus>,
    last: HashMap<WebhookId, Attempt>,
    tallies: HashMap<WebhookId, Vec<AttemptStats>>,
}

impl Known {
    async fn of(state: &AppState, ids: Vec<WebhookId>) -> Result<Self, PageError> {
        let now = state.now();
        let lanes = state.sonnette.lanes(&ids).await?;
        let since = halves::beginning(now);
        let (last, sums) = state
            .store(move |store| {
                Ok((
                    store.latest_attempts(&ids)?,
                    store.attempt_stats(&ids, since)?,
                ))
            })
            .await?;
        let mut tallies: HashMap<_, Vec<_>> = HashMap::new();
        for tally in sums {
            tallies.entry(tally.webhook).or_default().push(tally);
        }
        Ok(Self {
            now,
            lanes: lanes.into_iter().collect(),
            last: last
                .into_iter()
                .map(|attempt| (attempt.webhook, attempt))
                .collect(),
            tallies,
        })
    }

    fn row(&self, desk: &Desk, webhook: &Webhook) -> Option<Row> {
        let w = desk.frame.w;
        let url = desk.url(format_args!("/webhooks/{}/", webhook.id));
        let lane = self.lanes.get(&webhook.id)?;
        let target = webhook.target.redacted();
        let last = self.last.get(&webhook.id);
        let tallies = self.tallies.get(&webhook.id).map_or(&[][..], Vec::as_slice);
        let halves = halves::day(self.now, tallies);
        let day = halves::sum(&halves);
        let mut types: Vec<_> = webhook
            .action_types
            .iter()
            .map(ToString::to_string)
            .collect();
        types.dedup();
        let more_types = types.len().saturating_sub(NAMED);
        types.truncate(NAMED);
        Some(Row {
            id: webhook.id,
            standing: Standing::of(&diagnosis(webhook, lane, last, self.now)),
            name: webhook.comment.clone().unwrap_or_else(|| target.clone()),
            target: Address(target),
            comment: webhook.comment.clone().unwrap_or_default(),
            events: events(w, &webhook.events),
            types,
            more_types,
            last: last.map(|attempt| LastResponse {
                success: attempt.exchange.outcome.is_success(),
                text: outcome::in_short(w, &attempt.exchange.outcome),
                at: w.when(ended_at(attempt)),
                url: format!("{url}attempts/{}/", attempt.id),
            }),
            rate: halves::rate(&day).map(|rate| w.percent(rate)),
            spark: chart::bars(&halves),
            spark_text: day_in_words(w, &day),
            waiting: lane.backlog,
            url,
        })
    }
}

/// The outcomes of a day, for those who do not see a plot.
pub(super) fn day_in_words(w: &Words, day: &halves::Half) -> String {
    let mut args = FluentArgs::new();
    args.set("succeeded", day.succeeded);
    args.set("count", day.attempts());
    w.say("webhooks-day", &args)
}

/// Which events a webhook hears, in short.
pub(super) fn events(w: &Words, filter: &EventFilter) -> String {
    let slugs = match filter {
        EventFilter::All => return w.t("webhooks-all-events").into_owned(),
        EventFilter::Only(slugs) if slugs.is_empty() => {
            return w.t("webhooks-no-events").into_owned();
        }
        EventFilter::Only(slugs) => slugs,
    };
    let named: Vec<_> = slugs
        .iter()
        .take(EVENTS_NAMED)
        .map(ToString::to_string)
        .collect();
    let named = named.join(", ");
    match slugs.len().saturating_sub(EVENTS_NAMED) {
        0 => named,
        more => format!("{named} {}", w.n("webhooks-more", more)),
    }
}

fn asked_page(query: Option<&str>) -> usize {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let asked = pairs.find(|(name, _)| name == "page");
    asked
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(1)
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let all: Vec<&Arc<Webhook>> = desk.tenant.webhooks.values().collect();
    let pages = all.len().div_ceil(SIZE).max(1);
    let number = asked_page(query.as_deref()).clamp(1, pages);
    let from = (number - 1) * SIZE;
    let shown = &all[from..(from + SIZE).min(all.len())];
    let known = Known::of(&state, shown.iter().map(|webhook| webhook.id).collect()).await?;
    let rows = shown
        .iter()
        .filter_map(|webhook| known.row(&desk, webhook))
        .collect();
    let link = |number: usize| desk.url(format_args!("/webhooks/?page={number}"));
    page(&ListPage {
        rows,
        create: desk.url("/webhooks/new/"),
        live: desk.url("/live/"),
        number,
        pages,
        previous: (number > 1).then(|| link(number - 1)),
        next: (number < pages).then(|| link(number + 1)),
        total: all.len() as u64,
        f: desk.frame,
    })
}
