//! The page of one webhook: status and diagnosis, charts of the last day, settings, actions and attempt log.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::Timestamp;
use sonnette::domain::{Permission, Webhook, WebhookId};
use sonnette::engine::LaneStatus;

use super::buckets::{self, Bucket};
use super::chart::{self, BarChart, LineChart};
use super::diagnosis::{DiagnosisFormatter, DiagnosisText};
use super::list::{day_summary, event_filter_text};
use super::status::{WebhookStatus, diagnosis};
use crate::dashboard::action_types::labels;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time::datetime_local;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::shell::url_text::BreakableUrl;
use crate::dashboard::webhooks::attempts::log::{self, AttemptLog};
use crate::dashboard::webhooks::attempts::outcome;
use crate::edge::AppState;

/// Buckets of the success rate of "the last hour": the current one and two before it. The API's `health/` reads all
/// attempts and gives the exact rate.
const RECENT_BUCKETS: usize = 3;

#[derive(Template)]
#[template(path = "webhooks/show.html")]
struct ShowTemplate {
    layout: Layout,
    url: String,
    target: BreakableUrl,
    /// The comment, or else the target.
    name: String,
    status: WebhookStatus,
    is_enabled: bool,
    diagnosis: DiagnosisText,
    /// The action types that the receiver refuses, unless the diagnosis names them.
    refused_types: Option<String>,
    figures: RecentStatistics,
    chart: Chart,
    details: WebhookDetails,
    log: AttemptLog,
    live: String,
}

/// Figures as texts.
struct RecentStatistics {
    last_hour: String,
    last_day: String,
    median: String,
    percentile_95: String,
    waiting: u64,
    oldest: Option<String>,
    next: Option<String>,
}

/// Charts of the last day.
struct Chart {
    bars: BarChart,
    bars_max: String,
    lines: LineChart,
    lines_max: String,
    bars_summary: String,
    lines_summary: String,
    rows: Vec<ChartRow>,
}

/// A bucket with attempts, for the table beside the charts.
struct ChartRow {
    at: TimeElement,
    url: String,
    succeeded: u64,
    failed: u64,
    median: String,
    percentile_95: String,
}

/// The settings of the webhook.
struct WebhookDetails {
    types: Vec<(String, String)>,
    events: String,
    comment: String,
    /// The names of the extra headers.
    headers: Vec<String>,
    limits: Vec<String>,
    signatures: Vec<&'static str>,
    contacts: Vec<String>,
}

/// A quantile of the response times, or a dash.
fn quantile_text(texts: &Texts, bucket: &Bucket, percent: u8) -> String {
    bucket
        .times
        .quantile(percent)
        .map_or_else(|| "–".to_owned(), |time| texts.duration(time))
}

fn success_rate_text(texts: &Texts, bucket: &Bucket) -> String {
    buckets::success_rate(bucket).map_or_else(|| "–".to_owned(), |rate| texts.percent(rate))
}

impl RecentStatistics {
    fn new(texts: &Texts, buckets: &[Bucket], lane: &LaneStatus, now: Timestamp) -> Self {
        let day = buckets::sum(buckets);
        let hour = buckets::sum(&buckets[buckets.len().saturating_sub(RECENT_BUCKETS)..]);
        let next = lane.next_attempt.map(|next| {
            if next <= now {
                texts.get("webhook-now").into_owned()
            } else {
                texts.get_with("webhook-in", texts.time_between(next, now))
            }
        });
        Self {
            last_hour: success_rate_text(texts, &hour),
            last_day: success_rate_text(texts, &day),
            median: quantile_text(texts, &day, 50),
            percentile_95: quantile_text(texts, &day, 95),
            waiting: lane.pending_count,
            oldest: lane
                .oldest_pending_at
                .map(|oldest| texts.time_between(oldest, now)),
            next,
        }
    }
}

impl Chart {
    fn new(texts: &Texts, buckets: &[Bucket], url: &str) -> Self {
        let (bars, lines) = (chart::bars(buckets), chart::lines(buckets));
        let day = buckets::sum(buckets);
        let with_attempts = buckets.iter().rev().filter(|bucket| bucket.attempts() > 0);
        let rows = with_attempts.map(|bucket| ChartRow {
            at: texts.time(bucket.start),
            url: format!(
                "{url}?since={}&until={}#filters",
                datetime_local(bucket.start),
                datetime_local(bucket.end())
            ),
            succeeded: bucket.succeeded,
            failed: bucket.failed,
            median: quantile_text(texts, bucket, 50),
            percentile_95: quantile_text(texts, bucket, 95),
        });
        let mut args = fluent_bundle::FluentArgs::new();
        args.set("median", quantile_text(texts, &day, 50));
        args.set("tail", quantile_text(texts, &day, 95));
        Self {
            bars_max: texts.number(bars.max),
            lines_max: texts.duration(lines.max),
            bars_summary: day_summary(texts, &day),
            lines_summary: texts.get_args("webhook-times", &args),
            rows: rows.collect(),
            bars,
            lines,
        }
    }
}

impl WebhookDetails {
    fn new(page: &OrganizerPage, webhook: &Webhook) -> Self {
        let (texts, settings) = (page.layout.texts, &webhook.settings);
        let mut names: Vec<_> = webhook.action_types.iter().collect();
        names.dedup();
        let types = names.into_iter().map(|name| {
            let catalogue_entry = page.organizer.catalogue.get(name.as_str());
            let label =
                catalogue_entry.map(|catalogue_entry| labels::label(texts, catalogue_entry));
            (name.to_string(), label.unwrap_or_default())
        });
        let per_second = settings
            .max_per_second
            .map(|n| texts.get_count("webhook-per-second", n));
        let concurrency = settings
            .max_concurrency
            .map(|n| texts.get_count("webhook-concurrency", n));
        let timeout = settings
            .timeout
            .map(|time| texts.get_with("webhook-timeout", time.as_secs()));
        Self {
            types: types.collect(),
            events: event_filter_text(texts, &webhook.events),
            comment: webhook.comment.clone().unwrap_or_default(),
            headers: settings
                .headers
                .iter()
                .map(|header| header.name.clone())
                .collect(),
            limits: [per_second, concurrency, timeout]
                .into_iter()
                .flatten()
                .collect(),
            signatures: settings
                .extra_signatures
                .iter()
                .map(|one| one.as_str())
                .collect(),
            contacts: settings.contact_emails.clone(),
        }
    }
}

/// Shows the webhook.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let webhook = page.webhook(id)?;
    let now = state.now();
    let lane = state.sonnette.lane_status(id).await?;
    let since = buckets::first_start(now);
    let (last, half_hours) = state
        .read(move |store| {
            Ok((
                store.latest_attempts(&[id])?,
                store.attempt_stats(&[id], since)?,
            ))
        })
        .await?;
    let buckets = buckets::last_day(now, &half_hours);
    let texts = page.layout.texts;
    let target = webhook.target.redacted();
    let diagnosis_texts = DiagnosisFormatter {
        texts,
        host: outcome::url_host(&target),
        now,
    };
    let diagnosis = diagnosis(webhook, &lane, last.first(), now);
    let url = page.url(format_args!("/webhooks/{id}/"));
    render(&ShowTemplate {
        status: WebhookStatus::new(&diagnosis),
        is_enabled: webhook.is_enabled(),
        diagnosis: diagnosis_texts.text(&diagnosis),
        refused_types: diagnosis_texts.refused_types(&diagnosis, &lane.refused_action_types),
        figures: RecentStatistics::new(texts, &buckets, &lane, now),
        chart: Chart::new(texts, &buckets, &url),
        details: WebhookDetails::new(&page, webhook),
        log: log::webhook_log(&state, &page, id, query.as_deref()).await?,
        live: page.url(format_args!("/live/?webhook={id}")),
        name: webhook.comment.clone().unwrap_or_else(|| target.clone()),
        target: BreakableUrl(target),
        url,
        layout: page.layout,
    })
}
