//! The front page: to the organizer whose pages somebody may open, or an overview of several, the worst lanes first.

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

use super::address::Address;
use super::error::PageError;
use super::frame::{Frame, Who, page};
use super::visitor::{Desk, Visit};
use super::webhooks::standing::{Standing, diagnosis};
use super::when::When;
use super::words::Words;
use crate::edge::AppState;

/// Lanes that are looked at to find the worst, and organizers on a page.
const LANES: usize = 200;
const SHOWN: usize = 25;
const SIZE: usize = 200;
/// For how long a webhook that was switched off on its own needs attention even if nothing waits for it.
const FRESH: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A webhook that somebody should look at.
struct Trouble {
    organizer: String,
    target: Address,
    url: String,
    standing: Standing,
    since: Option<When>,
    waiting: u64,
    /// How long the oldest of them has waited.
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
#[template(path = "overview.html")]
struct OverviewPage {
    f: Frame,
    troubles: Vec<Trouble>,
    rows: Vec<Row>,
    previous: Option<String>,
    next: Option<String>,
}

/// Which page of organizers.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    page: usize,
}

/// The organizers somebody has to do with; if it is one, its pages.
pub(super) async fn show_overview(
    State(state): State<AppState>,
    Query(asked): Query<Asked>,
    visit: Visit,
) -> Result<Response, PageError> {
    let mut tenants: Vec<_> = visit
        .registry
        .organizers()
        .filter(|tenant| visit.visitor.reaches(tenant.organizer.id))
        .collect();
    if let [only] = tenants.as_slice()
        && !visit.visitor.is_operator()
    {
        let url = format!("/organizers/{}/", only.organizer.slug);
        return Ok(Redirect::to(&url).into_response());
    }
    let now = state.now();
    let mine =
        |tenant: &OrganizerSnapshot| visit.visitor.may(tenant.organizer.id, Permission::Webhooks);
    let lanes: Vec<_> = state.sonnette.lanes_needing_attention(LANES).await?;
    let lanes: Vec<_> = lanes
        .into_iter()
        .filter_map(|(id, lane)| Some((id, owner(&visit.registry, id)?, lane)))
        .filter(|(_, tenant, _)| mine(tenant))
        .collect();
    let mut sums: HashMap<OrganizerId, (u64, u64)> = HashMap::new();
    for (_, tenant, lane) in &lanes {
        let (failing, waiting) = sums.entry(tenant.organizer.id).or_default();
        *failing += u64::from(lane.health.is_failing());
        *waiting += lane.backlog;
    }
    let sum =
        |tenant: &OrganizerSnapshot| sums.get(&tenant.organizer.id).copied().unwrap_or_default();
    tenants.sort_by(|one, other| {
        let rank = |tenant: &OrganizerSnapshot| {
            (
                sum(tenant),
                std::cmp::Reverse(tenant.organizer.name.clone()),
            )
        };
        rank(other).cmp(&rank(one))
    });
    let own = tenants.iter().filter(|tenant| mine(tenant));
    let off = switched_off(&state, own, now).await?;
    let worst = lanes.into_iter().take(SHOWN).chain(off).collect();
    let pages = tenants.len().div_ceil(SIZE).max(1);
    let number = asked.page.clamp(1, pages);
    let shown = tenants.iter().skip((number - 1) * SIZE).take(SIZE);
    let link = |number: usize| format!("/?page={number}");
    page(&OverviewPage {
        troubles: troubles(&state, visit.frame.w, worst, now).await?,
        rows: shown.map(|tenant| row(tenant, sum(tenant))).collect(),
        previous: (number > 1).then(|| link(number - 1)),
        next: (number < pages).then(|| link(number + 1)),
        f: visit.frame,
    })
}

fn owner(registry: &RegistrySnapshot, webhook: WebhookId) -> Option<Arc<OrganizerSnapshot>> {
    let organizer = registry.webhook(webhook)?.organizer;
    registry.organizer_by_id(organizer)
}

/// What the server switched off a short time ago, or while something waits for it: the newest first.
async fn switched_off<'a>(
    state: &AppState,
    tenants: impl Iterator<Item = &'a Arc<OrganizerSnapshot>>,
    now: Timestamp,
) -> Result<Vec<(WebhookId, Arc<OrganizerSnapshot>, LaneStatus)>, PageError> {
    let mut found = Vec::new();
    for tenant in tenants {
        for webhook in tenant.webhooks.values() {
            if let WebhookState::Disabled(Disablement { since, reason }) = webhook.state
                && reason != DisableReason::User
            {
                found.push((since, webhook.id, tenant));
            }
        }
    }
    found.sort_by_key(|(since, id, _)| std::cmp::Reverse((*since, *id)));
    found.truncate(LANES);
    let ids: Vec<_> = found.iter().map(|(_, id, _)| *id).collect();
    let lanes = state.sonnette.lane_statuses(&ids).await?;
    Ok(found
        .into_iter()
        .zip(lanes)
        .filter(|((since, _, _), (_, lane))| lane.backlog > 0 || *since >= now - FRESH)
        .map(|((_, id, tenant), (_, lane))| (id, tenant.clone(), lane))
        .take(SHOWN)
        .collect())
}

/// What somebody should look at, as the page shows it.
async fn troubles(
    state: &AppState,
    w: &Words,
    worst: Vec<(WebhookId, Arc<OrganizerSnapshot>, LaneStatus)>,
    now: Timestamp,
) -> Result<Vec<Trouble>, PageError> {
    let ids: Vec<_> = worst.iter().map(|(id, _, _)| *id).collect();
    let last = state
        .store(move |store| store.latest_attempts(&ids))
        .await?;
    let last = |id| last.iter().find(|attempt| attempt.webhook == id);
    Ok(worst
        .iter()
        .filter_map(|(id, tenant, lane)| trouble(w, tenant, (*id, lane, last(*id)), now))
        .collect())
}

fn trouble(
    w: &Words,
    tenant: &OrganizerSnapshot,
    (id, lane, last): (WebhookId, &LaneStatus, Option<&Attempt>),
    now: Timestamp,
) -> Option<Trouble> {
    let webhook = tenant.webhooks.get(&id)?;
    let oldest = lane.oldest_waiting.map(|at| w.span(now, at));
    let since = match &webhook.state {
        WebhookState::Enabled => lane.health.streak.map(|streak| streak.since),
        WebhookState::Disabled(disabled) => Some(disabled.since),
    };
    Some(Trouble {
        organizer: tenant.organizer.name.clone(),
        target: Address(webhook.target.redacted()),
        url: format!("/organizers/{}/webhooks/{id}/", tenant.organizer.slug),
        standing: Standing::of(&diagnosis(webhook, lane, last, now)),
        since: since.map(|at| w.when(at)),
        waiting: lane.backlog,
        oldest,
    })
}

fn row(tenant: &OrganizerSnapshot, (failing, waiting): (u64, u64)) -> Row {
    let organizer = &tenant.organizer;
    let enabled = tenant.webhooks.values().filter(|w| w.is_enabled()).count();
    Row {
        name: organizer.name.clone(),
        slug: organizer.slug.to_string(),
        url: format!("/organizers/{}/", organizer.slug),
        webhooks: tenant.webhooks.len(),
        disabled: tenant.webhooks.len() - enabled,
        failing,
        waiting,
    }
}

/// To the first of an organizer's pages that somebody may open.
pub(super) async fn show_first_page(desk: Desk) -> Response {
    let first = desk.frame.first_page();
    Redirect::to(first.as_deref().unwrap_or("/")).into_response()
}
