//! Choosing a password: by a link that came by mail, to an invited user or to one who has forgotten it.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::{
    AccessLinkPurpose, AccountEmailKind, EmailAddress, Language, SecretHash, SessionOwner, User,
    UserId,
};
use sonnette::store::{Actor, ChangeResult, NewAuditEntry, Store};

use super::log_in::hashing;
use crate::credentials::{check_password, hash_password, token_hash};
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::session::begin;
use crate::dashboard::visitor::{Guest, Origin};
use crate::dashboard::{cookies, said};
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "accounts/forgot.html")]
struct ForgotPage {
    f: Frame,
    /// Whether mail can be sent at all.
    mails: bool,
    /// Whether it has been asked for.
    asked: bool,
    email: String,
}

/// Asks for the address.
pub(crate) async fn show_forgot(
    State(state): State<AppState>,
    guest: Guest,
) -> Result<Response, PageError> {
    let response = page(&ForgotPage {
        f: guest.frame,
        mails: state.settings.mails,
        asked: false,
        email: String::new(),
    })?;
    Ok(cookies::set(response, guest.cookie))
}

/// Owes a letter to the user with this address. The answer is the same whether there is one.
pub(crate) async fn forgot(
    State(state): State<AppState>,
    guest: Guest,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    let (now, language) = (state.now(), guest.frame.w.language());
    let may_ask = || {
        state
            .throttles
            .letters
            .attempt(&origin.address, now)
            .is_ok()
    };
    if let Ok(email) = posted.get("email").parse::<EmailAddress>()
        && state.settings.mails
        && may_ask()
    {
        // The answer does not wait for it: it would tell by its time whether there is such a user.
        let store = state.sonnette.store().clone();
        tokio::task::spawn_blocking(move || owe_reset(&*store, &email, language, now));
    }
    page(&ForgotPage {
        f: guest.frame,
        mails: state.settings.mails,
        asked: true,
        email: posted.get("email").to_owned(),
    })
}

fn owe_reset(store: &dyn Store, email: &EmailAddress, language: Language, now: Timestamp) {
    let owed = store.user_by_email(email).and_then(|found| match found {
        Some((user, _)) => {
            store.enqueue_account_email(user.id, AccountEmailKind::Reset, language, None, now)
        }
        None => Ok(false),
    });
    if let Err(error) = owed {
        tracing::warn!(%error, "a letter for a forgotten password could not be queued");
    }
}

#[derive(Template)]
#[template(path = "accounts/password.html")]
struct PasswordPage {
    f: Frame,
    /// Whose; none: the link is over.
    email: Option<String>,
    /// The key of what is wrong with what was typed.
    error: Option<&'static str>,
}

/// The user a link is for, if it still is.
async fn bearer(state: &AppState, text: &str) -> Result<Option<User>, PageError> {
    let (hash, now) = (token_hash(text), state.now());
    let found = state.store(move |store| {
        Ok(match store.link(&hash, now)?.map(|link| link.purpose) {
            Some(AccessLinkPurpose::Invitation(user) | AccessLinkPurpose::Reset(user)) => {
                store.user(user)?
            }
            Some(AccessLinkPurpose::Portal { .. }) | None => None,
        })
    });
    Ok(found.await?)
}

/// Asks for a password. Looking at the page uses nothing up: mail programs look before people do.
pub(crate) async fn show_password(
    State(state): State<AppState>,
    Path(text): Path<String>,
    guest: Guest,
) -> Result<Response, PageError> {
    let user = bearer(&state, &text).await?;
    let over = user.is_none();
    let mut response = page(&PasswordPage {
        f: guest.frame,
        email: user.map(|user| user.email.to_string()),
        error: None,
    })?;
    if over {
        *response.status_mut() = StatusCode::GONE;
    }
    Ok(cookies::set(response, guest.cookie))
}

/// Sets the password, which ends the link and every session, and logs in.
pub(crate) async fn choose_password(
    State(state): State<AppState>,
    Path(text): Path<String>,
    guest: Guest,
    origin: Origin,
    posted: Posted,
) -> Result<Response, PageError> {
    let user = bearer(&state, &text).await?;
    let error = unfit(&posted);
    if user.is_none() || error.is_some() {
        let status = if user.is_none() {
            StatusCode::GONE
        } else {
            StatusCode::UNPROCESSABLE_ENTITY
        };
        let mut response = page(&PasswordPage {
            f: guest.frame,
            email: user.map(|user| user.email.to_string()),
            error,
        })?;
        *response.status_mut() = status;
        return Ok(response);
    }
    let Some(user) = user else {
        return Err(PageError::NotFound);
    };
    let link = token_hash(&text);
    let hash = set_password(&state, user.id, posted.raw("password"), Some(link)).await?;
    let cookie = begin(
        &state,
        SessionOwner::User(user.id),
        Some(hash),
        origin.secure,
    )
    .await?;
    Ok(cookies::set(said::go("/", "password-set"), cookie))
}

/// The key of what is wrong with a new password, typed twice.
pub(super) fn unfit(posted: &Posted) -> Option<&'static str> {
    let password = posted.raw("password");
    if check_password(password).is_err() {
        Some("password-unfit")
    } else if password != posted.raw("again") {
        Some("password-differs")
    } else {
        None
    }
}

/// Sets somebody's own password, perhaps by a link, which it ends; all sessions end. The hash of the new one.
pub(super) async fn set_password(
    state: &AppState,
    user: UserId,
    password: &str,
    link: Option<SecretHash>,
) -> Result<String, PageError> {
    let password = password.to_owned();
    let Ok(hash) = hashing(state, move || hash_password(&password)).await? else {
        tracing::error!("a password cannot be hashed");
        return Err(PageError::Internal);
    };
    let now = state.now();
    let note = NewAuditEntry {
        actor: Actor::User(user),
        action: "sonnette.user.password",
        data: json!({"user": user.0}),
        at: now,
    };
    let set = hash.clone();
    let changed = state
        .store(move |store| store.set_password(user, &set, link.as_ref(), note, now))
        .await?;
    match changed {
        ChangeResult::Done(_) => Ok(hash),
        _ => Err(PageError::NotFound),
    }
}
