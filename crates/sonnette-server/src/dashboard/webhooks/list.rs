//! The list of an organizer's webhooks.

use std::collections::HashMap;

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
use super::chart::{self, BarChart};
use super::status::{WebhookStatus, diagnosis};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::shell::url_text::BreakableUrl;
use crate::dashboard::webhooks::attempts::log::ended_at;
use crate::dashboard::webhooks::attempts::outcome;
use crate::edge::AppState;

const WEBHOOKS_PER_PAGE: usize = 100;
/// Action types that are named; the others are counted.
const MAX_NAMED_TYPES: usize = 2;
/// Events that are named; the others are counted.
const MAX_NAMED_EVENTS: usize = 3;

#[derive(Template)]
#[template(path = "webhooks/list.html")]
struct ListTemplate {
    layout: Layout,
    rows: Vec<Row>,
    create: String,
    live: String,
    page_number: usize,
    page_count: usize,
    previous: Option<String>,
    next: Option<String>,
    total: u64,
}

struct Row {
    id: WebhookId,
    url: String,
    status: WebhookStatus,
    target: BreakableUrl,
    comment: String,
    /// The comment, or else the target.
    name: String,
    events: String,
    types: Vec<String>,
    more_types: usize,
    last: Option<LastResponse>,
    rate: Option<String>,
    spark: BarChart,
    spark_summary: String,
    waiting: u64,
}

/// The result of the latest attempt.
struct LastResponse {
    is_success: bool,
    text: String,
    at: TimeElement,
    url: String,
}

/// What the store and the engine know about the webhooks of the page.
struct WebhookData {
    now: Timestamp,
    lanes: HashMap<WebhookId, LaneStatus>,
    last: HashMap<WebhookId, Attempt>,
    stats: HashMap<WebhookId, Vec<AttemptStats>>,
}

impl WebhookData {
    async fn load(state: &AppState, ids: Vec<WebhookId>) -> Result<Self, PageError> {
        let now = state.now();
        let lanes = state.sonnette.lane_statuses(&ids).await?;
        let since = buckets::first_start(now);
        let (last, sums) = state
            .read(move |store| {
                Ok((
                    store.latest_attempts(&ids)?,
                    store.attempt_stats(&ids, since)?,
                ))
            })
            .await?;
        let mut stats_by_webhook: HashMap<_, Vec<_>> = HashMap::new();
        for stats_row in sums {
            stats_by_webhook
                .entry(stats_row.webhook)
                .or_default()
                .push(stats_row);
        }
        Ok(Self {
            now,
            lanes: lanes.into_iter().collect(),
            last: last
                .into_iter()
                .map(|attempt| (attempt.webhook, attempt))
                .collect(),
            stats: stats_by_webhook,
        })
    }

    fn row(&self, page: &OrganizerPage, webhook: &Webhook) -> Option<Row> {
        let texts = page.layout.texts;
        let url = page.url(format_args!("/webhooks/{}/", webhook.id));
        let lane = self.lanes.get(&webhook.id)?;
        let target = webhook.target.redacted();
        let last = self.last.get(&webhook.id);
        let stats = self.stats.get(&webhook.id).map_or(&[][..], Vec::as_slice);
        let buckets = buckets::last_day(self.now, stats);
        let day = buckets::sum(&buckets);
        let mut types: Vec<_> = webhook
            .action_types
            .iter()
            .map(ToString::to_string)
            .collect();
        types.dedup();
        let more_types = types.len().saturating_sub(MAX_NAMED_TYPES);
        types.truncate(MAX_NAMED_TYPES);
        Some(Row {
            id: webhook.id,
            status: WebhookStatus::new(&diagnosis(webhook, lane, last, self.now)),
            name: webhook.comment.clone().unwrap_or_else(|| target.clone()),
            target: BreakableUrl(target),
            comment: webhook.comment.clone().unwrap_or_default(),
            events: event_filter_text(texts, &webhook.events),
            types,
            more_types,
            last: last.map(|attempt| LastResponse {
                is_success: attempt.exchange.outcome.is_success(),
                text: outcome::short_text(texts, &attempt.exchange.outcome),
                at: texts.time(ended_at(attempt)),
                url: format!("{url}attempts/{}/", attempt.id),
            }),
            rate: buckets::success_rate(&day).map(|rate| texts.percent(rate)),
            spark: chart::bars(&buckets),
            spark_summary: day_summary(texts, &day),
            waiting: lane.pending_count,
            url,
        })
    }
}

/// The outcomes of the last day as a sentence, which describes the chart.
pub(super) fn day_summary(texts: &Texts, day: &buckets::Bucket) -> String {
    let mut args = FluentArgs::new();
    args.set("succeeded", day.succeeded);
    args.set("count", day.attempts());
    texts.get_args("webhooks-day", &args)
}

/// The events of a webhook, shortened.
pub(super) fn event_filter_text(texts: &Texts, filter: &EventFilter) -> String {
    let slugs = match filter {
        EventFilter::All => return texts.get("webhooks-all-events").into_owned(),
        EventFilter::Only(slugs) if slugs.is_empty() => {
            return texts.get("webhooks-no-events").into_owned();
        }
        EventFilter::Only(slugs) => slugs,
    };
    let named: Vec<_> = slugs
        .iter()
        .take(MAX_NAMED_EVENTS)
        .map(ToString::to_string)
        .collect();
    let named = named.join(", ");
    match slugs.len().saturating_sub(MAX_NAMED_EVENTS) {
        0 => named,
        more => format!("{named} {}", texts.get_count("webhooks-more", more)),
    }
}

fn page_number(query: Option<&str>) -> usize {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let param = pairs.find(|(name, _)| name == "page");
    param
        .and_then(|(_, number)| number.parse().ok())
        .unwrap_or(1)
}

/// Shows the list.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let webhooks = &page.organizer.webhooks;
    let total = webhooks.len();
    let page_count = total.div_ceil(WEBHOOKS_PER_PAGE).max(1);
    let number = page_number(query.as_deref()).clamp(1, page_count);
    let rest = webhooks.iter_after((number - 1) * WEBHOOKS_PER_PAGE);
    let shown: Vec<&Webhook> = rest
        .take(WEBHOOKS_PER_PAGE)
        .map(|(_, webhook)| &**webhook)
        .collect();
    let data = WebhookData::load(&state, shown.iter().map(|webhook| webhook.id).collect()).await?;
    let rows = shown
        .iter()
        .filter_map(|webhook| data.row(&page, webhook))
        .collect();
    let link = |number: usize| page.url(format_args!("/webhooks/?page={number}"));
    render(&ListTemplate {
        rows,
        create: page.url("/webhooks/new/"),
        live: page.url("/live/"),
        page_number: number,
        page_count,
        previous: (number > 1).then(|| link(number - 1)),
        next: (number < page_count).then(|| link(number + 1)),
        total: total as u64,
        layout: page.layout,
    })
}
