//! Login and logout.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use cookie::Cookie;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use sonnette::domain::SessionOwner;

use super::verification::{VerifiedUser, verify};
use crate::dashboard::shell::cookies;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::GuestPage;
use crate::dashboard::shell::paths::local_path;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::dashboard::shell::session::{end_session, start_session};
use crate::edge::AppState;

/// Seconds after which a throttled client may try again.
pub(super) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("90");

#[derive(Deserialize)]
pub(crate) struct LoginQuery {
    /// The page to open after the login.
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct LoginTemplate {
    layout: Layout,
    email: String,
    next: String,
    /// The key of the error message.
    error: Option<&'static str>,
}

/// Shows the form. Users who are logged in are redirected.
pub(crate) async fn show_login(
    Query(query): Query<LoginQuery>,
    page: GuestPage,
) -> Result<Response, PageError> {
    if page.user.is_some() {
        return Ok(Redirect::to(local_path(&query.next)).into_response());
    }
    let response = render(&LoginTemplate {
        layout: page.layout,
        email: String::new(),
        next: local_path(&query.next).to_owned(),
        error: None,
    })?;
    Ok(cookies::set(response, page.cookie))
}

/// Logs a user in by e-mail address and password.
pub(crate) async fn login(
    State(state): State<AppState>,
    page: GuestPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    let next = local_path(form.get("next")).to_owned();
    let email = form.get("email").to_lowercase();
    let throttles = &state.throttles;
    let (status, error) = if throttles.record_attempt(&email, &origin.network, state.now()) {
        let verified = verify(&state, &email, form.get_untrimmed("password")).await?;
        if let Some(cookie) = start_login_session(&state, verified, origin.is_https).await? {
            throttles.record_success(&email, &origin.network);
            return Ok(cookies::set(Redirect::to(&next).into_response(), cookie));
        }
        tracing::info!(
            address = origin.network,
            "login from {}: wrong address or password",
            origin.network
        );
        (StatusCode::UNPROCESSABLE_ENTITY, "login-failed")
    } else {
        tracing::warn!(
            address = origin.network,
            "login from {}: too many failed attempts",
            origin.network
        );
        (StatusCode::TOO_MANY_REQUESTS, "login-throttled")
    };
    let mut response = render(&LoginTemplate {
        layout: page.layout,
        email,
        next,
        error: Some(error),
    })?;
    *response.status_mut() = status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    Ok(response)
}

/// Starts the session of a verified user. Returns `None` if the password has changed since it was verified.
async fn start_login_session(
    state: &AppState,
    verified: Option<VerifiedUser>,
    is_https: bool,
) -> Result<Option<Cookie<'static>>, PageError> {
    let Some(VerifiedUser {
        user,
        password_hash,
    }) = verified
    else {
        return Ok(None);
    };
    let owner = SessionOwner::User(user.id);
    start_session(state, owner, Some(password_hash), is_https).await
}

/// Ends the session of the browser.
pub(crate) async fn logout(
    State(state): State<AppState>,
    origin: RequestOrigin,
    headers: HeaderMap,
    _: FormData,
) -> Result<Response, PageError> {
    let cookie = end_session(&state, &headers, origin.is_https).await?;
    let response = flash::redirect("/login/", "logged-out");
    Ok(cookies::set(response, cookie))
}
