//! All users of the server, for operators.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{AccountEmailKind, Permissions, User, UserAccess, UserId};
use sonnette::engine::RegistrySnapshot;

use crate::admin::users::{self, AccountEmailRequest, Invitation, InvitationResult, LinkChannel};
use crate::credentials::password_link;
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
    is_operator: bool,
    /// Names and URLs of the organizers that they have access to.
    organizers: Vec<(String, String)>,
    is_invited: bool,
}

#[derive(Template)]
#[template(path = "users/server_users.html")]
struct UsersTemplate {
    layout: Layout,
    rows: Vec<Row>,
    /// Slugs and names of all organizers.
    organizers: Vec<(String, String)>,
    email: String,
    /// The key of the error message for the e-mail address.
    error: Option<&'static str>,
    /// The address of a user and the link that the operator passes on to them.
    link: Option<(String, String)>,
}

impl UsersTemplate {
    async fn load(state: &AppState, page: UserPage) -> Result<Self, PageError> {
        let users = state.read(|store| store.users(None)).await?;
        let registry = &page.registry;
        let row = |user: &User| Row {
            email: user.email.to_string(),
            url: format!("/users/{}/", user.id.0),
            is_operator: user.access == UserAccess::Operator,
            organizers: organizer_links(user, registry, "/users/"),
            is_invited: !user.has_password,
        };
        let mut organizers: Vec<_> = registry
            .organizers()
            .map(|snapshot| {
                let organizer = &snapshot.organizer;
                (organizer.slug.to_string(), organizer.name.clone())
            })
            .collect();
        organizers.sort_by(|one, other| one.1.cmp(&other.1));
        Ok(Self {
            rows: users.iter().map(row).collect(),
            organizers,
            email: String::new(),
            error: None,
            link: None,
            layout: page.layout,
        })
    }
}

fn require_operator(page: &UserPage) -> Result<(), PageError> {
    if page.current_user.is_operator() {
        return Ok(());
    }
    Err(PageError::Forbidden {
        permission: None,
        contacts: Vec::new(),
    })
}

/// Names of the organizers that a user has access to, and the URLs of a page of each.
fn organizer_links(user: &User, registry: &RegistrySnapshot, path: &str) -> Vec<(String, String)> {
    let UserAccess::Organizers(held) = &user.access else {
        return Vec::new();
    };
    held.keys()
        .filter_map(|id| registry.organizer_by_id(*id))
        .map(|snapshot| {
            let organizer = &snapshot.organizer;
            let url = format!("/organizers/{}{path}", organizer.slug);
            (organizer.name.clone(), url)
        })
        .collect()
}

/// Lists the users, with a form that invites another.
pub(crate) async fn show_users(
    State(state): State<AppState>,
    page: UserPage,
) -> Result<Response, PageError> {
    require_operator(&page)?;
    render(&UsersTemplate::load(&state, page).await?)
}

/// Invites an operator, or a user to an organizer with the default permissions.
pub(crate) async fn invite_user(
    State(state): State<AppState>,
    page: UserPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    require_operator(&page)?;
    let slug = form.get("organizer");
    let organizer = page.registry.organizer(slug);
    let access = match &organizer {
        Some(organizer) => {
            UserAccess::Organizers([(organizer.organizer.id, Permissions::DEFAULT)].into())
        }
        None if slug == "*" => UserAccess::Operator,
        None => return Err(PageError::NotFound),
    };
    let language = organizer.map_or(page.layout.texts.language(), |organizer| {
        organizer.organizer.language
    });
    let Ok(email) = form.get("email").parse() else {
        let mut response = render(&UsersTemplate {
            email: form.get("email").to_owned(),
            error: Some("email-invalid"),
            ..UsersTemplate::load(&state, page).await?
        })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let invitation = Invitation {
        email,
        access,
        language,
    };
    let (author, can_send_email) = (
        page.current_user.operator_author(),
        state.settings.has_mail_server,
    );
    let result = state
        .change(move |store, now| users::invite(store, &author, invitation, can_send_email, now))
        .await??;
    match result {
        InvitationResult::Extended => Ok(flash::redirect("/users/", "user-added")),
        InvitationResult::Taken => Err(PageError::Conflict("conflict-account-taken")),
        InvitationResult::Sent(channel) => show_link(&state, page, &origin, channel).await,
    }
}

/// Shows how a link is delivered: in a flash message, or with the link itself.
async fn show_link(
    state: &AppState,
    page: UserPage,
    origin: &RequestOrigin,
    channel: LinkChannel,
) -> Result<Response, PageError> {
    match channel {
        LinkChannel::Email => Ok(flash::redirect("/users/", "user-invited")),
        LinkChannel::Throttled => Err(PageError::Conflict("conflict-just-invited")),
        LinkChannel::NeedsOperator => Ok(flash::redirect("/users/", "user-by-operator")),
        LinkChannel::Link { user, secret } => render(&UsersTemplate {
            link: Some((
                user.email.to_string(),
                password_link(&origin.url("/"), &secret),
            )),
            ..UsersTemplate::load(state, page).await?
        }),
    }
}

#[derive(Template)]
#[template(path = "users/server_user.html")]
struct UserTemplate {
    layout: Layout,
    email: String,
    url: String,
    is_operator: bool,
    organizers: Vec<(String, String)>,
    is_invited: bool,
    /// Whether it is the current user.
    is_self: bool,
}

async fn load_user(state: &AppState, id: i64) -> Result<User, PageError> {
    let found = state.read(move |store| store.user(UserId(id))).await?;
    found.ok_or(PageError::NotFound)
}

fn is_self(page: &UserPage, user: &User) -> bool {
    matches!(&page.current_user, CurrentUser::User(current) if current.id == user.id)
}

/// Shows a user.
pub(crate) async fn show_user(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    page: UserPage,
) -> Result<Response, PageError> {
    require_operator(&page)?;
    let user = load_user(&state, id).await?;
    render(&UserTemplate {
        email: user.email.to_string(),
        url: format!("/users/{id}/"),
        is_operator: user.access == UserAccess::Operator,
        organizers: organizer_links(&user, &page.registry, &format!("/users/{id}/")),
        is_invited: !user.has_password,
        is_self: is_self(&page, &user),
        layout: page.layout,
    })
}

/// Removes a user, or sends them a link to choose a password, depending on the button.
pub(crate) async fn change_user(
    State(state): State<AppState>,
    Path(id): Path<i64>,
    page: UserPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    require_operator(&page)?;
    let user = load_user(&state, id).await?;
    let author = page.current_user.operator_author();
    if form.contains("again") {
        let email = AccountEmailRequest {
            kind: if user.has_password {
                AccountEmailKind::Reset
            } else {
                AccountEmailKind::Invitation
            },
            language: page.layout.texts.language(),
            organizer: None,
        };
        let can_send_email = state.settings.has_mail_server;
        let delivery = state
            .change(move |store, now| {
                users::send_link(store, &author, user, &email, can_send_email, now)
            })
            .await??;
        return show_link(&state, page, &origin, delivery).await;
    }
    if is_self(&page, &user) {
        return Err(PageError::Conflict("conflict-own-access"));
    }
    state
        .change(move |store, now| users::remove(store, &author, &user, now))
        .await??;
    Ok(flash::redirect("/users/", "user-removed"))
}
