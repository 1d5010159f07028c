//! The front page: an overview of organizers. Users of a single organizer are redirected to its pages.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sonnette::domain::{
    Attempt, DisableReason, Disablement, OrganizerId, Permission, WebhookId, WebhookState,
};
use sonnette::engine::{LaneStatus, OrganizerSnapshot, RegistrySnapshot};
use url::form_urlencoded;

use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::{OrganizerPage, UserPage};
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::shell::url_text::BreakableUrl;
use crate::dashboard::webhooks::status::{WebhookStatus, diagnosis};
use crate::edge::AppState;

/// Disabled webhooks that are read to find those that need attention.
const MAX_DISABLED_WEBHOOKS: usize = 200;
/// Webhooks of each kind that are listed as needing attention.
const MAX_ATTENTION_ROWS: usize = 25;
const ORGANIZERS_PER_PAGE: usize = 200;
/// How long a webhook that the server disabled needs attention if no delivery is waiting.
const ATTENTION_PERIOD: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A webhook that needs attention.
struct AttentionRow {
    organizer: String,
    target: BreakableUrl,
    url: String,
    status: WebhookStatus,
    since: Option<TimeElement>,
    waiting: u64,
    /// How long the oldest delivery has been waiting.
    oldest: Option<String>,
}

struct Row {
    name: String,
    slug: String,
    url: String,
    webhooks: usize,
    disabled: usize,
    failing: u64,
    waiting: u64,
}

#[derive(Template)]
#[template(path = "organizers/overview.html")]
struct OverviewTemplate {
    layout: Layout,
    attention_rows: Vec<AttentionRow>,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
    /// What the user searches for; empty: everything.
    search: String,
}

/// The query of the page.
#[derive(Deserialize)]
pub(crate) struct OverviewQuery {
    #[serde(default)]
    page: usize,
    /// A part of the name or the slug.
    #[serde(default)]
    q: String,
}

/// Lists the organizers that the user has access to. If there is only one, redirects to its pages.
pub(crate) async fn show_overview(
    State(state): State<AppState>,
    Query(query): Query<OverviewQuery>,
    page: UserPage,
) -> Result<Response, PageError> {
    let mut organizers: Vec<_> = page
        .registry
        .organizers()
        .filter(|organizer| page.current_user.can_view(organizer.organizer.id))
        .collect();
    if let [only] = organizers.as_slice()
        && !page.current_user.is_operator()
    {
        let url = format!("/organizers/{}/", only.organizer.slug);
        return Ok(Redirect::to(&url).into_response());
    }
    let now = state.now();
    let may_see_webhooks = |organizer: &OrganizerSnapshot| {
        page.current_user
            .has_permission(organizer.organizer.id, Permission::Webhooks)
    };
    // All lanes: a limit would be used up by organizers that the user may not see.
    let webhooks = page.registry.organizers().map(|o| o.webhooks.len()).sum();
    let lanes: Vec<_> = state.sonnette.lanes_needing_attention(webhooks).await?;
    let lanes: Vec<_> = lanes
        .into_iter()
        .filter_map(|(id, lane)| Some((id, owner(&page.registry, id)?, lane)))
        .filter(|(_, organizer, _)| may_see_webhooks(organizer))
        .collect();
    let sums = sums_by_organizer(&lanes);
    let sum = |organizer: &OrganizerSnapshot| {
        sums.get(&organizer.organizer.id)
            .copied()
            .unwrap_or_default()
    };
    organizers.sort_by_cached_key(|organizer| {
        let name = organizer.organizer.name.clone();
        (std::cmp::Reverse(sum(organizer)), name)
    });
    let visible = organizers
        .iter()
        .filter(|organizer| may_see_webhooks(organizer));
    let disabled = disabled_by_server(&state, visible, now).await?;
    let attention = lanes
        .into_iter()
        .take(MAX_ATTENTION_ROWS)
        .chain(disabled)
        .collect();
    let search = query.q.trim().to_owned();
    organizers.retain(|organizer| matches_search(organizer, &search));
    let pages = organizers.len().div_ceil(ORGANIZERS_PER_PAGE).max(1);
    let number = query.page.clamp(1, pages);
    let first = (number - 1) * ORGANIZERS_PER_PAGE;
    let shown = organizers.iter().skip(first).take(ORGANIZERS_PER_PAGE);
    render(&OverviewTemplate {
        attention_rows: attention_rows(&state, page.layout.texts, attention, now).await?,
        rows: shown
            .map(|organizer| row(organizer, sum(organizer)))
            .collect(),
        previous: (number > 1).then(|| page_url(number - 1, &search)),
        next: (number < pages).then(|| page_url(number + 1, &search)),
        search,
        layout: page.layout,
    })
}

/// The URL of a page of the organizers that match the search.
fn page_url(number: usize, search: &str) -> String {
    let mut query = form_urlencoded::Serializer::for_suffix(String::from("/?"), 2);
    query.append_pair("page", &number.to_string());
    if !search.is_empty() {
        query.append_pair("q", search);
    }
    query.finish()
}

/// Whether the name or the slug contains the text, in any case.
fn matches_search(snapshot: &OrganizerSnapshot, search: &str) -> bool {
    let (organizer, search) = (&snapshot.organizer, search.to_lowercase());
    organizer.name.to_lowercase().contains(&search)
        || organizer.slug.as_str().to_lowercase().contains(&search)
}

/// For each organizer, the number of failing lanes and of waiting deliveries.
fn sums_by_organizer(
    lanes: &[(WebhookId, Arc<OrganizerSnapshot>, LaneStatus)],
) -> HashMap<OrganizerId, (u64, u64)> {
    let mut sums: HashMap<_, (u64, u64)> = HashMap::new();
    for (_, organizer, lane) in lanes {
        let (failing, waiting) = sums.entry(organizer.organizer.id).or_default();
        *failing += u64::from(lane.health.is_failing());
        *waiting += lane.pending_count;
    }
    sums
}

fn owner(registry: &RegistrySnapshot, webhook: WebhookId) -> Option<Arc<OrganizerSnapshot>> {
    let organizer = registry.webhook(webhook)?.organizer;
    registry.organizer_by_id(organizer)
}

/// Webhooks that the server disabled recently, or that have waiting deliveries; the latest first.
async fn disabled_by_server<'a>(
    state: &AppState,
    organizers: impl Iterator<Item = &'a Arc<OrganizerSnapshot>>,
    now: Timestamp,
) -> Result<Vec<(WebhookId, Arc<OrganizerSnapshot>, LaneStatus)>, PageError> {
    let mut found = Vec::new();
    for organizer in organizers {
        for webhook in organizer.webhooks.values() {
            if let WebhookState::Disabled(Disablement { since, reason }) = webhook.state
                && reason != DisableReason::User
            {
                found.push((since, webhook.id, organizer));
            }
        }
    }
    found.sort_by_key(|(since, id, _)| std::cmp::Reverse((*since, *id)));
    found.truncate(MAX_DISABLED_WEBHOOKS);
    let ids: Vec<_> = found.iter().map(|(_, id, _)| *id).collect();
    let lanes = state.sonnette.lane_statuses(&ids).await?;
    Ok(found
        .into_iter()
        .zip(lanes)
        .filter(|((since, _, _), (_, lane))| {
            lane.pending_count > 0 || *since >= now - ATTENTION_PERIOD
        })
        .map(|((_, id, organizer), (_, lane))| (id, organizer.clone(), lane))
        .take(MAX_ATTENTION_ROWS)
        .collect())
}

/// The rows for webhooks that need attention.
async fn attention_rows(
    state: &AppState,
    texts: &Texts,
    lanes: Vec<(WebhookId, Arc<OrganizerSnapshot>, LaneStatus)>,
    now: Timestamp,
) -> Result<Vec<AttentionRow>, PageError> {
    let ids: Vec<_> = lanes.iter().map(|(id, _, _)| *id).collect();
    let last = state.read(move |store| store.latest_attempts(&ids)).await?;
    let last = |id| last.iter().find(|attempt| attempt.webhook == id);
    Ok(lanes
        .iter()
        .filter_map(|(id, organizer, lane)| {
            attention_row(texts, organizer, (*id, lane, last(*id)), now)
        })
        .collect())
}

fn attention_row(
    texts: &Texts,
    organizer: &OrganizerSnapshot,
    (id, lane, last): (WebhookId, &LaneStatus, Option<&Attempt>),
    now: Timestamp,
) -> Option<AttentionRow> {
    let webhook = organizer.webhooks.get(&id)?;
    let oldest = lane.oldest_pending_at.map(|at| texts.time_between(now, at));
    let since = match &webhook.state {
        WebhookState::Enabled => lane.health.streak.map(|streak| streak.since),
        WebhookState::Disabled(disabled) => Some(disabled.since),
    };
    Some(AttentionRow {
        organizer: organizer.organizer.name.clone(),
        target: BreakableUrl(webhook.target.redacted()),
        url: format!("/organizers/{}/webhooks/{id}/", organizer.organizer.slug),
        status: WebhookStatus::new(&diagnosis(webhook, lane, last, now)),
        since: since.map(|at| texts.time(at)),
        waiting: lane.pending_count,
        oldest,
    })
}

fn row(snapshot: &OrganizerSnapshot, (failing, waiting): (u64, u64)) -> Row {
    let organizer = &snapshot.organizer;
    let enabled = snapshot
        .webhooks
        .values()
        .filter(|webhook| webhook.is_enabled())
        .count();
    Row {
        name: organizer.name.clone(),
        slug: organizer.slug.to_string(),
        url: format!("/organizers/{}/", organizer.slug),
        webhooks: snapshot.webhooks.len(),
        disabled: snapshot.webhooks.len() - enabled,
        failing,
        waiting,
    }
}

/// Redirects to the first page of an organizer that the user may open.
pub(crate) async fn show_first_page(page: OrganizerPage) -> Response {
    let first = page.layout.first_page();
    Redirect::to(first.as_deref().unwrap_or("/")).into_response()
}
