//! The list of tokens, and making one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permission, Permissions, Scope, Token};

use super::permissions::{Tick, covered, ticked, ticks};
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
    active: bool,
}

/// A token just made.
struct Fresh {
    name: String,
    text: String,
}

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct ListTemplate {
    layout: Layout,
    here: String,
    rows: Vec<Row>,
    fresh: Option<Fresh>,
    name: String,
    ticks: Vec<Tick>,
    errors: FormErrors,
}

impl ListTemplate {
    fn new(state: &AppState, page: OrganizerPage, ticked: Permissions) -> Result<Self, PageError> {
        let registry = state.refresh()?;
        let own = tokens::of_organizer(&registry, page.organizer());
        Ok(Self {
            here: page.url("/tokens/"),
            rows: own
                .into_iter()
                .map(|token| row(state, &page, token))
                .collect(),
            fresh: None,
            name: String::new(),
            ticks: ticks(&page, ticked),
            errors: FormErrors::default(),
            layout: page.layout,
        })
    }
}

/// What a new token is offered: what the API gives one, as far as the maker has it.
fn offered(page: &OrganizerPage) -> Permissions {
    let all = Permissions::DEFAULT.iter();
    all.filter(|permission| page.may(*permission)).collect()
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
        active: token.active,
    }
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let offered = offered(&page);
    render(&ListTemplate::new(&state, page, offered)?)
}

/// Makes a token. Its text is on this one page, which is not kept, and nowhere else.
pub(crate) async fn create(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let texts = page.layout.texts;
    let mut errors = FormErrors::default();
    let name = errors.text(texts, &form, "name", MAX_NAME_CHARS);
    let permissions = ticked(&form);
    if !covered(&page, permissions) {
        errors.add("permission", texts.get("token-not-yours"));
    } else if permissions.iter().next().is_none() {
        errors.add("permission", texts.get("token-permission-missing"));
    }
    if !errors.is_empty() {
        let view = ListTemplate {
            name,
            errors,
            ..ListTemplate::new(&state, page, permissions)?
        };
        let mut response = render(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, organizer) = (page.author(), page.organizer());
    let scope = Scope::Organizer(organizer, permissions);
    let made = state
        .change(move |store, now| tokens::create(store, &author, scope, name, now))
        .await??;
    let offered = offered(&page);
    let view = ListTemplate {
        fresh: Some(Fresh {
            name: made.0.name,
            text: made.1,
        }),
        ..ListTemplate::new(&state, page, offered)?
    };
    let mut response = render(&view)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}
