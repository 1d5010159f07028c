//! The page of one action type: its schema, an example, what receivers get, and the webhooks that match.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use sonnette::dialect::{ActionType, EventRequirement};
use sonnette::domain::{DialectName, Notification, Permission, Webhook};

use super::lookup::{find, group_name, url};
use super::schema_keys::{Key, keys};
use crate::admin::action_types;
use crate::dashboard::action_types::labels::{description, label};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::json::{format_text, to_pretty_json};
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::edge::AppState;

struct MatchingWebhook {
    url: String,
    target: String,
    comment: String,
    is_enabled: bool,
    all_events: bool,
}

#[derive(Template)]
#[template(path = "action_types/show.html")]
struct ShowTemplate {
    layout: Layout,
    list: String,
    label: String,
    name: String,
    group: String,
    description: String,
    /// The key of the text that says whether an event is given.
    event_key: &'static str,
    /// The known names that a wildcard covers.
    concrete: Vec<String>,
    /// Whether it was registered, instead of built in.
    is_registered: bool,
    /// The URL below which it is changed, for users who may do that.
    edit_url: Option<String>,
    keys: Option<Vec<Key>>,
    schema: String,
    example: String,
    body: Option<String>,
    curl: Option<String>,
    /// `None` for users who may not see webhooks.
    webhooks: Option<Vec<MatchingWebhook>>,
}

/// Shows the action type.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    origin: RequestOrigin,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let catalogue_entry = find(&page, &name)?;
    let example = {
        // Checking the example may take long.
        let (organizer, name, now) = (page.organizer.clone(), name.clone(), state.now());
        let composed = tokio::task::spawn_blocking(move || {
            let catalogue_entry = action_types::find(&organizer, &name)?;
            organizer.example(catalogue_entry, now)
        });
        composed.await.ok().flatten()
    };
    let may_change = page.has_permission(Permission::Organizer)
        && action_types::find_changeable(&page.author(), &page.organizer, &name).is_ok();
    let mut registered = page.organizer.catalogue.registered();
    let all = catalogue_entry.concrete_names();
    let view = ShowTemplate {
        list: page.url("/action-types/"),
        label: label(page.layout.texts, catalogue_entry),
        name: catalogue_entry.name.to_string(),
        group: group_name(page.layout.texts, catalogue_entry),
        description: description(page.layout.texts, catalogue_entry),
        event_key: event_key(
            catalogue_entry.event_requirement(catalogue_entry.first_concrete().as_str()),
        ),
        concrete: if catalogue_entry.name.is_wildcard() {
            all.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        },
        is_registered: registered.any(|row| row.name == catalogue_entry.name),
        edit_url: may_change.then(|| url(&page, &name)),
        keys: keys(&catalogue_entry.schema),
        schema: to_pretty_json(&catalogue_entry.schema),
        example: to_pretty_json(&catalogue_entry.example),
        curl: example
            .as_ref()
            .map(|example| curl(&origin.base_url, &page, catalogue_entry, example)),
        body: example.map(|example| format_text(&example.body)),
        webhooks: page
            .has_permission(Permission::Webhooks)
            .then(|| matching_webhooks(&page, catalogue_entry)),
        layout: page.layout,
    };
    render(&view)
}

fn event_key(rule: EventRequirement) -> &'static str {
    match rule {
        EventRequirement::Required => "catalogue-event-required",
        EventRequirement::Optional => "catalogue-event-optional",
        EventRequirement::Forbidden => "catalogue-event-refused",
        EventRequirement::DeletedEvent => "catalogue-event-deleted",
    }
}

/// A command that publishes the example. The user has to fill in the token.
fn curl(
    base: &str,
    page: &OrganizerPage,
    catalogue_entry: &ActionType,
    example: &Notification,
) -> String {
    let mut body = json!({ "action_type": example.action_type });
    let rule = catalogue_entry.event_requirement(example.action_type.as_str());
    if let (Some(event), EventRequirement::Required | EventRequirement::DeletedEvent) =
        (&example.event, rule)
    {
        body["event"] = json!(event);
    }
    body["data"] = catalogue_entry.example.clone();
    let quoted = to_pretty_json(&body).replace('\'', r"'\''");
    let slug = &page.organizer.organizer.slug;
    format!(
        "curl --request POST '{base}/api/v1/organizers/{slug}/notifications/' \\\n  \
         --header \"Authorization: Token $SONNETTE_TOKEN\" \\\n  \
         --header 'Content-Type: application/json' \\\n  \
         --data '{quoted}'"
    )
}

fn matching_webhooks(page: &OrganizerPage, catalogue_entry: &ActionType) -> Vec<MatchingWebhook> {
    let webhooks = page.organizer.webhooks.values();
    webhooks
        .filter(|webhook| matches(webhook, catalogue_entry))
        .map(|webhook| MatchingWebhook {
            url: page.url(format_args!("/webhooks/{}/", webhook.id)),
            target: webhook.target.redacted(),
            comment: webhook.comment.clone().unwrap_or_default(),
            is_enabled: webhook.is_enabled(),
            all_events: webhook.events == sonnette::domain::EventFilter::All,
        })
        .collect()
}

/// Whether a webhook gets notifications of the action type. Wildcards of pretix are names of the catalogue.
fn matches(webhook: &Webhook, catalogue_entry: &ActionType) -> bool {
    let mut names = webhook.action_types.iter();
    match catalogue_entry.dialect {
        DialectName::Pretix => names.any(|name| *name == catalogue_entry.name),
        _ => names.any(|name| name.matches(catalogue_entry.name.as_str())),
    }
}

/// The text of a value in a form; empty without a value.
pub(super) fn json_text(value: Option<&Value>) -> String {
    value.map(to_pretty_json).unwrap_or_default()
}
