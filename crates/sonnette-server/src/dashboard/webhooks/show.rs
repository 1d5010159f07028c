//! One webhook: how it stands and why, its last day, what it is, what can be done, and its log.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::Timestamp;
use sonnette::domain::{Permission, Webhook, WebhookId};
use sonnette::engine::LaneStatus;

use super::buckets::{self, Half};
use super::chart::{self, Bars, Lines};
use super::diagnosis::{Telling, Told};
use super::list::{day_in_words, events};
use super::status::{Standing, diagnosis};
use crate::dashboard::action_types::labels;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time::datetime_local;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::shell::url_text::BreakableUrl;
use crate::dashboard::webhooks::attempts::log::{self, Log};
use crate::dashboard::webhooks::attempts::outcome;
use crate::edge::AppState;

/// Half hours that "lately" is taken from: the one that has begun, and two before it. The exact last hour is in the
/// API's `health/`, which reads all of its attempts.
const LATELY: usize = 3;

#[derive(Template)]
#[template(path = "webhooks/show.html")]
struct WebhookTemplate {
    layout: Layout,
    url: String,
    target: BreakableUrl,
    /// What it is called: the comment, or else the target.
    name: String,
    standing: Standing,
    enabled: bool,
    told: Told,
    figures: Figures,
    plot: Plot,
    facts: Facts,
    log: Log,
    live: String,
}

/// What the page says in numbers.
struct Figures {
    last_hour: String,
    last_day: String,
    median: String,
    tail: String,
    waiting: u64,
    oldest: Option<String>,
    next: Option<String>,
}

/// The last day.
struct Plot {
    bars: Bars,
    bars_most: String,
    lines: Lines,
    lines_most: String,
    in_words: String,
    times_in_words: String,
    rows: Vec<PlotRow>,
}

/// Half an hour with attempts, for those who read rather than look.
struct PlotRow {
    at: TimeElement,
    url: String,
    succeeded: u64,
    failed: u64,
    median: String,
    tail: String,
}

/// What the webhook is.
struct Facts {
    types: Vec<(String, String)>,
    events: String,
    comment: String,
    /// Extra headers, by name.
    headers: Vec<String>,
    limits: Vec<String>,
    signatures: Vec<&'static str>,
    contacts: Vec<String>,
}

/// A time, or a dash.
fn took(texts: &Texts, half: &Half, percent: u8) -> String {
    half.times
        .quantile(percent)
        .map_or_else(|| "–".to_owned(), |time| texts.duration(time))
}

fn share(texts: &Texts, half: &Half) -> String {
    buckets::rate(half).map_or_else(|| "–".to_owned(), |rate| texts.percent(rate))
}

impl Figures {
    fn of(texts: &Texts, halves: &[Half], lane: &LaneStatus, now: Timestamp) -> Self {
        let day = buckets::sum(halves);
        let hour = buckets::sum(&halves[halves.len().saturating_sub(LATELY)..]);
        let next = lane.next_attempt.map(|next| {
            if next <= now {
                texts.get("webhook-now").into_owned()
            } else {
                texts.get_with("webhook-in", texts.time_between(next, now))
            }
        });
        Self {
            last_hour: share(texts, &hour),
            last_day: share(texts, &day),
            median: took(texts, &day, 50),
            tail: took(texts, &day, 95),
            waiting: lane.backlog,
            oldest: lane
                .oldest_waiting
                .map(|oldest| texts.time_between(oldest, now)),
            next,
        }
    }
}

impl Plot {
    fn of(texts: &Texts, halves: &[Half], url: &str) -> Self {
        let (bars, lines) = (chart::bars(halves), chart::lines(halves));
        let day = buckets::sum(halves);
        let with_attempts = halves.iter().rev().filter(|half| half.attempts() > 0);
        let rows = with_attempts.map(|half| PlotRow {
            at: texts.time(half.start),
            url: format!(
                "{url}?since={}&until={}#filters",
                datetime_local(half.start),
                datetime_local(half.end())
            ),
            succeeded: half.succeeded,
            failed: half.failed,
            median: took(texts, half, 50),
            tail: took(texts, half, 95),
        });
        let mut args = fluent_bundle::FluentArgs::new();
        args.set("median", took(texts, &day, 50));
        args.set("tail", took(texts, &day, 95));
        Self {
            bars_most: texts.number(bars.most),
            lines_most: texts.duration(lines.most),
            in_words: day_in_words(texts, &day),
            times_in_words: texts.get_args("webhook-times", &args),
            rows: rows.collect(),
            bars,
            lines,
        }
    }
}

impl Facts {
    fn of(page: &OrganizerPage, webhook: &Webhook) -> Self {
        let (texts, settings) = (page.layout.texts, &webhook.settings);
        let mut names: Vec<_> = webhook.action_types.iter().collect();
        names.dedup();
        let types = names.into_iter().map(|name| {
            let spec = page.tenant.catalogue.get(name.as_str());
            let label = spec.map(|spec| labels::label(texts, spec));
            (name.to_string(), label.unwrap_or_default())
        });
        let per_second = settings
            .max_per_second
            .map(|n| texts.get_count("webhook-per-second", n));
        let at_a_time = settings
            .max_concurrency
            .map(|n| texts.get_count("webhook-concurrency", n));
        let timeout = settings
            .timeout
            .map(|time| texts.get_with("webhook-timeout", time.as_secs()));
        Self {
            types: types.collect(),
            events: events(texts, &webhook.events),
            comment: webhook.comment.clone().unwrap_or_default(),
            headers: settings
                .headers
                .iter()
                .map(|header| header.name.clone())
                .collect(),
            limits: [per_second, at_a_time, timeout]
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

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Path((_, id)): Path<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let webhook = page.webhook(id)?;
    let now = state.now();
    let lane = state.sonnette.lane(id).await?;
    let since = buckets::beginning(now);
    let (last, tallies) = state
        .store(move |store| Ok((store.last_attempts(&[id])?, store.tallies(&[id], since)?)))
        .await?;
    let halves = buckets::day(now, &tallies);
    let texts = page.layout.texts;
    let target = webhook.target.redacted();
    let telling = Telling {
        texts,
        host: outcome::host(&target),
        now,
    };
    let diagnosis = diagnosis(webhook, &lane, last.first(), now);
    let url = page.url(format_args!("/webhooks/{id}/"));
    render(&WebhookTemplate {
        standing: Standing::of(&diagnosis),
        enabled: webhook.is_enabled(),
        told: telling.tell(&diagnosis),
        figures: Figures::of(texts, &halves, &lane, now),
        plot: Plot::of(texts, &halves, &url),
        facts: Facts::of(&page, webhook),
        log: log::of_one(&state, &page, id, query.as_deref()).await?,
        live: page.url(format_args!("/live/?webhook={id}")),
        name: webhook.comment.clone().unwrap_or_else(|| target.clone()),
        target: BreakableUrl(target),
        url,
        layout: page.layout,
    })
}
