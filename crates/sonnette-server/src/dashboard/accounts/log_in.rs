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
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::language::local;
use crate::dashboard::posted::Posted;
use crate::dashboard::session::{begin, end};
use crate::dashboard::visitor::{Guest, Origin};
use crate::dashboard::{cookies, said};
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
#[template(path = "accounts/log_in.html")]
struct LogInPage {
    f: Frame,
    email: String,
    next: String,
    /// The key of what went wrong.
    error: Option<&'static str>,
}

/// The form.
pub(crate) async fn show_log_in(
    Query(query): Query<Next>,
    guest: Guest,
) -> Result<Response, PageError> {
    if guest.user.is_some() {
        return Ok(Redirect::to(local(&query.next)).into_response());
    }
    let response = page(&LogInPage {
        f: guest.frame,
        email: String::new(),
        next: local(&query.next).to_owned(),
        error: None,
    })?;
    Ok(cookies::set(response, guest.cookie))
}

/// Somebody's e-mail address and password.
pub(crate) async fn log_in(
    State(state): State<AppState>,
    guest: Guest,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    let next = local(posted.get("next")).to_owned();
    let email = posted.get("email").to_lowercase();
    let now = state.now();
    let throttles = &state.throttles;
    let (status, error) = if throttles.attempt(&email, &origin.address, now) {
        let found = verified(&state, &email, posted.raw("password")).await?;
        if let Some(cookie) = session_of(&state, found, origin.secure).await? {
            throttles.succeeded(&email, &origin.address);
            return Ok(cookies::set(Redirect::to(&next).into_response(), cookie));
        }
        tracing::info!(address = origin.address, "a log-in failed");
        (StatusCode::UNPROCESSABLE_ENTITY, "log-in-wrong")
    } else {
        tracing::warn!(address = origin.address, "log-ins fail too often");
        (StatusCode::TOO_MANY_REQUESTS, "log-in-too-often")
    };
    let mut response = page(&LogInPage {
        f: guest.frame,
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
        .hashing_queue
        .try_acquire()
        .map_err(|_| PageError::Unavailable)?;
    let place = throttles.hashing_permits.clone().acquire_owned().await;
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
        Some((user, hash)) => begin(state, SessionOwner::User(user.id), Some(hash), secure).await,
        None => Ok(None),
    }
}

/// Ends the session in this browser.
pub(crate) async fn log_out(
    State(state): State<AppState>,
    origin: Origin,
    headers: HeaderMap,
    _: Posted,
) -> Result<Response, PageError> {
    let cookie = end(&state, &headers, origin.secure).await?;
    Ok(cookies::set(said::go("/login/", "logged-out"), cookie))
}
