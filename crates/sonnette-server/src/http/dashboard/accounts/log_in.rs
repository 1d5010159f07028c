//! Logging in and out.

use std::sync::LazyLock;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use sonnette::domain::{EmailAddress, Holder, User};

use crate::credentials::{hash_password, verify_password};
use crate::http::AppState;
use crate::http::dashboard::error::PageError;
use crate::http::dashboard::frame::{Frame, Who, page};
use crate::http::dashboard::language::local;
use crate::http::dashboard::posted::Posted;
use crate::http::dashboard::visitor::{Guest, Origin, begin, end};
use crate::http::dashboard::{cookies, said};

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
    let wait = throttles
        .users
        .wait(&email, now)
        .max(throttles.addresses.wait(&origin.address, now));
    let (status, error) = if wait.is_some() {
        (StatusCode::TOO_MANY_REQUESTS, "log-in-too-often")
    } else {
        let found = is_password_of(&state, &email, posted.raw("password")).await?;
        if let Some(user) = found {
            throttles.users.forgive(&email);
            let cookie = begin(&state, Holder::User(user.id), origin.secure).await?;
            return Ok(cookies::set(Redirect::to(&next).into_response(), cookie));
        }
        throttles.users.fail(&email, now);
        throttles.addresses.fail(&origin.address, now);
        (StatusCode::UNPROCESSABLE_ENTITY, "log-in-wrong")
    };
    let mut response = page(&LogInPage {
        f: guest.frame,
        email,
        next,
        error: Some(error),
    })?;
    *response.status_mut() = status;
    Ok(response)
}

/// The user with this address, if the password is theirs. One hash at a time: it takes 20 MB.
pub(super) async fn is_password_of(
    state: &AppState,
    email: &str,
    password: &str,
) -> Result<Option<User>, PageError> {
    let found = match email.parse::<EmailAddress>() {
        Ok(email) => {
            state
                .store(move |store| store.user_by_email(&email))
                .await?
        }
        Err(_) => None,
    };
    let (user, hash) = match found {
        Some((user, Some(hash))) => (Some(user), Some(hash)),
        Some((_, None)) | None => (None, None),
    };
    let password = password.to_owned();
    let one = state.throttles.hashing.acquire().await;
    let fits = tokio::task::spawn_blocking(move || {
        verify_password(&password, hash.as_deref().unwrap_or(&NOBODYS))
    })
    .await;
    drop(one);
    Ok(user.filter(|_| fits.unwrap_or(false)))
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
