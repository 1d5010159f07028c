//! Choosing a password by a link, which invited users and users who forgot their password get by e-mail.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use cookie::Cookie;
use http::StatusCode;
use jiff::Timestamp;
use sonnette::domain::{
    AccessLinkPurpose, AccountEmailKind, EmailAddress, Language, SessionOwner, SessionTokenHash,
    User, UserId,
};
use sonnette::store::Store;

use super::verification::hash;
use crate::admin::users;
use crate::credentials::{check_password, token_hash};
use crate::dashboard::shell::cookies;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::GuestPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::dashboard::shell::session::start_session;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "accounts/forgot.html")]
struct ForgotTemplate {
    layout: Layout,
    /// Whether the server can send e-mail.
    can_send_email: bool,
    /// Whether the form was submitted.
    is_submitted: bool,
    email: String,
}

/// Asks for the e-mail address of a user who forgot the password.
pub(crate) async fn show_request_reset(
    State(state): State<AppState>,
    page: GuestPage,
) -> Result<Response, PageError> {
    let response = render(&ForgotTemplate {
        layout: page.layout,
        can_send_email: state.settings.has_mail_server,
        is_submitted: false,
        email: String::new(),
    })?;
    Ok(cookies::set(response, page.cookie))
}

/// Queues an e-mail for the user with this address. The response is the same if there is no such user.
pub(crate) async fn request_reset(
    State(state): State<AppState>,
    page: GuestPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    let (now, language) = (state.now(), page.layout.texts.language());
    let is_allowed = || {
        state
            .throttles
            .account_emails
            .record_attempt(&origin.network, now)
            .is_ok()
    };
    if let Ok(email) = form.get("email").parse::<EmailAddress>()
        && state.settings.has_mail_server
        && is_allowed()
    {
        // The response does not wait for the store: its time would tell whether there is such a user.
        let store = state.sonnette.store().clone();
        tokio::task::spawn_blocking(move || queue_reset(&*store, &email, language, now));
    }
    render(&ForgotTemplate {
        layout: page.layout,
        can_send_email: state.settings.has_mail_server,
        is_submitted: true,
        email: form.get("email").to_owned(),
    })
}

fn queue_reset(store: &dyn Store, email: &EmailAddress, language: Language, now: Timestamp) {
    let queued = store.user_by_email(email).and_then(|found| match found {
        Some((user, _)) => {
            store.enqueue_account_email(user.id, AccountEmailKind::Reset, language, None, now)
        }
        None => Ok(false),
    });
    if let Err(error) = queued {
        tracing::warn!(%error, "an e-mail for a forgotten password could not be queued: {error}");
    }
}

#[derive(Template)]
#[template(path = "accounts/password.html")]
struct PasswordTemplate {
    layout: Layout,
    /// The user's address; `None` if the link has expired.
    email: Option<String>,
    /// The key of the error message.
    error: Option<&'static str>,
}

/// The user of a link; `None` if the link has expired.
async fn link_user(state: &AppState, secret: &str) -> Result<Option<User>, PageError> {
    let (hash, now) = (token_hash(secret), state.now());
    let found = state.read(move |store| {
        Ok(match store.link(&hash, now)?.map(|link| link.purpose) {
            Some(AccessLinkPurpose::Invitation(user) | AccessLinkPurpose::Reset(user)) => {
                store.user(user)?
            }
            Some(AccessLinkPurpose::Portal { .. }) | None => None,
        })
    });
    Ok(found.await?)
}

/// Asks for a new password. This does not use up the link, since mail programs open links before people do.
pub(crate) async fn show_password(
    State(state): State<AppState>,
    Path(secret): Path<String>,
    page: GuestPage,
) -> Result<Response, PageError> {
    let user = link_user(&state, &secret).await?;
    let is_expired = user.is_none();
    let mut response = render(&PasswordTemplate {
        layout: page.layout,
        email: user.map(|user| user.email.to_string()),
        error: None,
    })?;
    if is_expired {
        *response.status_mut() = StatusCode::GONE;
    }
    Ok(cookies::set(response, page.cookie))
}

/// Sets the password and logs the user in. The link and all other sessions end.
pub(crate) async fn choose_password(
    State(state): State<AppState>,
    Path(secret): Path<String>,
    page: GuestPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    let error = password_error(&form);
    let user = match link_user(&state, &secret).await? {
        Some(user) if error.is_none() => user,
        user => {
            let status = if user.is_none() {
                StatusCode::GONE
            } else {
                StatusCode::UNPROCESSABLE_ENTITY
            };
            let mut response = render(&PasswordTemplate {
                layout: page.layout,
                email: user.map(|user| user.email.to_string()),
                error,
            })?;
            *response.status_mut() = status;
            return Ok(response);
        }
    };
    let link = Some(token_hash(&secret));
    let password = form.get_untrimmed("password");
    let cookie = set_password(&state, user.id, password, link, origin.is_https).await?;
    Ok(cookies::set(flash::redirect("/", "password-set"), cookie))
}

/// The key of the error message for a new password, which is entered twice.
pub(super) fn password_error(form: &FormData) -> Option<&'static str> {
    let password = form.get_untrimmed("password");
    if check_password(password).is_err() {
        Some("password-invalid")
    } else if password != form.get_untrimmed("again") {
        Some("password-differs")
    } else {
        None
    }
}

/// Sets a user's own password, which ends the link and all sessions, and starts a new session.
pub(super) async fn set_password(
    state: &AppState,
    user: UserId,
    password: &str,
    link: Option<SessionTokenHash>,
    is_https: bool,
) -> Result<Option<Cookie<'static>>, PageError> {
    let password_hash = hash(state, password).await?;
    let new_hash = password_hash.clone();
    state
        .change(move |store, now| users::set_password(store, user, &new_hash, link.as_ref(), now))
        .await??;
    let owner = SessionOwner::User(user);
    start_session(state, owner, Some(password_hash), is_https).await
}
