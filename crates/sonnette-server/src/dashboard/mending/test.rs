//! A webhook tested with the example of an action type.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use sonnette::dialect::{ComposeInput as Publication, compose};
use sonnette::domain::{ActionName, NotificationId};
use sonnette::engine::OrganizerSnapshot;

use super::Crumbs;
use super::at::At;
use super::told::Told;
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::edge::AppState;

/// Which action type is looked at.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    action_type: String,
}

struct Choice {
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "mending/test.html")]
struct TestPage {
    f: Frame,
    crumbs: Crumbs,
    /// Those the webhook hears, concrete.
    own: Vec<Choice>,
    /// All others.
    others: Vec<Choice>,
    /// The body that is sent, but for the number; empty if there is none.
    example: String,
    told: Option<Told>,
    action: String,
    back: String,
}

/// The choice, with the example of what is chosen.
pub(crate) async fn show_test(
    State(state): State<AppState>,
    Query(wanted): Query<Wanted>,
    at: At,
) -> Result<Response, PageError> {
    shown(&state, at, &wanted.action_type, None)
}

/// Sends the test, and tells what came of it; without the button for that, only shows the example of what was chosen.
pub(crate) async fn send_test(
    State(state): State<AppState>,
    at: At,
    posted: Posted,
) -> Result<Response, PageError> {
    let wanted = posted.get("action_type");
    if !posted.has("send") {
        return shown(&state, at, wanted, None);
    }
    let known = at.desk.tenant.catalogue.resolve(wanted).is_some();
    let attempt = state
        .sonnette
        .test(at.webhook.id, known.then_some(wanted))
        .await?;
    let mut told = Told::of(&attempt, at.desk.frame.w);
    told.url = Some(at.url(&format!("attempts/{}/", attempt.id)));
    let name = attempt.action_type.to_string();
    shown(&state, at, &name, Some(told))
}

fn shown(
    state: &AppState,
    at: At,
    wanted: &str,
    told: Option<Told>,
) -> Result<Response, PageError> {
    let catalogue = &at.desk.tenant.catalogue;
    let filters = &at.webhook.action_types;
    let first = || {
        let mut firsts = filters
            .iter()
            .filter_map(|name| catalogue.first_concrete(name.as_str()));
        firsts.next().map(|(name, _)| name)
    };
    let wanted: Option<ActionName> = match catalogue.resolve(wanted) {
        Some(_) => wanted.parse().ok(),
        None => first(),
    };
    let all = catalogue.iter().flat_map(|spec| spec.concrete_names());
    let hears = |name: &ActionName| filters.iter().any(|filter| filter.covers(name.as_str()));
    let (own, others): (Vec<_>, Vec<_>) = all.partition(hears);
    let choice = |name: ActionName| Choice {
        chosen: wanted.as_ref() == Some(&name),
        name: name.to_string(),
    };
    let example = wanted
        .as_ref()
        .and_then(|name| example(&at.desk.tenant, name, state.now()));
    page(&TestPage {
        crumbs: Crumbs::of(&at),
        own: own.into_iter().map(choice).collect(),
        others: others.into_iter().map(choice).collect(),
        example: example.unwrap_or_default(),
        told,
        action: at.url("test/"),
        back: at.url(""),
        f: at.desk.frame,
    })
}

/// The body of an example, laid out for reading.
fn example(tenant: &OrganizerSnapshot, name: &ActionName, now: jiff::Timestamp) -> Option<String> {
    let spec = tenant.catalogue.resolve(name.as_str())?;
    let data = serde_json::value::to_raw_value(&spec.example).ok()?;
    let event = "democon".parse().ok();
    let refused =
        spec.event_requirement(name.as_str()) == sonnette::dialect::EventRequirement::Forbidden;
    let composed = compose(&Publication {
        organizer: &tenant.organizer,
        spec,
        action_type: name,
        event: event.as_ref().filter(|_| !refused),
        data: &data,
        published_at: now,
    });
    let body = composed.ok()?.body.render(NotificationId(1));
    let body: serde_json::Value = serde_json::from_slice(&body).ok()?;
    serde_json::to_string_pretty(&body).ok()
}
