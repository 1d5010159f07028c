//! Who changed what.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use sonnette::domain::{Permission, UserId, WebhookId};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::AuditEntry;

use super::error::PageError;
use super::frame::{Frame, Who, page};
use super::json::written;
use super::visitor::{Desk, Visitor};
use super::when::When;
use super::words::Words;
use crate::edge::AppState;

const PAGE_SIZE: usize = 50;

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    page: Option<String>,
}

struct Row {
    at: When,
    actor: String,
    action: String,
    /// What it was about, if the data names it.
    about: Option<String>,
    data: Option<String>,
}

#[derive(Template)]
#[template(path = "organizer/audit.html")]
struct AuditPage {
    f: Frame,
    rows: Vec<Row>,
    newer: Option<String>,
    older: Option<String>,
}

/// The page.
pub(super) async fn show(
    State(state): State<AppState>,
    desk: Desk,
    Query(asked): Query<Asked>,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    if let Visitor::Portal { .. } = desk.visitor {
        // Who works here is nothing for a platform's customers.
        return Err(PageError::NotFound);
    }
    let number: Option<u16> = asked.page.and_then(|text| text.parse().ok());
    let number = usize::from(number.unwrap_or(1).max(1));
    let skip = (number - 1) * PAGE_SIZE;
    let organizer = desk.organizer();
    let (count, entries, users) = state
        .store(move |store| {
            let (count, entries) = store.audit_entries(organizer, skip, PAGE_SIZE)?;
            Ok((count, entries, store.users(None)?))
        })
        .await?;
    let users = users
        .into_iter()
        .map(|user| (user.id, user.email.to_string()));
    let names = Names {
        w: desk.frame.w,
        users: users.collect(),
        registry: &*state.refresh().await?,
    };
    let link = |number: usize| desk.url(format_args!("/audit/?page={number}"));
    let more = skip + PAGE_SIZE < count;
    page(&AuditPage {
        rows: entries.iter().map(|entry| names.row(entry)).collect(),
        newer: (number > 1).then(|| link(number - 1)),
        older: more.then(|| link(number + 1)),
        f: desk.frame,
    })
}

/// What ids are called.
struct Names<'a> {
    w: &'static Words,
    users: HashMap<UserId, String>,
    registry: &'a RegistrySnapshot,
}

impl Names<'_> {
    fn row(&self, entry: &AuditEntry) -> Row {
        let empty = entry
            .data
            .as_object()
            .is_some_and(serde_json::Map::is_empty);
        Row {
            at: When(entry.at),
            actor: self.actor(&entry.actor.0, entry.actor.1),
            action: self.action(word(entry)),
            about: self.about(entry),
            data: (!empty && !entry.data.is_null()).then(|| written(&entry.data)),
        }
    }

    fn actor(&self, kind: &str, id: Option<i64>) -> String {
        let id = id.unwrap_or_default();
        match kind {
            "user" => match self.users.get(&UserId(id)) {
                Some(email) => email.clone(),
                None => self.w.t("audit-user-gone").into_owned(),
            },
            "token" => {
                let token = self.registry.tokens().find(|token| token.id.0 == id);
                match token.map(|token| token.name.as_str()) {
                    Some(name) if !name.is_empty() => self.w.a("audit-token-named", name),
                    _ => self.w.a("audit-token", id),
                }
            }
            "command_line" => self.w.t("audit-command-line").into_owned(),
            "server" => self.w.t("audit-server").into_owned(),
            other => other.to_owned(),
        }
    }

    /// In words, as far as we have some.
    fn action(&self, action: &str) -> String {
        let key = format!("audit-action-{}", action.replace(['.', '_'], "-"));
        let words = self.w.t(&key);
        if words == key {
            action.to_owned()
        } else {
            words.into_owned()
        }
    }

    /// What an entry is about: what its data names; of a webhook, where it calls, and its number.
    fn about(&self, entry: &AuditEntry) -> Option<String> {
        let number = |member| entry.data.get(member).and_then(Value::as_i64);
        let id = number("webhook").or_else(|| number("id"));
        let named = named(&entry.data);
        if !entry.action.contains(".webhook.") {
            return named.or_else(|| Some(format!("#{}", id?)));
        }
        let target = named.or_else(|| {
            let webhook = self.registry.webhook(WebhookId(id?))?;
            Some(webhook.target.redacted())
        });
        match (target, id) {
            (Some(target), Some(id)) => Some(format!("{target} (#{id})")),
            (target, id) => target.or_else(|| Some(format!("#{}", id?))),
        }
    }
}

/// What was done: a webhook that was switched on or off was changed in no other way that matters as much.
fn word(entry: &AuditEntry) -> &str {
    if entry.action != "pretix.webhook.changed" {
        return &entry.action;
    }
    let fields = entry.data.as_object().map_or(0, serde_json::Map::len);
    match entry.data.get("enabled").and_then(Value::as_bool) {
        Some(false) => "switched-off",
        Some(true) if fields == 2 => "switched-on",
        _ => &entry.action,
    }
}

/// The name in an entry's data.
fn named(data: &Value) -> Option<String> {
    let members = ["action_type", "slug", "email", "target_url", "name"];
    let said = |member| data.get(member).and_then(Value::as_str);
    let mut names = members.into_iter().filter_map(said);
    names.find(|name| !name.is_empty()).map(str::to_owned)
}
