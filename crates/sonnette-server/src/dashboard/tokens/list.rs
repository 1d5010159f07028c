//! The list of tokens, and making one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Permission, Permissions, Scope, Token};

use super::{Tick, covered, ticked, ticks};
use crate::admin::tokens;
use crate::admin::validation::MAX_NAME_CHARS;
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::visitor::Desk;
use crate::dashboard::when::When;
use crate::edge::AppState;

struct Row {
    url: String,
    id: i64,
    name: String,
    permissions: String,
    created: When,
    last_used: Option<When>,
    active: bool,
}

/// A token just made.
struct Fresh {
    name: String,
    text: String,
}

#[derive(Template)]
#[template(path = "tokens/list.html")]
struct ListPage {
    f: Frame,
    here: String,
    rows: Vec<Row>,
    fresh: Option<Fresh>,
    name: String,
    ticks: Vec<Tick>,
    faults: Faults,
}

impl ListPage {
    async fn new(state: &AppState, desk: Desk, ticked: Permissions) -> Result<Self, PageError> {
        let registry = state.refresh().await?;
        let own = tokens::of_organizer(&registry, desk.organizer());
        Ok(Self {
            here: desk.url("/tokens/"),
            rows: own
                .into_iter()
                .map(|token| row(state, &desk, token))
                .collect(),
            fresh: None,
            name: String::new(),
            ticks: ticks(&desk, ticked),
            faults: Faults::default(),
            f: desk.frame,
        })
    }
}

/// What a new token is offered: what the API gives one, as far as the maker has it.
fn offered(desk: &Desk) -> Permissions {
    let all = Permissions::DEFAULT.iter();
    all.filter(|permission| desk.may(*permission)).collect()
}

fn row(state: &AppState, desk: &Desk, token: &Token) -> Row {
    let w = desk.frame.w;
    let names: Vec<_> = tokens::permissions_of(token)
        .iter()
        .map(|permission| w.t(&format!("permission-{permission}")).into_owned())
        .collect();
    Row {
        url: desk.url(format_args!("/tokens/{}/", token.id)),
        id: token.id.0,
        name: token.name.clone(),
        permissions: names.join(", "),
        created: When(token.created),
        last_used: state.last_used(token).map(When),
        active: token.active,
    }
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let offered = offered(&desk);
    page(&ListPage::new(&state, desk, offered).await?)
}

/// Makes a token. Its text is on this one page, which is not kept, and nowhere else.
pub(in crate::dashboard) async fn create(
    State(state): State<AppState>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let w = desk.frame.w;
    let mut faults = Faults::default();
    let name = faults.text(w, &posted, "name", MAX_NAME_CHARS);
    let permissions = ticked(&posted);
    if !covered(&desk, permissions) {
        faults.add("permission", w.t("token-not-yours"));
    } else if permissions.iter().next().is_none() {
        faults.add("permission", w.t("token-may-nothing"));
    }
    if !faults.is_empty() {
        let view = ListPage {
            name,
            faults,
            ..ListPage::new(&state, desk, permissions).await?
        };
        let mut response = page(&view)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, organizer) = (desk.author(), desk.organizer());
    let scope = Scope::Organizer(organizer, permissions);
    let made = state
        .change(move |store, now| tokens::create(store, &author, scope, name, now))
        .await??;
    let offered = offered(&desk);
    let view = ListPage {
        fresh: Some(Fresh {
            name: made.0.name,
            text: made.1,
        }),
        ..ListPage::new(&state, desk, offered).await?
    };
    let mut response = page(&view)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}
