//! All users of the installation, for operators.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use sonnette::domain::{Access, AccountEmailKind, Permissions, User, UserId};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::ChangeResult;

use super::access::{self, LetIn};
use crate::dashboard::shell::current_user::CurrentUser;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::UserPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::edge::AppState;

struct Row {
    email: String,
    url: String,
    operator: bool,
    /// Name and address of what is open to them.
    organizers: Vec<(String, String)>,
    invited: bool,
}

#[derive(Template)]
#[template(path = "users/server_users.html")]
struct EveryoneTemplate {
    layout: Layout,
    rows: Vec<Row>,
    /// Slug and name of every organizer.
    organizers: Vec<(String, String)>,
    email: String,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
    /// For whom a link is to be handed over, and the link.
    link: Option<(String, String)>,
}

fn need_operator(page: &UserPage) -> Result<(), PageError> {
    if page.current_user.is_operator() {
        return Ok(());
    }
    Err(PageError::Forbidden {
        permission: None,
        contacts: Vec::new(),
    })
}

fn organizers_of(user: &User, registry: &RegistrySnapshot, page: &str) -> Vec<(String, String)> {
    let Access::Organizers(held) = &user.access else {
        return Vec::new();
    };
    held.keys()
        .filter_map(|id| registry.organizer_by_id(*id))
        .map(|tenant| {
            let organizer = &tenant.organizer;
            (
                organizer.name.clone(),
                format!("/organizers/{}{page}", organizer.slug),
            )
        })
        .collect()
}

async fn everyone(state: &AppState, page: UserPage) -> Result<EveryoneTemplate, PageError> {
    let users = state.store(|store| store.users(None)).await?;
    let registry = &page.registry;
    let row = |user: &User| Row {
        email: user.email.to_string(),
        url: format!("/users/{}/", user.id.0),
        operator: user.access == Access::Operator,
        organizers: organizers_of(user, registry, "/users/"),
        invited: !user.has_password,
    };
    let mut organizers: Vec<_> = registry
        .tenants()
        .map(|tenant| {
            (
                tenant.organizer.slug.to_string(),
                tenant.organizer.name.clone(),
            )
        })
        .collect();
    organizers.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(EveryoneTemplate {
        rows: users.iter().map(row).collect(),
        organizers,
        email: String::new(),
        error: None,
        link: None,
        layout: page.layout,
    })
}

/// The users, and a form to invite another.
pub(crate) async fn show_everyone(
    State(state): State<AppState>,
    page: UserPage,
) -> Result<Response, PageError> {
    need_operator(&page)?;
    render(&everyone(&state, page).await?)
}

/// Invites an operator, or somebody to an organizer with the permissions of a new token.
pub(crate) async fn invite_anyone(
    State(state): State<AppState>,
    page: UserPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    need_operator(&page)?;
    let slug = form.get("organizer");
    let tenant = page.registry.tenant(slug);
    let wanted = match tenant {
        Some(tenant) => access::only(tenant.organizer.id, Permissions::DEFAULT),
        None if slug == "*" => Access::Operator,
        None => return Err(PageError::NotFound),
    };
    let language = tenant.map_or(page.layout.texts.language(), |tenant| {
        tenant.organizer.language
    });
    let Ok(email) = form.get("email").parse() else {
        let mut response = render(&EveryoneTemplate {
            email: form.get("email").to_owned(),
            error: Some("email-invalid"),
            ..everyone(&state, page).await?
        })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let came = access::let_in(&state, &page.current_user, email, wanted, language).await?;
    told(&state, page, &origin, came).await
}

async fn told(
    state: &AppState,
    page: UserPage,
    origin: &RequestOrigin,
    came: LetIn,
) -> Result<Response, PageError> {
    match came {
        LetIn::Known => Ok(flash::redirect("/users/", "user-added")),
        LetIn::Invited => Ok(flash::redirect("/users/", "user-invited")),
        LetIn::JustInvited => Err(PageError::Conflict("conflict-just-invited")),
        LetIn::ByOperator => Ok(flash::redirect("/users/", "user-by-operator")),
        LetIn::Taken => Err(PageError::Conflict("conflict-account-taken")),
        LetIn::ByLink(user, path) => render(&EveryoneTemplate {
            link: Some((user.email.to_string(), origin.url(&path))),
            ..everyone(state, page).await?
        }),
    }
}

#[derive(Template)]
#[template(path = "users/server_user.html")]
struct AnyoneTemplate {
    layout: Layout,
    email: String,
    url: String,
    operator: bool,
    organizers: Vec<(String, String)>,
    invited: bool,
    own: bool,
}

async fn user_of(state: &AppState, id: i64) -> Result<User, PageError> {
    let found = state.store(move |store| store.user(UserId(id))).await?;
    found.ok_or(PageError::NotFound)
}

fn is_own(current_user: &CurrentUser, user: &User) -> bool {
    matches!(current_user, CurrentUser::User(own) if own.id == user.id)
}

/// One user.
pub(crate) async fn show_anyone(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    page: UserPage,
) -> Result<Response, PageError> {
    need_operator(&page)?;
    let user = user_of(&state, id).await?;
    render(&AnyoneTemplate {
        email: user.email.to_string(),
        url: format!("/users/{id}/"),
        operator: user.access == Access::Operator,
        organizers: organizers_of(&user, &page.registry, &format!("/users/{id}/")),
        invited: !user.has_password,
        own: is_own(&page.current_user, &user),
        layout: page.layout,
    })
}

/// Removes a user, or sends them a link for a password, as the button says.
pub(crate) async fn change_anyone(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    page: UserPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    need_operator(&page)?;
    let user = user_of(&state, id).await?;
    if form.contains("again") {
        let kind = if user.has_password {
            AccountEmailKind::Reset
        } else {
            AccountEmailKind::Invitation
        };
        let language = page.layout.texts.language();
        let came = access::send(&state, &page.current_user, user, kind, language, None).await?;
        return told(&state, page, &origin, came).await;
    }
    if is_own(&page.current_user, &user) {
        return Err(PageError::Conflict("conflict-own-access"));
    }
    let note = page.current_user.note(
        "sonnette.user.removed",
        json!({"user": id, "email": user.email.as_str()}),
        state.now(),
    );
    let id = user.id;
    let removed = state
        .store(move |store| store.remove_user(id, note))
        .await?;
    match removed {
        ChangeResult::Done(_) => Ok(flash::redirect("/users/", "user-removed")),
        _ => Err(PageError::NotFound),
    }
}
