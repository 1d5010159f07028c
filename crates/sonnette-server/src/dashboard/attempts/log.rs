//! The log: lines, newest first, a page at a time.

use sonnette::domain::{Attempt, AttemptId, WebhookId};
use sonnette::store::AttemptPage;

use super::filter::Filter;
use super::outcome;
use crate::dashboard::address::Address;
use crate::dashboard::error::PageError;
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::dashboard::words::Words;
use crate::edge::AppState;

/// Lines on a page.
const SIZE: usize = 50;

/// A log as a page shows it.
pub(crate) struct Log {
    /// The page's own path: where the filters are sent.
    pub(crate) url: String,
    pub(crate) filter: Filter,
    pub(crate) lines: Vec<Line>,
    /// The next page.
    pub(crate) older: Option<String>,
    /// The first page, if this is another.
    pub(crate) newest: Option<String>,
    /// Until when the log was looked through, if that was not to its end.
    pub(crate) looked_until: Option<When>,
    /// For the filter: concrete action types.
    pub(crate) action_types: Vec<String>,
    /// For the filter: webhooks, where they are, and whether it is the one asked for; empty in the log of one.
    pub(crate) webhooks: Vec<(WebhookId, String, bool)>,
    /// For how many days attempts are kept.
    pub(crate) days: u64,
}

/// One attempt.
pub(crate) struct Line {
    pub(crate) id: AttemptId,
    pub(crate) url: String,
    pub(crate) success: bool,
    pub(crate) at: When,
    pub(crate) action_type: String,
    pub(crate) event: String,
    pub(crate) number: u32,
    pub(crate) took: String,
    pub(crate) outcome: String,
    pub(crate) test: bool,
    pub(crate) notification: String,
    /// The webhook's page and where it is, in the log of all of them.
    pub(crate) webhook: Option<(String, Address)>,
}

impl Line {
    pub(crate) fn of(w: &Words, desk: &Desk, attempt: &Attempt) -> Self {
        let webhook = desk.url(format_args!("/webhooks/{}/", attempt.webhook));
        Self {
            id: attempt.id,
            url: format!("{webhook}attempts/{}/", attempt.id),
            success: attempt.exchange.outcome.is_success(),
            at: w.when(ended_at(attempt)),
            action_type: attempt.action_type.to_string(),
            event: attempt
                .event
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            number: attempt.number,
            took: w.took(attempt.exchange.duration),
            outcome: outcome::in_short(w, &attempt.exchange.outcome),
            test: attempt.test,
            notification: attempt.notification.to_string(),
            webhook: None,
        }
    }
}

/// When an attempt ended: its id says so.
pub(crate) fn ended_at(attempt: &Attempt) -> jiff::Timestamp {
    time_of(attempt.id).unwrap_or(attempt.exchange.started_at)
}

fn time_of(id: AttemptId) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(id.0).ok()
}

/// The log of one webhook.
pub(crate) async fn of_one(
    state: &AppState,
    desk: &Desk,
    webhook: WebhookId,
    query: Option<&str>,
) -> Result<Log, PageError> {
    let url = desk.url(format_args!("/webhooks/{webhook}/"));
    let mut filter = Filter::read(query);
    filter.webhook = None;
    read(state, desk, url, filter, vec![webhook]).await
}

/// The log of all webhooks of the organizer.
pub(crate) async fn of_all(
    state: &AppState,
    desk: &Desk,
    query: Option<&str>,
) -> Result<Log, PageError> {
    let filter = Filter::read(query);
    let webhooks = desk.tenant.webhooks.keys().copied();
    let asked = webhooks.filter(|id| filter.webhook.is_none_or(|only| only == *id));
    let asked = asked.collect();
    let mut log = read(state, desk, desk.url("/attempts/"), filter, asked).await?;
    let all = desk.tenant.webhooks.iter();
    log.webhooks = all
        .map(|(id, webhook)| {
            let chosen = log.filter.webhook == Some(*id);
            (*id, webhook.target.redacted(), chosen)
        })
        .collect();
    Ok(log)
}

async fn read(
    state: &AppState,
    desk: &Desk,
    url: String,
    filter: Filter,
    webhooks: Vec<WebhookId>,
) -> Result<Log, PageError> {
    let query = filter.query(SIZE + 1);
    let several = url.ends_with("/attempts/");
    let page = state
        .store(move |store| store.attempt_page(&webhooks, &query))
        .await?;
    let AttemptPage {
        attempts: mut found,
        scanned_until: looked_until,
    } = page;
    let more = found.len() > SIZE;
    found.truncate(SIZE);
    let after = found
        .last()
        .map(|last| last.id)
        .filter(|_| more)
        .or(looked_until);
    let w = desk.frame.w;
    let line = |attempt: &Attempt| {
        let mut line = Line::of(w, desk, attempt);
        let webhook = desk
            .tenant
            .webhooks
            .get(&attempt.webhook)
            .filter(|_| several);
        line.webhook = webhook.map(|webhook| {
            let url = desk.url(format_args!("/webhooks/{}/", webhook.id));
            (url, Address(webhook.target.redacted()))
        });
        line
    };
    Ok(Log {
        lines: found.iter().map(line).collect(),
        older: after.map(|after| filter.link(&url, Some(after))),
        newest: filter.after.map(|_| filter.link(&url, None)),
        looked_until: looked_until.and_then(time_of).map(|at| w.when(at)),
        action_types: action_types(desk, &filter),
        webhooks: Vec::new(),
        days: state.settings.log_days,
        url,
        filter,
    })
}

/// Concrete action types of the catalogue, and the one that is asked for.
fn action_types(desk: &Desk, filter: &Filter) -> Vec<String> {
    let names = desk
        .tenant
        .catalogue
        .iter()
        .flat_map(|spec| spec.concrete_names());
    let mut names: Vec<_> = names.map(|name| name.to_string()).collect();
    if !filter.action_type.is_empty() && !names.contains(&filter.action_type) {
        names.push(filter.action_type.clone());
    }
    names
}
