//! One's own account: another password, and an end to every session.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{SessionOwner, User};

use super::login::verified;
use super::passwords::{set_password, unfit};
use crate::dashboard::shell::current_user::CurrentUser;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::UserPage;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::dashboard::shell::session::start_session;
use crate::dashboard::shell::{cookies, flash};
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "accounts/account.html")]
struct OwnTemplate {
    layout: Layout,
    email: String,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
}

fn user_of(current_user: CurrentUser) -> Result<User, PageError> {
    match current_user {
        CurrentUser::User(user) => Ok(user),
        CurrentUser::Portal { .. } => Err(PageError::NotFound),
    }
}

/// The page.
pub(crate) async fn show_account(page: UserPage) -> Result<Response, PageError> {
    render(&OwnTemplate {
        layout: page.layout,
        email: user_of(page.current_user)?.email.to_string(),
        error: None,
    })
}

/// Another password, for whoever knows the one in force. Every other session ends.
pub(crate) async fn change_password(
    State(state): State<AppState>,
    page: UserPage,
    origin: RequestOrigin,
    form: FormData,
) -> Result<Response, PageError> {
    let user = user_of(page.current_user)?;
    let (now, email) = (state.now(), user.email.to_string());
    let throttles = &state.throttles;
    let error = if let Some(error) = unfit(&form) {
        Some(error)
    } else if !throttles.attempt(&email, &origin.network, now) {
        Some("login-throttled")
    } else if verified(&state, &email, form.get_untrimmed("current"))
        .await?
        .is_none()
    {
        Some("password-current-invalid")
    } else {
        throttles.succeeded(&email, &origin.network);
        None
    };
    if error.is_some() {
        let mut response = render(&OwnTemplate {
            layout: page.layout,
            email,
            error,
        })?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let hash = set_password(&state, user.id, form.get_untrimmed("password"), None).await?;
    let cookie = start_session(
        &state,
        SessionOwner::User(user.id),
        Some(hash),
        origin.is_https,
    )
    .await?;
    Ok(cookies::set(
        flash::redirect("/account/", "password-set"),
        cookie,
    ))
}

/// Ends every session of one's own, this one too.
pub(crate) async fn log_out_everywhere(
    State(state): State<AppState>,
    page: UserPage,
    _: FormData,
) -> Result<Response, PageError> {
    let user = user_of(page.current_user)?.id;
    state.store(move |store| store.end_sessions(user)).await?;
    Ok(flash::redirect("/login/", "logged-out-everywhere"))
}
