//! One action type: what is published, what is sent of it, and who listens.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use sonnette::dialect::{ActionSpec, EventRule};
use sonnette::domain::{DialectName, Notification, Permission, Webhook};

use super::lookup::{group, spec, url};
use super::schema_keys::{Key, keys};
use crate::admin::action_types;
use crate::dashboard::action_types::labels::{description, label};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::json::{format_text, to_pretty_json};
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::edge::AppState;

struct Listener {
    url: String,
    target: String,
    comment: String,
    enabled: bool,
    all_events: bool,
}

#[derive(Template)]
#[template(path = "action_types/show.html")]
struct OneTemplate {
    layout: Layout,
    list: String,
    label: String,
    name: String,
    group: String,
    description: String,
    /// The key of whether an event is named.
    event: &'static str,
    /// What a wildcard is known to stand for.
    concrete: Vec<String>,
    /// Whether somebody registered it.
    registered: bool,
    /// Where it is changed, by those who may.
    own: Option<String>,
    keys: Option<Vec<Key>>,
    schema: String,
    example: String,
    body: Option<String>,
    curl: Option<String>,
    /// None: they may not know.
    listeners: Option<Vec<Listener>>,
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    origin: RequestOrigin,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let spec = spec(&page, &name)?;
    let example = page.tenant.example(spec, state.now());
    let may_change = page.may(Permission::Organizer)
        && action_types::find_changeable(&page.author(), &page.tenant, &name).is_ok();
    let mut registered = page.tenant.registered.iter();
    let all = spec.concrete_names();
    let view = OneTemplate {
        list: page.url("/action-types/"),
        label: label(page.layout.texts, spec),
        name: spec.name.to_string(),
        group: group(page.layout.texts, spec),
        description: description(page.layout.texts, spec),
        event: event_words(spec.event_rule(spec.first_concrete().as_str())),
        concrete: if spec.name.is_wildcard() {
            all.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        },
        registered: registered.any(|row| row.name == spec.name),
        own: may_change.then(|| url(&page, &name)),
        keys: keys(&spec.schema),
        schema: to_pretty_json(&spec.schema),
        example: to_pretty_json(&spec.example),
        curl: example
            .as_ref()
            .map(|example| curl(&origin.base_url, &page, spec, example)),
        body: example.map(|example| format_text(&example.body)),
        listeners: page
            .may(Permission::Webhooks)
            .then(|| listeners(&page, spec)),
        layout: page.layout,
    };
    render(&view)
}

fn event_words(rule: EventRule) -> &'static str {
    match rule {
        EventRule::Required => "catalogue-event-required",
        EventRule::Optional => "catalogue-event-optional",
        EventRule::Refused => "catalogue-event-refused",
        EventRule::Deleted => "catalogue-event-deleted",
    }
}

/// A command that publishes the example; the token is for the reader to fill in.
fn curl(base: &str, page: &OrganizerPage, spec: &ActionSpec, example: &Notification) -> String {
    let mut body = json!({ "action_type": example.action_type });
    let rule = spec.event_rule(example.action_type.as_str());
    if let (Some(event), EventRule::Required | EventRule::Deleted) = (&example.event, rule) {
        body["event"] = json!(event);
    }
    body["data"] = spec.example.clone();
    let quoted = to_pretty_json(&body).replace('\'', r"'\''");
    let slug = &page.tenant.organizer.slug;
    format!(
        "curl --request POST '{base}/api/v1/organizers/{slug}/notifications/' \\\n  \
         --header \"Authorization: Token $SONNETTE_TOKEN\" \\\n  \
         --header 'Content-Type: application/json' \\\n  \
         --data '{quoted}'"
    )
}

fn listeners(page: &OrganizerPage, spec: &ActionSpec) -> Vec<Listener> {
    let webhooks = page.tenant.webhooks.values();
    webhooks
        .filter(|webhook| hears(webhook, spec))
        .map(|webhook| Listener {
            url: page.url(format_args!("/webhooks/{}/", webhook.id)),
            target: webhook.target.redacted(),
            comment: webhook.comment.clone().unwrap_or_default(),
            enabled: webhook.is_enabled(),
            all_events: webhook.events == sonnette::domain::EventFilter::All,
        })
        .collect()
}

/// Of pretix's names exactly those registered are heard; of others also what a wildcard covers.
fn hears(webhook: &Webhook, spec: &ActionSpec) -> bool {
    let mut heard = webhook.action_types.iter();
    match spec.dialect {
        DialectName::Pretix => heard.any(|name| *name == spec.name),
        _ => heard.any(|name| name.covers(spec.name.as_str())),
    }
}

/// Whether a value is there at all: for forms.
pub(super) fn text_of(value: Option<&Value>) -> String {
    value.map(to_pretty_json).unwrap_or_default()
}
