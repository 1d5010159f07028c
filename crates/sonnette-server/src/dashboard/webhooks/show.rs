//! One webhook: how it stands and why, its last day, what it is, what can be done, and its log.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use jiff::Timestamp;
use sonnette::domain::{Permission, Webhook, WebhookId};
use sonnette::engine::LaneStatus;

use super::chart::{self, Bars, Lines};
use super::diagnosis::{Telling, Told};
use super::halves::{self, Half};
use super::list::{day_in_words, events};
use super::standing::{Standing, diagnosis};
use crate::dashboard::action_words;
use crate::dashboard::address::Address;
use crate::dashboard::attempts::log::{self, Log};
use crate::dashboard::attempts::outcome;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::times::field;
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::dashboard::words::Words;
use crate::edge::AppState;

/// Half hours that "lately" is taken from: the one that has begun, and two before it. The exact last hour is in the
/// API's `health/`, which reads all of its attempts.
const LATELY: usize = 3;

#[derive(Template)]
#[template(path = "webhooks/show.html")]
struct WebhookPage {
    f: Frame,
    url: String,
    target: Address,
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
    at: When,
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
fn took(w: &Words, half: &Half, percent: u8) -> String {
    half.times
        .quantile(percent)
        .map_or_else(|| "–".to_owned(), |time| w.took(time))
}

fn share(w: &Words, half: &Half) -> String {
    halves::rate(half).map_or_else(|| "–".to_owned(), |rate| w.percent(rate))
}

impl Figures {
    fn of(w: &Words, halves: &[Half], lane: &LaneStatus, now: Timestamp) -> Self {
        let day = halves::sum(halves);
        let hour = halves::sum(&halves[halves.len().saturating_sub(LATELY)..]);
        let next = lane.next_attempt.map(|next| {
            if next <= now {
                w.t("webhook-now").into_owned()
            } else {
                w.a("webhook-in", w.span(next, now))
            }
        });
        Self {
            last_hour: share(w, &hour),
            last_day: share(w, &day),
            median: took(w, &day, 50),
            tail: took(w, &day, 95),
            waiting: lane.backlog,
            oldest: lane.oldest_waiting.map(|oldest| w.span(oldest, now)),
            next,
        }
    }
}

impl Plot {
    fn of(w: &Words, halves: &[Half], url: &str) -> Self {
        let (bars, lines) = (chart::bars(halves), chart::lines(halves));
        let day = halves::sum(halves);
        let with_attempts = halves.iter().rev().filter(|half| half.attempts() > 0);
        let rows = with_attempts.map(|half| PlotRow {
            at: w.when(half.start),
            url: format!(
                "{url}?since={}&until={}#filters",
                field(half.start),
                field(half.end())
            ),
            succeeded: half.succeeded,
            failed: half.failed,
            median: took(w, half, 50),
            tail: took(w, half, 95),
        });
        let mut args = fluent_bundle::FluentArgs::new();
        args.set("median", took(w, &day, 50));
        args.set("tail", took(w, &day, 95));
        Self {
            bars_most: w.number(bars.most),
            lines_most: w.took(lines.most),
            in_words: day_in_words(w, &day),
            times_in_words: w.say("webhook-times", &args),
            rows: rows.collect(),
            bars,
            lines,
        }
    }
}

impl Facts {
    fn of(desk: &Desk, webhook: &Webhook) -> Self {
        let (w, settings) = (desk.frame.w, &webhook.settings);
        let mut names: Vec<_> = webhook.action_types.iter().collect();
        names.dedup();
        let types = names.into_iter().map(|name| {
            let spec = desk.tenant.catalogue.get(name.as_str());
            let label = spec.map(|spec| action_words::label(w, spec));
            (name.to_string(), label.unwrap_or_default())
        });
        let per_second = settings
            .max_per_second
            .map(|n| w.n("webhook-per-second", n));
        let at_a_time = settings
            .max_concurrency
            .map(|n| w.n("webhook-at-a-time", n));
        let timeout = settings
            .timeout
            .map(|time| w.a("webhook-timeout", time.as_secs()));
        Self {
            types: types.collect(),
            events: events(w, &webhook.events),
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
    desk: Desk,
    Path((_, id)): Path<(String, WebhookId)>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let webhook = desk.webhook(id)?;
    let now = state.now();
    let lane = state.sonnette.lane(id).await?;
    let since = halves::beginning(now);
    let (last, tallies) = state
        .store(move |store| {
            Ok((
                store.latest_attempts(&[id])?,
                store.attempt_stats(&[id], since)?,
            ))
        })
        .await?;
    let halves = halves::day(now, &tallies);
    let w = desk.frame.w;
    let target = webhook.target.redacted();
    let telling = Telling {
        w,
        host: outcome::host(&target),
        now,
    };
    let diagnosis = diagnosis(webhook, &lane, last.first(), now);
    let url = desk.url(format_args!("/webhooks/{id}/"));
    page(&WebhookPage {
        standing: Standing::of(&diagnosis),
        enabled: webhook.is_enabled(),
        told: telling.tell(&diagnosis),
        figures: Figures::of(w, &halves, &lane, now),
        plot: Plot::of(w, &halves, &url),
        facts: Facts::of(&desk, webhook),
        log: log::of_one(&state, &desk, id, query.as_deref()).await?,
        live: desk.url(format_args!("/live/?webhook={id}")),
        name: webhook.comment.clone().unwrap_or_else(|| target.clone()),
        target: Address(target),
        url,
        f: desk.frame,
    })
}
