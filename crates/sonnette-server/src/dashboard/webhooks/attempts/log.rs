//! The attempt log: one page of attempts, newest first, with filters.

use sonnette::domain::{Attempt, AttemptId, WebhookId};
use sonnette::store::AttemptPage;

use super::filters::AttemptFilter;
use super::outcome;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::shell::url_text::BreakableUrl;
use crate::edge::AppState;

const ROWS_PER_PAGE: usize = 50;

/// One page of an attempt log.
pub(crate) struct AttemptLog {
    /// The URL of the log, which the filters are sent to.
    pub(crate) url: String,
    pub(crate) filter: AttemptFilter,
    pub(crate) rows: Vec<AttemptRow>,
    /// The URL of the next page.
    pub(crate) older: Option<String>,
    /// The URL of the first page, if this is not the first.
    pub(crate) newest: Option<String>,
    /// The time at which the search stopped, if it did not reach the end of the log.
    pub(crate) searched_until: Option<TimeElement>,
    /// The choices of the filter: concrete action types.
    pub(crate) action_types: Vec<String>,
    /// The choices of the filter: webhooks, their targets, and whether they are chosen; empty in the log of one webhook.
    pub(crate) webhooks: Vec<(WebhookId, String, bool)>,
    /// The number of days that attempts are kept.
    pub(crate) days: u64,
}

/// An attempt in a log.
pub(crate) struct AttemptRow {
    pub(crate) id: AttemptId,
    pub(crate) url: String,
    pub(crate) is_success: bool,
    pub(crate) at: TimeElement,
    pub(crate) action_type: String,
    pub(crate) event: String,
    pub(crate) number: u32,
    pub(crate) duration: String,
    pub(crate) outcome: String,
    pub(crate) is_test: bool,
    pub(crate) notification: String,
    /// The URL of the webhook's page and its target, in the log of all webhooks.
    pub(crate) webhook: Option<(String, BreakableUrl)>,
}

impl AttemptRow {
    pub(crate) fn new(texts: &Texts, page: &OrganizerPage, attempt: &Attempt) -> Self {
        let webhook = page.url(format_args!("/webhooks/{}/", attempt.webhook));
        Self {
            id: attempt.id,
            url: format!("{webhook}attempts/{}/", attempt.id),
            is_success: attempt.exchange.outcome.is_success(),
            at: texts.time(ended_at(attempt)),
            action_type: attempt.action_type.to_string(),
            event: attempt
                .event
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            number: attempt.number,
            duration: texts.duration(attempt.exchange.duration),
            outcome: outcome::short_text(texts, &attempt.exchange.outcome),
            is_test: attempt.is_test,
            notification: attempt.notification.to_string(),
            webhook: None,
        }
    }
}

/// When an attempt ended. Its id is that time in microseconds.
pub(crate) fn ended_at(attempt: &Attempt) -> jiff::Timestamp {
    end_time(attempt.id).unwrap_or(attempt.exchange.started_at)
}

fn end_time(id: AttemptId) -> Option<jiff::Timestamp> {
    jiff::Timestamp::from_microsecond(id.0).ok()
}

/// The log of one webhook.
pub(crate) async fn webhook_log(
    state: &AppState,
    page: &OrganizerPage,
    webhook: WebhookId,
    query: Option<&str>,
) -> Result<AttemptLog, PageError> {
    let url = page.url(format_args!("/webhooks/{webhook}/"));
    let mut filter = AttemptFilter::from_query(query);
    filter.webhook = None;
    load(state, page, url, filter, vec![webhook]).await
}

/// The log of all webhooks of the organizer.
pub(crate) async fn organizer_log(
    state: &AppState,
    page: &OrganizerPage,
    query: Option<&str>,
) -> Result<AttemptLog, PageError> {
    let filter = AttemptFilter::from_query(query);
    let webhooks = page.organizer.webhooks.keys().copied();
    let shown = webhooks.filter(|id| filter.webhook.is_none_or(|only| only == *id));
    let shown = shown.collect();
    let mut log = load(state, page, page.url("/attempts/"), filter, shown).await?;
    let all = page.organizer.webhooks.iter();
    log.webhooks = all
        .map(|(id, webhook)| {
            let is_chosen = log.filter.webhook == Some(*id);
            (*id, webhook.target.redacted(), is_chosen)
        })
        .collect();
    Ok(log)
}

async fn load(
    state: &AppState,
    page: &OrganizerPage,
    url: String,
    filter: AttemptFilter,
    webhooks: Vec<WebhookId>,
) -> Result<AttemptLog, PageError> {
    let query = filter.to_store_query(ROWS_PER_PAGE + 1);
    let is_organizer_log = url.ends_with("/attempts/");
    let AttemptPage {
        mut attempts,
        scanned_until,
    } = state
        .read(move |store| store.attempt_page(&webhooks, &query))
        .await?;
    let has_more = attempts.len() > ROWS_PER_PAGE;
    attempts.truncate(ROWS_PER_PAGE);
    let after = attempts
        .last()
        .map(|last| last.id)
        .filter(|_| has_more)
        .or(scanned_until);
    let texts = page.layout.texts;
    let row = |attempt: &Attempt| {
        let mut row = AttemptRow::new(texts, page, attempt);
        let webhook = page
            .organizer
            .webhooks
            .get(&attempt.webhook)
            .filter(|_| is_organizer_log);
        row.webhook = webhook.map(|webhook| {
            let url = page.url(format_args!("/webhooks/{}/", webhook.id));
            (url, BreakableUrl(webhook.target.redacted()))
        });
        row
    };
    Ok(AttemptLog {
        rows: attempts.iter().map(row).collect(),
        older: after.map(|after| filter.page_url(&url, Some(after))),
        newest: filter.after.map(|_| filter.page_url(&url, None)),
        searched_until: scanned_until.and_then(end_time).map(|at| texts.time(at)),
        action_types: action_types(page, &filter),
        webhooks: Vec::new(),
        days: state.settings.log_days,
        url,
        filter,
    })
}

/// The concrete action types of the catalogue, and the one that is chosen.
fn action_types(page: &OrganizerPage, filter: &AttemptFilter) -> Vec<String> {
    let names = page
        .organizer
        .catalogue
        .iter()
        .flat_map(|catalogue_entry| catalogue_entry.concrete_names());
    let mut names: Vec<_> = names.map(|name| name.to_string()).collect();
    if !filter.action_type.is_empty() && !names.contains(&filter.action_type) {
        names.push(filter.action_type.clone());
    }
    names
}
