//! The users of an organizer: their permissions, and invitations.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{AccountEmailKind, Permission, Permissions, User, UserAccess, UserId};

use super::permissions::{PermissionCheckbox, checkboxes, checked};
use crate::admin::error::AdminError;
use crate::admin::users::{self, AccountEmailRequest, Invitation, InvitationResult, LinkChannel};
use crate::credentials::password_link;
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
    is_invited: bool,
}

#[derive(Template)]
#[template(path = "users/organizer_users.html")]
struct UsersTemplate {
    layout: Layout,
    rows: Vec<Row>,
    action: String,
    email: String,
    checkboxes: Vec<PermissionCheckbox>,
    /// The key of the error message for the e-mail address.
    error: Option<&'static str>,
    /// The address of a user and the link that the operator passes on to them.
    link: Option<(String, String)>,
}

impl UsersTemplate {
    async fn load(state: &AppState, page: OrganizerPage) -> Result<Self, PageError> {
        let organizer = page.organizer_id();
        let users = state
            .read(move |store| store.users(Some(organizer)))
            .await?;
        Ok(Self {
            rows: users.iter().map(|user| row(&page, user)).collect(),
            action: page.url("/users/"),
            email: String::new(),
            checkboxes: checkboxes(&page, grantable_defaults(&page)),
            error: None,
            link: None,
            layout: page.layout,
        })
    }
}

/// What a new user gets unless it is changed: users grant only permissions that they hold.
fn grantable_defaults(page: &OrganizerPage) -> Permissions {
    let defaults = Permissions::DEFAULT;
    let held = defaults
        .iter()
        .filter(|permission| page.has_permission(*permission));
    held.collect()
}

fn row(page: &OrganizerPage, user: &User) -> Row {
    let held = users::permissions_of(user, page.organizer_id()).unwrap_or_default();
    let texts = page.layout.texts;
    Row {
        email: user.email.to_string(),
        url: page.url(format_args!("/users/{}/", user.id.0)),
        permissions: held
            .iter()
            .map(|permission| texts.get(&format!("permission-{permission}")).into_owned())
            .collect(),
        is_invited: !user.has_password,
    }
}

/// Lists the users, with a form that invites another.
pub(crate) async fn show_users(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    render(&UsersTemplate::load(&state, page).await?)
}

/// Invites a user.
pub(crate) async fn invite_user(
    State(state): State<AppState>,
    page: OrganizerPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let permissions = checked(&form, &page);
    let Ok(email) = form.get("email").parse() else {
        let checkboxes = checkboxes(&page, permissions);
        let mut response = render(&UsersTemplate {
            email: form.get("email").to_owned(),
            error: Some("email-invalid"),
            checkboxes,
            ..UsersTemplate::load(&state, page).await?
        })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let invitation = Invitation {
        email,
        access: UserAccess::Organizers([(page.organizer_id(), permissions)].into()),
        language: page.organizer.organizer.language,
    };
    let (author, can_send_email) = (page.author(), state.settings.has_mail_server);
    let result = state
        .change(move |store, now| users::invite(store, &author, invitation, can_send_email, now))
        .await??;
    match result {
        InvitationResult::Extended => Ok(flash::redirect(&page.url("/users/"), "user-added")),
        InvitationResult::Taken => Err(PageError::Conflict("conflict-account-taken")),
        InvitationResult::Sent(channel) => show_link(&state, page, &origin, channel).await,
    }
}

/// Shows how a link is delivered: in a flash message, or with the link itself.
async fn show_link(
    state: &AppState,
    page: OrganizerPage,
    origin: &RequestOrigin,
    channel: LinkChannel,
) -> Result<Response, PageError> {
    match channel {
        LinkChannel::Email => Ok(flash::redirect(&page.url("/users/"), "user-invited")),
        LinkChannel::Throttled => Err(PageError::Conflict("conflict-just-invited")),
        LinkChannel::NeedsOperator => Ok(flash::redirect(&page.url("/users/"), "user-by-operator")),
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
#[template(path = "users/organizer_user.html")]
struct UserTemplate {
    layout: Layout,
    email: String,
    url: String,
    list: String,
    is_invited: bool,
    /// Whether it is the current user.
    is_self: bool,
    checkboxes: Vec<PermissionCheckbox>,
}

/// A user of the organizer, and their permissions there.
async fn load_user(
    state: &AppState,
    page: &OrganizerPage,
    id: UserId,
) -> Result<(User, Permissions), PageError> {
    let found = state.read(move |store| store.user(id)).await?;
    let user = found.ok_or(PageError::NotFound)?;
    let held = users::permissions_of(&user, page.organizer_id()).ok_or(PageError::NotFound)?;
    Ok((user, held))
}

fn is_self(page: &OrganizerPage, id: UserId) -> bool {
    matches!(&page.current_user, CurrentUser::User(user) if user.id == id)
}

/// Shows a user.
pub(crate) async fn show_user(
    State(state): State<AppState>,
    Path((_, id)): Path<(String, i64)>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let (user, held) = load_user(&state, &page, UserId(id)).await?;
    render(&UserTemplate {
        email: user.email.to_string(),
        url: page.url(format_args!("/users/{id}/")),
        list: page.url("/users/"),
        is_invited: !user.has_password,
        is_self: is_self(&page, user.id),
        checkboxes: checkboxes(&page, held),
        layout: page.layout,
    })
}

/// Sets or removes the permissions of a user, or sends the invitation again, depending on the button. Users cannot change
/// their own permissions.
pub(crate) async fn change_user(
    State(state): State<AppState>,
    Path((_, id)): Path<(String, i64)>,
    page: OrganizerPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let organizer = page.organizer_id();
    let (user, _) = load_user(&state, &page, UserId(id)).await?;
    let author = page.author();
    if form.contains("again") && !user.has_password {
        let email = AccountEmailRequest {
            kind: AccountEmailKind::Invitation,
            language: page.organizer.organizer.language,
            organizer: Some(organizer),
        };
        let can_send_email = state.settings.has_mail_server;
        let delivery = state
            .change(move |store, now| {
                users::send_link(store, &author, user, &email, can_send_email, now)
            })
            .await??;
        return show_link(&state, page, &origin, delivery).await;
    }
    if is_self(&page, user.id) {
        return Err(PageError::Conflict("conflict-own-access"));
    }
    let is_removed = form.contains("remove");
    let permissions = (!is_removed).then(|| checked(&form, &page));
    let set = state
        .change(move |store, now| {
            users::set_permissions(store, &author, user.id, (organizer, permissions), now)
        })
        .await?;
    match set {
        Ok(()) => {}
        Err(AdminError::Forbidden) => return Err(PageError::Conflict("conflict-more-than-own")),
        Err(error) => return Err(error.into()),
    }
    let key = if is_removed {
        "user-removed"
    } else {
        "user-changed"
    };
    Ok(flash::redirect(&page.url("/users/"), key))
}
