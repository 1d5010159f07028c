//! The list of audit entries.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use sonnette::domain::{Permission, TokenId, UserId, WebhookId};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::{AuditEntry, Store, StoreError};

use crate::dashboard::shell::current_user::CurrentUser;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::json::to_pretty_json;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::TimeElement;
use crate::edge::AppState;

const ROWS_PER_PAGE: usize = 50;

#[derive(Deserialize)]
pub(crate) struct AuditQuery {
    #[serde(default)]
    page: Option<String>,
}

struct Row {
    at: TimeElement,
    actor: String,
    action: String,
    /// What was changed, if the data names it.
    about: Option<String>,
    data: Option<String>,
}

#[derive(Template)]
#[template(path = "audit/list.html")]
struct ListTemplate {
    layout: Layout,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// Lists the entries.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
    Query(query): Query<AuditQuery>,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    if let CurrentUser::Portal { .. } = page.current_user {
        // Customers of a platform do not see who works for the organizer.
        return Err(PageError::NotFound);
    }
    let number: Option<u16> = query.page.and_then(|text| text.parse().ok());
    let number = usize::from(number.unwrap_or(1).max(1));
    let skip = (number - 1) * ROWS_PER_PAGE;
    let organizer = page.organizer_id();
    let (count, entries, actor_names) = state
        .read(move |store| {
            let (count, entries) = store.audit_entries(organizer, skip, ROWS_PER_PAGE)?;
            let names = actor_names(store, &entries)?;
            Ok((count, entries, names))
        })
        .await?;
    let row_texts = RowFormatter {
        texts: page.layout.texts,
        actor_names,
        registry: &*state.refresh().await?,
    };
    let link = |number: usize| page.url(format_args!("/audit/?page={number}"));
    let has_more = skip + ROWS_PER_PAGE < count;
    render(&ListTemplate {
        rows: entries.iter().map(|entry| row_texts.row(entry)).collect(),
        newer: (number > 1).then(|| link(number - 1)),
        older: has_more.then(|| link(number + 1)),
        layout: page.layout,
    })
}

/// The user or the token that made a change, as in [`AuditEntry::actor`].
type ActorKey = (String, Option<i64>);

/// The email addresses of the users and the names of the tokens that made these changes.
fn actor_names(
    store: &dyn Store,
    entries: &[AuditEntry],
) -> Result<HashMap<ActorKey, String>, StoreError> {
    let mut names = HashMap::new();
    for AuditEntry { actor, .. } in entries {
        if names.contains_key(actor) {
            continue;
        }
        let name = match actor {
            (kind, Some(id)) if kind == "user" => {
                let user = store.user(UserId(*id))?;
                user.map(|user| user.email.to_string())
            }
            (kind, Some(id)) if kind == "token" => {
                let token = store.token(TokenId(*id))?;
                token.map(|token| token.name)
            }
            _ => None,
        };
        names.extend(name.map(|name| (actor.clone(), name)));
    }
    Ok(names)
}

/// What the texts of a row depend on.
struct RowFormatter<'a> {
    texts: &'static Texts,
    actor_names: HashMap<ActorKey, String>,
    registry: &'a RegistrySnapshot,
}

impl RowFormatter<'_> {
    fn row(&self, entry: &AuditEntry) -> Row {
        let is_empty = entry
            .data
            .as_object()
            .is_some_and(serde_json::Map::is_empty);
        Row {
            at: TimeElement(entry.at),
            actor: self.actor(&entry.actor),
            action: self.action(action_word(entry)),
            about: self.about(entry),
            data: (!is_empty && !entry.data.is_null()).then(|| to_pretty_json(&entry.data)),
        }
    }

    fn actor(&self, actor: &ActorKey) -> String {
        let name = self.actor_names.get(actor).map(String::as_str);
        match actor.0.as_str() {
            "user" => match name {
                Some(email) => email.to_owned(),
                None => self.texts.get("audit-user-gone").into_owned(),
            },
            "token" => match name {
                Some(name) if !name.is_empty() => self.texts.get_with("audit-token-named", name),
                _ => {
                    let id = actor.1.unwrap_or_default();
                    self.texts.get_with("audit-token", id)
                }
            },
            "command_line" => self.texts.get("audit-command-line").into_owned(),
            "server" => self.texts.get("audit-server").into_owned(),
            other => other.to_owned(),
        }
    }

    /// The text of an action, or its name if there is no text.
    fn action(&self, action: &str) -> String {
        let key = format!("audit-action-{}", action.replace(['.', '_'], "-"));
        let text = self.texts.get(&key);
        if text == key {
            action.to_owned()
        } else {
            text.into_owned()
        }
    }

    /// What an entry is about: the name in its data; for a webhook, its target and id.
    fn about(&self, entry: &AuditEntry) -> Option<String> {
        let number = |member| entry.data.get(member).and_then(Value::as_i64);
        let id = number("webhook").or_else(|| number("id"));
        let name = subject_name(&entry.data);
        if !entry.action.contains(".webhook.") {
            return name.or_else(|| Some(format!("#{}", id?)));
        }
        let target = name.or_else(|| {
            let webhook = self.registry.webhook(WebhookId(id?))?;
            Some(webhook.target.redacted())
        });
        match (target, id) {
            (Some(target), Some(id)) => Some(format!("{target} (#{id})")),
            (target, id) => target.or_else(|| Some(format!("#{}", id?))),
        }
    }
}

/// The word of an action. Enabling or disabling a webhook is more important than its other changes.
fn action_word(entry: &AuditEntry) -> &str {
    if entry.action != "pretix.webhook.changed" {
        return &entry.action;
    }
    let fields = entry.data.as_object().map_or(0, serde_json::Map::len);
    match entry.data.get("enabled").and_then(Value::as_bool) {
        Some(false) => "disabled",
        Some(true) if fields == 2 => "enabled",
        _ => &entry.action,
    }
}

/// The name in the data of an entry.
fn subject_name(data: &Value) -> Option<String> {
    let members = ["action_type", "slug", "email", "target_url", "name"];
    let text = |member| data.get(member).and_then(Value::as_str);
    let mut names = members.into_iter().filter_map(text);
    names.find(|name| !name.is_empty()).map(str::to_owned)
}
