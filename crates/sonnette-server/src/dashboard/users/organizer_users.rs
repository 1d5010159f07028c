//! The users of an organizer: who they are, what they may do, and letting in others.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{AccountEmailKind, Permission, Permissions, User, UserId};

use super::access::{self, LetIn, Tick};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::Posted;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::visitor::{Desk, Origin, Visitor};
use crate::edge::AppState;

struct Row {
    email: String,
    url: String,
    permissions: Vec<String>,
    invited: bool,
}

#[derive(Template)]
#[template(path = "users/organizer_users.html")]
struct UsersPage {
    f: Frame,
    rows: Vec<Row>,
    action: String,
    email: String,
    boxes: Vec<Tick>,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
    /// For whom a link is to be handed over, and the link.
    link: Option<(String, String)>,
}

async fn users_page(state: &AppState, desk: Desk) -> Result<UsersPage, PageError> {
    let organizer = desk.organizer();
    let users = state
        .store(move |store| store.users(Some(organizer)))
        .await?;
    let row = |user: &User| Row {
        email: user.email.to_string(),
        url: desk.url(format_args!("/users/{}/", user.id.0)),
        permissions: access::held(user, organizer)
            .unwrap_or_default()
            .iter()
            .map(|permission| {
                desk.frame
                    .w
                    .t(&format!("permission-{permission}"))
                    .into_owned()
            })
            .collect(),
        invited: !user.has_password,
    };
    Ok(UsersPage {
        rows: users.iter().map(row).collect(),
        action: desk.url("/users/"),
        email: String::new(),
        boxes: access::boxes(&desk, Permissions::DEFAULT),
        error: None,
        link: None,
        f: desk.frame,
    })
}

/// The users, and a form to invite another.
pub(crate) async fn show_users(
    State(state): State<AppState>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    page(&users_page(&state, desk).await?)
}

/// Invites somebody.
pub(crate) async fn invite_user(
    State(state): State<AppState>,
    desk: Desk,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let organizer = desk.organizer();
    let permissions = access::ticked(&posted, &desk.visitor, organizer);
    let Ok(email) = posted.get("email").parse() else {
        let boxes = access::boxes(&desk, permissions);
        let shown = UsersPage {
            email: posted.get("email").to_owned(),
            error: Some("email-wrong"),
            boxes,
            ..users_page(&state, desk).await?
        };
        let mut response = page(&shown)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let language = desk.tenant.organizer.language;
    let wanted = access::only(organizer, permissions);
    let came = access::let_in(&state, &desk.visitor, email, wanted, language).await?;
    told(&state, desk, &origin, came).await
}

/// Says what came of an invitation: on the list, or with a link to hand over.
async fn told(
    state: &AppState,
    desk: Desk,
    origin: &Origin,
    came: LetIn,
) -> Result<Response, PageError> {
    match came {
        LetIn::Known => Ok(flash::go(&desk.url("/users/"), "user-added")),
        LetIn::Invited => Ok(flash::go(&desk.url("/users/"), "user-invited")),
        LetIn::JustInvited => Err(PageError::Conflict("conflict-just-invited")),
        LetIn::ByOperator => Ok(flash::go(&desk.url("/users/"), "user-by-operator")),
        LetIn::Taken => Err(PageError::Conflict("conflict-account-taken")),
        LetIn::ByLink(user, path) => page(&UsersPage {
            link: Some((user.email.to_string(), origin.url(&path))),
            ..users_page(state, desk).await?
        }),
    }
}

#[derive(Template)]
#[template(path = "users/organizer_user.html")]
struct UserPage {
    f: Frame,
    email: String,
    url: String,
    list: String,
    invited: bool,
    /// Whether whoever looks is this user.
    own: bool,
    boxes: Vec<Tick>,
}

/// A user of this organizer, and what they hold there.
async fn user_of(
    state: &AppState,
    desk: &Desk,
    id: UserId,
) -> Result<(User, Permissions), PageError> {
    let found = state.store(move |store| store.user(id)).await?;
    let user = found.ok_or(PageError::NotFound)?;
    let held = access::held(&user, desk.organizer()).ok_or(PageError::NotFound)?;
    Ok((user, held))
}

fn is_own(visitor: &Visitor, id: UserId) -> bool {
    matches!(visitor, Visitor::User(user) if user.id == id)
}

/// One user.
pub(crate) async fn show_user(
    State(state): State<AppState>,
    Path((_, id)): Path<(String, i64)>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let (user, held) = user_of(&state, &desk, UserId(id)).await?;
    page(&UserPage {
        email: user.email.to_string(),
        url: desk.url(format_args!("/users/{id}/")),
        list: desk.url("/users/"),
        invited: !user.has_password,
        own: is_own(&desk.visitor, user.id),
        boxes: access::boxes(&desk, held),
        f: desk.frame,
    })
}

/// Sets what a user may do, takes it all away, or sends the invitation again, as the button says. Nobody locks
/// themselves out.
pub(crate) async fn change_user(
    State(state): State<AppState>,
    Path((_, id)): Path<(String, i64)>,
    desk: Desk,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let organizer = desk.organizer();
    let (user, _) = user_of(&state, &desk, UserId(id)).await?;
    if posted.has("again") && !user.has_password {
        let language = desk.tenant.organizer.language;
        let kind = AccountEmailKind::Invitation;
        let came =
            access::send(&state, &desk.visitor, user, kind, language, Some(organizer)).await?;
        return told(&state, desk, &origin, came).await;
    }
    if is_own(&desk.visitor, user.id) {
        return Err(PageError::Conflict("conflict-own-access"));
    }
    let taken = posted.has("remove");
    let asked = access::ticked(&posted, &desk.visitor, organizer);
    let after = (!taken).then_some(asked);
    access::set(&state, &desk.visitor, user.id, organizer, after).await?;
    let key = if taken {
        "user-removed"
    } else {
        "user-changed"
    };
    Ok(flash::go(&desk.url("/users/"), key))
}
