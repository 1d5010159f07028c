//! Logging in and out.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use cookie::Cookie;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;
use sonnette::domain::{EmailAddress, SessionOwner, User};

use crate::credentials::{hash_password, verify_password};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::GuestPage;
use crate::dashboard::shell::paths::local_path;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::dashboard::shell::session::{end_session, start_session};
use crate::dashboard::shell::{cookies, flash};
use crate::edge::AppState;

/// For addresses that nobody has, so that it takes as long to say no.
static NOBODYS: LazyLock<String> =
    LazyLock::new(|| hash_password("a password of nobody").unwrap_or_default());

#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "accounts/login.html")]
struct LogInTemplate {
    layout: Layout,
    email: String,
    next: String,
    /// The key of what went wrong.
    error: Option<&'static str>,
}

/// The form.
pub(crate) async fn show_log_in(
    Query(query): Query<Next>,
    page: GuestPage,
) -> Result<Response, PageError> {
    if page.user.is_some() {
        return Ok(Redirect::to(local_path(&query.next)).into_response());
    }
    let response = render(&LogInTemplate {
        layout: page.layout,
        email: String::new(),
        next: local_path(&query.next).to_owned(),
        error: None,
    })?;
    Ok(cookies::set(response, page.cookie))
}

/// Somebody's e-mail address and password.
pub(crate) async fn log_in(
    State(state): State<AppState>,
    page: GuestPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    let next = local_path(form.get("next")).to_owned();
    let email = form.get("email").to_lowercase();
    let now = state.now();
    let throttles = &state.throttles;
    let (status, error) = if throttles.attempt(&email, &origin.network, now) {
        let found = verified(&state, &email, form.get_untrimmed("password")).await?;
        if let Some(cookie) = session_of(&state, found, origin.is_https).await? {
            throttles.succeeded(&email, &origin.network);
            return Ok(cookies::set(Redirect::to(&next).into_response(), cookie));
        }
        tracing::info!(address = origin.network, "a log-in failed");
        (StatusCode::UNPROCESSABLE_ENTITY, "login-failed")
    } else {
        tracing::warn!(address = origin.network, "log-ins fail too often");
        (StatusCode::TOO_MANY_REQUESTS, "login-throttled")
    };
    let mut response = render(&LogInTemplate {
        layout: page.layout,
        email,
        next,
        error: Some(error),
    })?;
    *response.status_mut() = status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        let soon = HeaderValue::from_static("90");
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    Ok(response)
}

/// A user whose password was right, and the hash of it: another may be set before the session begins.
pub(super) type Verified = Option<(User, String)>;

/// The user with this address, if the password is theirs.
pub(super) async fn verified(
    state: &AppState,
    email: &str,
    password: &str,
) -> Result<Verified, PageError> {
    let found = match email.parse::<EmailAddress>() {
        Ok(email) => {
            state
                .store(move |store| store.user_by_email(&email))
                .await?
        }
        Err(_) => None,
    };
    let found = found.and_then(|(user, hash)| Some((user, hash?)));
    let stored = found.as_ref().map(|(_, hash)| hash.clone());
    let password = password.to_owned();
    let fits = hashing(state, move || {
        verify_password(&password, stored.as_deref().unwrap_or(&NOBODYS))
    });
    let fits = fits.await?;
    Ok(found.filter(|_| fits))
}

/// Works on a password where it may take its time. Whoever leaves leaves the place taken until it is done.
pub(super) async fn hashing<T: Send + 'static>(
    state: &AppState,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PageError> {
    let throttles = &state.throttles;
    let _waits = throttles
        .queue
        .try_acquire()
        .map_err(|_| PageError::Unavailable)?;
    let place = throttles.hashing.clone().acquire_owned().await;
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(place);
        done
    });
    done.await.map_err(|_| PageError::Internal)
}

/// Begins the session of whoever was verified; none, if another password has been set since.
async fn session_of(
    state: &AppState,
    found: Verified,
    secure: bool,
) -> Result<Option<Cookie<'static>>, PageError> {
    match found {
        Some((user, hash)) => {
            start_session(state, SessionOwner::User(user.id), Some(hash), secure).await
        }
        None => Ok(None),
    }
}

/// Ends the session in this browser.
pub(crate) async fn log_out(
    State(state): State<AppState>,
    origin: RequestOrigin,
    headers: HeaderMap,
    _: FormData,
) -> Result<Response, PageError> {
    let cookie = end_session(&state, &headers, origin.is_https).await?;
    Ok(cookies::set(
        flash::redirect("/login/", "logged-out"),
        cookie,
    ))
}
