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

use super::buckets;
use super::chart::{self, Bars};
use super::status::{Standing, diagnosis};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::shell::url_text::BreakableUrl;
use crate::dashboard::webhooks::attempts::log::ended_at;
use crate::dashboard::webhooks::attempts::outcome;
use crate::edge::AppState;

/// Webhooks on a page.
const SIZE: usize = 100;
/// Action types that are named before the others are only counted.
const NAMED: usize = 2;
/// The same of events.
const EVENTS_NAMED: usize = 3;

#[derive(Template)]
#[template(path = "webhooks/list.html")]
struct ListTemplate {
    layout: Layout,
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
    target: BreakableUrl,
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
    at: TimeElement,
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
        let since = buckets::beginning(now);
        let (last, sums) = state
            .store(move |store| Ok((store.last_attempts(&ids)?, store.tallies(&ids, since)?)))
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

    fn row(&self, page: &OrganizerPage, webhook: &Webhook) -> Option<Row> {
        let texts = page.layout.texts;
        let url = page.url(format_args!("/webhooks/{}/", webhook.id));
        let lane = self.lanes.get(&webhook.id)?;
        let target = webhook.target.redacted();
        let last = self.last.get(&webhook.id);
        let tallies = self.tallies.get(&webhook.id).map_or(&[][..], Vec::as_slice);
        let halves = buckets::day(self.now, tallies);
        let day = buckets::sum(&halves);
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
            target: BreakableUrl(target),
            comment: webhook.comment.clone().unwrap_or_default(),
            events: events(texts, &webhook.events),
            types,
            more_types,
            last: last.map(|attempt| LastResponse {
                success: attempt.exchange.outcome.is_success(),
                text: outcome::in_short(texts, &attempt.exchange.outcome),
                at: texts.time(ended_at(attempt)),
                url: format!("{url}attempts/{}/", attempt.id),
            }),
            rate: buckets::rate(&day).map(|rate| texts.percent(rate)),
            spark: chart::bars(&halves),
            spark_text: day_in_words(texts, &day),
            waiting: lane.backlog,
            url,
        })
    }
}

/// The outcomes of a day, for those who do not see a plot.
pub(super) fn day_in_words(texts: &Texts, day: &buckets::Half) -> String {
    let mut args = FluentArgs::new();
    args.set("succeeded", day.succeeded);
    args.set("count", day.attempts());
    texts.get_args("webhooks-day", &args)
}

/// Which events a webhook hears, in short.
pub(super) fn events(texts: &Texts, filter: &EventFilter) -> String {
    let slugs = match filter {
        EventFilter::All => return texts.get("webhooks-all-events").into_owned(),
        EventFilter::Only(slugs) if slugs.is_empty() => {
            return texts.get("webhooks-no-events").into_owned();
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
        more => format!("{named} {}", texts.get_count("webhooks-more", more)),
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
    page: OrganizerPage,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let all: Vec<&Arc<Webhook>> = page.tenant.webhooks.values().collect();
    let pages = all.len().div_ceil(SIZE).max(1);
    let number = asked_page(query.as_deref()).clamp(1, pages);
    let from = (number - 1) * SIZE;
    let shown = &all[from..(from + SIZE).min(all.len())];
    let known = Known::of(&state, shown.iter().map(|webhook| webhook.id).collect()).await?;
    let rows = shown
        .iter()
        .filter_map(|webhook| known.row(&page, webhook))
        .collect();
    let link = |number: usize| page.url(format_args!("/webhooks/?page={number}"));
    render(&ListTemplate {
        rows,
        create: page.url("/webhooks/new/"),
        live: page.url("/live/"),
        number,
        pages,
        previous: (number > 1).then(|| link(number - 1)),
        next: (number < pages).then(|| link(number + 1)),
        total: all.len() as u64,
        layout: page.layout,
    })
}
