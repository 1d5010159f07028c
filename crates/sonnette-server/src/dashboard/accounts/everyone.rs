//! All users of the installation, for operators.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use sonnette::domain::{AccountEmailKind, Permissions, User, UserAccess, UserId};
use sonnette::engine::RegistrySnapshot;
use sonnette::store::ChangeResult;

use super::access::{self, LetIn};
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::{Origin, Visit, Visitor};
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
#[template(path = "accounts/everyone.html")]
struct EveryonePage {
    f: Frame,
    rows: Vec<Row>,
    /// Slug and name of every organizer.
    organizers: Vec<(String, String)>,
    email: String,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
    /// For whom a link is to be handed over, and the link.
    link: Option<(String, String)>,
}

fn need_operator(visit: &Visit) -> Result<(), PageError> {
    if visit.visitor.is_operator() {
        return Ok(());
    }
    Err(PageError::Forbidden {
        lacks: None,
        ask: Vec::new(),
    })
}

fn organizers_of(user: &User, registry: &RegistrySnapshot, page: &str) -> Vec<(String, String)> {
    let UserAccess::Organizers(held) = &user.access else {
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

async fn everyone(state: &AppState, visit: Visit) -> Result<EveryonePage, PageError> {
    let users = state.store(|store| store.users(None)).await?;
    let registry = &visit.registry;
    let row = |user: &User| Row {
        email: user.email.to_string(),
        url: format!("/users/{}/", user.id.0),
        operator: user.access == UserAccess::Operator,
        organizers: organizers_of(user, registry, "/users/"),
        invited: !user.has_password,
    };
    let mut organizers: Vec<_> = registry
        .organizers()
        .map(|tenant| {
            (
                tenant.organizer.slug.to_string(),
                tenant.organizer.name.clone(),
            )
        })
        .collect();
    organizers.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(EveryonePage {
        rows: users.iter().map(row).collect(),
        organizers,
        email: String::new(),
        error: None,
        link: None,
        f: visit.frame,
    })
}

/// The users, and a form to invite another.
pub(crate) async fn show_everyone(
    State(state): State<AppState>,
    visit: Visit,
) -> Result<Response, PageError> {
    need_operator(&visit)?;
    page(&everyone(&state, visit).await?)
}

/// Invites an operator, or somebody to an organizer with the permissions of a new token.
pub(crate) async fn invite_anyone(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    need_operator(&visit)?;
    let slug = posted.get("organizer");
    let tenant = visit.registry.organizer(slug);
    let wanted = match &tenant {
        Some(tenant) => access::only(tenant.organizer.id, Permissions::DEFAULT),
        None if slug == "*" => UserAccess::Operator,
        None => return Err(PageError::NotFound),
    };
    let language = tenant.map_or(visit.frame.w.language(), |tenant| tenant.organizer.language);
    let Ok(email) = posted.get("email").parse() else {
        let mut response = page(&EveryonePage {
            email: posted.get("email").to_owned(),
            error: Some("email-wrong"),
            ..everyone(&state, visit).await?
        })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let came = access::let_in(&state, &visit.visitor, email, wanted, language).await?;
    told(&state, visit, &origin, came).await
}

async fn told(
    state: &AppState,
    visit: Visit,
    origin: &Origin,
    came: LetIn,
) -> Result<Response, PageError> {
    match came {
        LetIn::Known => Ok(said::go("/users/", "user-added")),
        LetIn::Invited => Ok(said::go("/users/", "user-invited")),
        LetIn::JustInvited => Err(PageError::Conflict("conflict-just-invited")),
        LetIn::ByOperator => Ok(said::go("/users/", "user-by-operator")),
        LetIn::Taken => Err(PageError::Conflict("conflict-account-taken")),
        LetIn::ByLink(user, path) => page(&EveryonePage {
            link: Some((user.email.to_string(), origin.url(&path))),
            ..everyone(state, visit).await?
        }),
    }
}

#[derive(Template)]
#[template(path = "accounts/anyone.html")]
struct AnyonePage {
    f: Frame,
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

fn is_own(visitor: &Visitor, user: &User) -> bool {
    matches!(visitor, Visitor::User(own) if own.id == user.id)
}

/// One user.
pub(crate) async fn show_anyone(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    visit: Visit,
) -> Result<Response, PageError> {
    need_operator(&visit)?;
    let user = user_of(&state, id).await?;
    page(&AnyonePage {
        email: user.email.to_string(),
        url: format!("/users/{id}/"),
        operator: user.access == UserAccess::Operator,
        organizers: organizers_of(&user, &visit.registry, &format!("/users/{id}/")),
        invited: !user.has_password,
        own: is_own(&visit.visitor, &user),
        f: visit.frame,
    })
}

/// Removes a user, or sends them a link for a password, as the button says.
pub(crate) async fn change_anyone(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    visit: Visit,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    need_operator(&visit)?;
    let user = user_of(&state, id).await?;
    if posted.has("again") {
        let kind = if user.has_password {
            AccountEmailKind::Reset
        } else {
            AccountEmailKind::Invitation
        };
        let language = visit.frame.w.language();
        let came = access::send(&state, &visit.visitor, user, kind, language, None).await?;
        return told(&state, visit, &origin, came).await;
    }
    if is_own(&visit.visitor, &user) {
        return Err(PageError::Conflict("conflict-own-access"));
    }
    let note = visit.visitor.note(
        "sonnette.user.removed",
        json!({"user": id, "email": user.email.as_str()}),
        state.now(),
    );
    let id = user.id;
    let removed = state
        .store(move |store| store.remove_user(id, note))
        .await?;
    match removed {
        ChangeResult::Done(_) => Ok(said::go("/users/", "user-removed")),
        _ => Err(PageError::NotFound),
    }
}
