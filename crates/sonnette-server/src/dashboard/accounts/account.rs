//! The user's own account: a new password, and the end of all sessions.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, header};
use sonnette::domain::User;

use super::login::RETRY_AFTER;
use super::passwords::{password_error, set_password};
use super::verification::verify;
use crate::dashboard::shell::cookies;
use crate::dashboard::shell::current_user::CurrentUser;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::UserPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::edge::AppState;

/// The key of the error message after too many attempts.
const THROTTLED: &str = "login-throttled";

#[derive(Template)]
#[template(path = "accounts/account.html")]
struct AccountTemplate {
    layout: Layout,
    email: String,
    /// The key of the error message.
    error: Option<&'static str>,
}

fn account_of(current_user: CurrentUser) -> Result<User, PageError> {
    match current_user {
        CurrentUser::User(user) => Ok(user),
        CurrentUser::Portal { .. } => Err(PageError::NotFound),
    }
}

/// Shows the account.
pub(crate) async fn show_account(page: UserPage) -> Result<Response, PageError> {
    render(&AccountTemplate {
        layout: page.layout,
        email: account_of(page.current_user)?.email.to_string(),
        error: None,
    })
}

/// Changes the password of a user who knows the current one. All other sessions end.
pub(crate) async fn change_password(
    State(state): State<AppState>,
    page: UserPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    let user = account_of(page.current_user)?;
    let email = user.email.to_string();
    let error = match password_error(&form) {
        Some(error) => Some(error),
        None => current_password_error(&state, &email, &origin, &form).await?,
    };
    if error.is_some() {
        let mut response = render(&AccountTemplate {
            layout: page.layout,
            email,
            error,
        })?;
        if error == Some(THROTTLED) {
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        } else {
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        }
        return Ok(response);
    }
    let password = form.get_untrimmed("password");
    let cookie = set_password(&state, user.id, password, None, origin.is_https).await?;
    let response = flash::redirect("/account/", "password-set");
    Ok(cookies::set(response, cookie))
}

/// The key of the error message for the current password.
async fn current_password_error(
    state: &AppState,
    email: &str,
    origin: &RequestOrigin,
    form: &FormData,
) -> Result<Option<&'static str>, PageError> {
    let throttles = &state.throttles;
    if !throttles.record_attempt(email, &origin.network, state.now()) {
        return Ok(Some(THROTTLED));
    }
    let verified = verify(state, email, form.get_untrimmed("current")).await?;
    if verified.is_none() {
        return Ok(Some("password-current-invalid"));
    }
    throttles.record_success(email, &origin.network);
    Ok(None)
}

/// Ends all sessions of the user, including this one.
pub(crate) async fn logout_everywhere(
    State(state): State<AppState>,
    page: UserPage,
    _: FormData,
) -> Result<Response, PageError> {
    let user = account_of(page.current_user)?.id;
    state
        .write(move |store| store.end_sessions_of_user(user))
        .await?;
    Ok(flash::redirect("/login/", "logged-out-everywhere"))
}
