//! The list of tokens, and a form that creates one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permission, Permissions, Scope, Token};

use super::permissions::{PermissionCheckbox, checkboxes, checked, holds_all};
use crate::admin::tokens;
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::time_element::TimeElement;
use crate::edge::AppState;

struct Row {
    url: String,
    id: i64,
    name: String,
    permissions: String,
    created: TimeElement,
    last_used: Option<TimeElement>,
    is_active: bool,
}

/// A token that was just created.
struct NewToken {
    name: String,
    text: String,
}

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct ListTemplate {
    layout: Layout,
    url: String,
    rows: Vec<Row>,
    new_token: Option<NewToken>,
    name: String,
    checkboxes: Vec<PermissionCheckbox>,
    errors: FormErrors,
}

impl ListTemplate {
    async fn load(
        state: &AppState,
        page: OrganizerPage,
        checked: Permissions,
    ) -> Result<Self, PageError> {
        let organizer = page.organizer_id();
        let tokens = state.read(move |store| store.tokens(organizer)).await?;
        Ok(Self {
            url: page.url("/tokens/"),
            rows: tokens
                .iter()
                .map(|token| row(state, &page, token))
                .collect(),
            new_token: None,
            name: String::new(),
            checkboxes: checkboxes(&page, checked),
            errors: FormErrors::default(),
            layout: page.layout,
        })
    }
}

/// The permissions that are checked for a new token: those of the default that the current user holds.
fn default_permissions(page: &OrganizerPage) -> Permissions {
    let all = Permissions::DEFAULT.iter();
    all.filter(|permission| page.has_permission(*permission))
        .collect()
}

fn row(state: &AppState, page: &OrganizerPage, token: &Token) -> Row {
    let texts = page.layout.texts;
    let names: Vec<_> = tokens::permissions_of(token)
        .iter()
        .map(|permission| texts.get(&format!("permission-{permission}")).into_owned())
        .collect();
    Row {
        url: page.url(format_args!("/tokens/{}/", token.id)),
        id: token.id.0,
        name: token.name.clone(),
        permissions: names.join(", "),
        created: TimeElement(token.created),
        last_used: state.last_used(token).map(TimeElement),
        is_active: token.active,
    }
}

/// Lists the tokens.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let default_permissions = default_permissions(&page);
    render(&ListTemplate::load(&state, page, default_permissions).await?)
}

/// Creates a token. Its text is shown on this page only, which is not cached.
pub(crate) async fn create(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let name = errors.text(texts, &form, "name", MAX_NAME_CHARS);
    let permissions = checked(&form);
    if !holds_all(&page, permissions) {
        errors.add("permission", texts.get("token-not-yours"));
    } else if permissions.iter().next().is_none() {
        errors.add("permission", texts.get("token-permission-missing"));
    }
    if !errors.is_empty() {
        let view = ListTemplate {
            name,
            errors,
            ..ListTemplate::load(&state, page, permissions).await?
        };
        let mut response = render(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, organizer) = (page.author(), page.organizer_id());
    let scope = Scope::Organizer(organizer, permissions);
    let (token, text) = state
        .change(move |store, now| tokens::create(store, &author, scope, name, now))
        .await??;
    let default_permissions = default_permissions(&page);
    let view = ListTemplate {
        new_token: Some(NewToken {
            name: token.name,
            text,
        }),
        ..ListTemplate::load(&state, page, default_permissions).await?
    };
    let mut response = render(&view)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}
