//! One action type: what is published, what is sent of it, and who listens.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};
use sonnette::dialect::{ActionType, EventRequirement};
use sonnette::domain::{DialectName, Notification, Permission, Webhook};

use super::keys::{Key, keys};
use super::{group, spec, url};
use crate::admin::action_types;
use crate::dashboard::action_words::{about, label};
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::json::{pretty, written};
use crate::dashboard::visitor::{Desk, Origin};
use crate::edge::AppState;

struct Listener {
    url: String,
    target: String,
    comment: String,
    enabled: bool,
    all_events: bool,
}

#[derive(Template)]
#[template(path = "catalogue/one.html")]
struct OnePage {
    f: Frame,
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
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    origin: Origin,
    Path((_, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let spec = spec(&desk, &name)?;
    let example = desk.tenant.example(spec, state.now());
    let may_change = desk.may(Permission::Organizer)
        && action_types::own(&desk.author(), &desk.tenant, &name).is_ok();
    let mut registered = desk.tenant.catalogue.registered();
    let all = spec.concrete_names();
    let view = OnePage {
        list: desk.url("/action-types/"),
        label: label(desk.frame.w, spec),
        name: spec.name.to_string(),
        group: group(desk.frame.w, spec),
        description: about(desk.frame.w, spec),
        event: event_words(spec.event_requirement(spec.first_concrete().as_str())),
        concrete: if spec.name.is_wildcard() {
            all.iter().map(ToString::to_string).collect()
        } else {
            Vec::new()
        },
        registered: registered.any(|row| row.name == spec.name),
        own: may_change.then(|| url(&desk, &name)),
        keys: keys(&spec.schema),
        schema: written(&spec.schema),
        example: written(&spec.example),
        curl: example
            .as_ref()
            .map(|example| curl(&origin.base, &desk, spec, example)),
        body: example.map(|example| pretty(&example.body)),
        listeners: desk
            .may(Permission::Webhooks)
            .then(|| listeners(&desk, spec)),
        f: desk.frame,
    };
    page(&view)
}

fn event_words(rule: EventRequirement) -> &'static str {
    match rule {
        EventRequirement::Required => "catalogue-event-required",
        EventRequirement::Optional => "catalogue-event-optional",
        EventRequirement::Forbidden => "catalogue-event-refused",
        EventRequirement::DeletedEvent => "catalogue-event-deleted",
    }
}

/// A command that publishes the example; the token is for the reader to fill in.
fn curl(base: &str, desk: &Desk, spec: &ActionType, example: &Notification) -> String {
    let mut body = json!({ "action_type": example.action_type });
    let rule = spec.event_requirement(example.action_type.as_str());
    if let (Some(event), EventRequirement::Required | EventRequirement::DeletedEvent) =
        (&example.event, rule)
    {
        body["event"] = json!(event);
    }
    body["data"] = spec.example.clone();
    let quoted = written(&body).replace('\'', r"'\''");
    let slug = &desk.tenant.organizer.slug;
    format!(
        "curl --request POST '{base}/api/v1/organizers/{slug}/notifications/' \\\n  \
         --header \"Authorization: Token $SONNETTE_TOKEN\" \\\n  \
         --header 'Content-Type: application/json' \\\n  \
         --data '{quoted}'"
    )
}

fn listeners(desk: &Desk, spec: &ActionType) -> Vec<Listener> {
    let webhooks = desk.tenant.webhooks.values();
    webhooks
        .filter(|webhook| hears(webhook, spec))
        .map(|webhook| Listener {
            url: desk.url(format_args!("/webhooks/{}/", webhook.id)),
            target: webhook.target.redacted(),
            comment: webhook.comment.clone().unwrap_or_default(),
            enabled: webhook.is_enabled(),
            all_events: webhook.events == sonnette::domain::EventFilter::All,
        })
        .collect()
}

/// Of pretix's names exactly those registered are heard; of others also what a wildcard covers.
fn hears(webhook: &Webhook, spec: &ActionType) -> bool {
    let mut heard = webhook.action_types.iter();
    match spec.dialect {
        DialectName::Pretix => heard.any(|name| *name == spec.name),
        _ => heard.any(|name| name.covers(spec.name.as_str())),
    }
}

/// Whether a value is there at all: for forms.
pub(super) fn text_of(value: Option<&Value>) -> String {
    value.map(written).unwrap_or_default()
}
