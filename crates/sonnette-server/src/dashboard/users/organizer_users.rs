//! The users of an organizer: who they are, what they may do, and letting in others.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{AccountEmailKind, Permission, Permissions, User, UserId};

use super::access::{self, LetIn, Tick};
use crate::dashboard::shell::current_user::CurrentUser;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::edge::AppState;

struct Row {
    email: String,
    url: String,
    permissions: Vec<String>,
    invited: bool,
}

#[derive(Template)]
#[template(path = "users/organizer_users.html")]
struct UsersTemplate {
    layout: Layout,
    rows: Vec<Row>,
    action: String,
    email: String,
    boxes: Vec<Tick>,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
    /// For whom a link is to be handed over, and the link.
    link: Option<(String, String)>,
}

async fn users_page(state: &AppState, page: OrganizerPage) -> Result<UsersTemplate, PageError> {
    let organizer = page.organizer();
    let users = state
        .store(move |store| store.users(Some(organizer)))
        .await?;
    let row = |user: &User| Row {
        email: user.email.to_string(),
        url: page.url(format_args!("/users/{}/", user.id.0)),
        permissions: access::held(user, organizer)
            .unwrap_or_default()
            .iter()
            .map(|permission| {
                page.layout
                    .texts
                    .get(&format!("permission-{permission}"))
                    .into_owned()
            })
            .collect(),
        invited: !user.has_password,
    };
    Ok(UsersTemplate {
        rows: users.iter().map(row).collect(),
        action: page.url("/users/"),
        email: String::new(),
        boxes: access::boxes(&page, Permissions::DEFAULT),
        error: None,
        link: None,
        layout: page.layout,
    })
}

/// The users, and a form to invite another.
pub(crate) async fn show_users(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    render(&users_page(&state, page).await?)
}

/// Invites somebody.
pub(crate) async fn invite_user(
    State(state): State<AppState>,
    page: OrganizerPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let organizer = page.organizer();
    let permissions = access::ticked(&form, &page.current_user, organizer);
    let Ok(email) = form.get("email").parse() else {
        let boxes = access::boxes(&page, permissions);
        let shown = UsersTemplate {
            email: form.get("email").to_owned(),
            error: Some("email-invalid"),
            boxes,
            ..users_page(&state, page).await?
        };
        let mut response = render(&shown)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let language = page.tenant.organizer.language;
    let wanted = access::only(organizer, permissions);
    let came = access::let_in(&state, &page.current_user, email, wanted, language).await?;
    told(&state, page, &origin, came).await
}

/// Says what came of an invitation: on the list, or with a link to hand over.
async fn told(
    state: &AppState,
    page: OrganizerPage,
    origin: &RequestOrigin,
    came: LetIn,
) -> Result<Response, PageError> {
    match came {
        LetIn::Known => Ok(flash::redirect(&page.url("/users/"), "user-added")),
        LetIn::Invited => Ok(flash::redirect(&page.url("/users/"), "user-invited")),
        LetIn::JustInvited => Err(PageError::Conflict("conflict-just-invited")),
        LetIn::ByOperator => Ok(flash::redirect(&page.url("/users/"), "user-by-operator")),
        LetIn::Taken => Err(PageError::Conflict("conflict-account-taken")),
        LetIn::ByLink(user, path) => render(&UsersTemplate {
            link: Some((user.email.to_string(), origin.url(&path))),
            ..users_page(state, page).await?
        }),
    }
}

#[derive(Template)]
#[template(path = "users/organizer_user.html")]
struct UserTemplate {
    layout: Layout,
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
    page: &OrganizerPage,
    id: UserId,
) -> Result<(User, Permissions), PageError> {
    let found = state.store(move |store| store.user(id)).await?;
    let user = found.ok_or(PageError::NotFound)?;
    let held = access::held(&user, page.organizer()).ok_or(PageError::NotFound)?;
    Ok((user, held))
}

fn is_own(current_user: &CurrentUser, id: UserId) -> bool {
    matches!(current_user, CurrentUser::User(user) if user.id == id)
}

/// One user.
pub(crate) async fn show_user(
    State(state): State<AppState>,
    Path((_, id)): Path<(String, i64)>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let (user, held) = user_of(&state, &page, UserId(id)).await?;
    render(&UserTemplate {
        email: user.email.to_string(),
        url: page.url(format_args!("/users/{id}/")),
        list: page.url("/users/"),
        invited: !user.has_password,
        own: is_own(&page.current_user, user.id),
        boxes: access::boxes(&page, held),
        layout: page.layout,
    })
}

/// Sets what a user may do, takes it all away, or sends the invitation again, as the button says. Nobody locks
/// themselves out.
pub(crate) async fn change_user(
    State(state): State<AppState>,
    Path((_, id)): Path<(String, i64)>,
    page: OrganizerPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let organizer = page.organizer();
    let (user, _) = user_of(&state, &page, UserId(id)).await?;
    if form.contains("again") && !user.has_password {
        let language = page.tenant.organizer.language;
        let kind = AccountEmailKind::Invitation;
        let came = access::send(
            &state,
            &page.current_user,
            user,
            kind,
            language,
            Some(organizer),
        )
        .await?;
        return told(&state, page, &origin, came).await;
    }
    if is_own(&page.current_user, user.id) {
        return Err(PageError::Conflict("conflict-own-access"));
    }
    let taken = form.contains("remove");
    let asked = access::ticked(&form, &page.current_user, organizer);
    let after = (!taken).then_some(asked);
    access::set(&state, &page.current_user, user.id, organizer, after).await?;
    let key = if taken {
        "user-removed"
    } else {
        "user-changed"
    };
    Ok(flash::redirect(&page.url("/users/"), key))
}
