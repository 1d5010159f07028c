//! Tests a webhook with the example of an action type.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use sonnette::dialect::{CheckBudget, ComposeInput as Publication, compose};
use sonnette::domain::{ActionTypeName, NotificationId};
use sonnette::engine::OrganizerSnapshot;

use super::test_result::TestResult;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::webhooks::page::{Breadcrumbs, WebhookPage};
use crate::edge::AppState;

/// Which action type is looked page.
#[derive(Deserialize)]
pub(crate) struct TestQuery {
    #[serde(default)]
    action_type: String,
}

struct Choice {
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "webhooks/actions/test.html")]
struct TestTemplate {
    layout: Layout,
    breadcrumbs: Breadcrumbs,
    /// Concrete action types that are sent to the webhook.
    matching: Vec<Choice>,
    others: Vec<Choice>,
    /// The body of the request, with the number 1; empty if there is none.
    example: String,
    result: Option<TestResult>,
    action: String,
    back: String,
}

/// Shows the choice of action types and the example of the chosen one.
pub(crate) async fn show_test(
    State(state): State<AppState>,
    Query(query): Query<TestQuery>,
    page: WebhookPage,
) -> Result<Response, PageError> {
    show(&state, page, &query.action_type, None).await
}

/// Sends the test and shows its result. If the button for that was not pressed, only shows the example.
pub(crate) async fn send_test(
    State(state): State<AppState>,
    page: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    let action_type = form.get("action_type");
    if !form.contains("send") {
        return show(&state, page, action_type, None).await;
    }
    let is_known = page
        .organizer_page
        .organizer
        .catalogue
        .resolve(action_type)
        .is_some();
    let attempt = state
        .sonnette
        .test(page.webhook.id, is_known.then_some(action_type))
        .await?;
    let mut result = TestResult::new(&attempt, page.organizer_page.layout.texts);
    result.url = Some(page.url(&format!("attempts/{}/", attempt.id)));
    let name = attempt.action_type.to_string();
    show(&state, page, &name, Some(result)).await
}

async fn show(
    state: &AppState,
    page: WebhookPage,
    action_type: &str,
    result: Option<TestResult>,
) -> Result<Response, PageError> {
    let catalogue = &page.organizer_page.organizer.catalogue;
    let filters = &page.webhook.action_types;
    let first = || {
        let mut names = filters
            .iter()
            .filter_map(|name| catalogue.first_concrete(name.as_str()));
        names.next().map(|(name, _)| name)
    };
    let action_type: Option<ActionTypeName> = match catalogue.resolve(action_type) {
        Some(_) => action_type.parse().ok(),
        None => first(),
    };
    let all = catalogue
        .iter()
        .flat_map(|catalogue_entry| catalogue_entry.concrete_names());
    let matches =
        |name: &ActionTypeName| filters.iter().any(|filter| filter.matches(name.as_str()));
    let (matching, others): (Vec<_>, Vec<_>) = all.partition(matches);
    let choice = |name: ActionTypeName| Choice {
        is_chosen: action_type.as_ref() == Some(&name),
        name: name.to_string(),
    };
    let example = match action_type.clone() {
        None => None,
        Some(name) => {
            let (organizer, now) = (page.organizer_page.organizer.clone(), state.now());
            // Checking the example may take long.
            let composed = tokio::task::spawn_blocking(move || example(&organizer, &name, now));
            composed.await.ok().flatten()
        }
    };
    render(&TestTemplate {
        breadcrumbs: Breadcrumbs::new(&page),
        matching: matching.into_iter().map(choice).collect(),
        others: others.into_iter().map(choice).collect(),
        example: example.unwrap_or_default(),
        result,
        action: page.url("test/"),
        back: page.url(""),
        layout: page.organizer_page.layout,
    })
}

/// The formatted body for an example.
fn example(
    organizer: &OrganizerSnapshot,
    name: &ActionTypeName,
    now: jiff::Timestamp,
) -> Option<String> {
    let catalogue_entry = organizer.catalogue.resolve(name.as_str())?;
    let data = serde_json::value::to_raw_value(&catalogue_entry.example).ok()?;
    let event = "democon".parse().ok();
    let refuses_event = catalogue_entry.event_requirement(name.as_str())
        == sonnette::dialect::EventRequirement::Forbidden;
    let composed = compose(&Publication {
        organizer: &organizer.organizer,
        catalogue_entry,
        action_type: name,
        event: event.as_ref().filter(|_| !refuses_event),
        data: &data,
        published_at: now,
        budget: &CheckBudget::full(Arc::default()),
    });
    let body = composed.ok()?.body.render(NotificationId(1));
    let body: serde_json::Value = serde_json::from_slice(&body).ok()?;
    serde_json::to_string_pretty(&body).ok()
}
