//! One's own account: another password, and an end to every session.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{SessionOwner, User};

use super::log_in::verified;
use super::passwords::{set_password, unfit};
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::session::begin;
use crate::dashboard::visitor::{Origin, Visit, Visitor};
use crate::dashboard::{cookies, said};
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "accounts/own.html")]
struct OwnPage {
    f: Frame,
    email: String,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
}

fn user_of(visitor: Visitor) -> Result<User, PageError> {
    match visitor {
        Visitor::User(user) => Ok(user),
        Visitor::Portal { .. } => Err(PageError::NotFound),
    }
}

/// The page.
pub(crate) async fn show_account(visit: Visit) -> Result<Response, PageError> {
    page(&OwnPage {
        f: visit.frame,
        email: user_of(visit.visitor)?.email.to_string(),
        error: None,
    })
}

/// Another password, for whoever knows the one in force. Every other session ends.
pub(crate) async fn change_password(
    State(state): State<AppState>,
    visit: Visit,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = user_of(visit.visitor)?;
    let (now, email) = (state.now(), user.email.to_string());
    let throttles = &state.throttles;
    let error = if let Some(error) = unfit(&posted) {
        Some(error)
    } else if !throttles.attempt(&email, &origin.address, now) {
        Some("log-in-too-often")
    } else if verified(&state, &email, posted.raw("current"))
        .await?
        .is_none()
    {
        Some("password-current-wrong")
    } else {
        throttles.succeeded(&email, &origin.address);
        None
    };
    if error.is_some() {
        let mut response = page(&OwnPage {
            f: visit.frame,
            email,
            error,
        })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let hash = set_password(&state, user.id, posted.raw("password"), None).await?;
    let cookie = begin(
        &state,
        SessionOwner::User(user.id),
        Some(hash),
        origin.secure,
    )
    .await?;
    Ok(cookies::set(said::go("/account/", "password-set"), cookie))
}

/// Ends every session of one's own, this one too.
pub(crate) async fn log_out_everywhere(
    State(state): State<AppState>,
    visit: Visit,
    _: Posted,
) -> Result<Response, PageError> {
    let user = user_of(visit.visitor)?.id;
    state
        .store(move |store| store.end_sessions_of_user(user))
        .await?;
    Ok(said::go("/login/", "logged-out-everywhere"))
}
