//! One's own account: another password, and an end to every session.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Holder, User};

use super::log_in::is_password_of;
use super::passwords::{set_password, unfit};
use crate::http::AppState;
use crate::http::dashboard::error::PageError;
use crate::http::dashboard::frame::{Frame, Who, page};
use crate::http::dashboard::posted::Posted;
use crate::http::dashboard::visitor::{Origin, Visit, Visitor, begin};
use crate::http::dashboard::{cookies, said};

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
    let throttle = &state.throttles.users;
    let error = if throttle.wait(&email, now).is_some() {
        Some("log-in-too-often")
    } else if let Some(error) = unfit(&posted) {
        Some(error)
    } else if is_password_of(&state, &email, posted.raw("current"))
        .await?
        .is_none()
    {
        throttle.fail(&email, now);
        Some("password-current-wrong")
    } else {
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
    set_password(&state, user.id, posted.raw("password")).await?;
    let cookie = begin(&state, Holder::User(user.id), origin.secure).await?;
    Ok(cookies::set(said::go("/account/", "password-set"), cookie))
}

/// Ends every session of one's own, this one too.
pub(crate) async fn log_out_everywhere(
    State(state): State<AppState>,
    visit: Visit,
    _: Posted,
) -> Result<Response, PageError> {
    let user = user_of(visit.visitor)?.id;
    state.store(move |store| store.end_sessions(user)).await?;
    Ok(said::go("/login/", "logged-out-everywhere"))
}
