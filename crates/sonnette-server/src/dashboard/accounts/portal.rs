//! The link by which a platform gives its customers access to an organizer's pages.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sonnette::domain::{AccessLinkPurpose, SessionOwner};

use crate::credentials::token_hash;
use crate::dashboard::shell::cookies::{self, CookieScope};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::language::language_cookie;
use crate::dashboard::shell::paths::PORTAL_PREFIX;
use crate::dashboard::shell::request_origin::RequestOrigin;
use crate::dashboard::shell::session::start_session;
use crate::edge::AppState;

#[derive(Deserialize)]
pub(crate) struct PortalQuery {
    /// The secret of the link.
    #[serde(default)]
    key: String,
    /// The language that the platform uses for the customer.
    #[serde(default)]
    language: String,
}

/// Starts a portal session if the link has not expired. A link works several times: browsers reload frames, and some mail
/// programs open links before people do.
pub(crate) async fn enter_portal(
    State(state): State<AppState>,
    Query(query): Query<PortalQuery>,
    origin: RequestOrigin,
) -> Result<Response, PageError> {
    let (hash, now) = (token_hash(&query.key), state.now());
    let link = state.read(move |store| store.link(&hash, now)).await?;
    let Some(AccessLinkPurpose::Portal { organizer, token }) = link.map(|link| link.purpose) else {
        return Err(PageError::PortalSessionExpired);
    };
    let registry = state.refresh().await?;
    let snapshot = registry
        .organizer_by_id(organizer)
        .ok_or(PageError::PortalSessionExpired)?;
    let url = format!("{PORTAL_PREFIX}{}/webhooks/", snapshot.organizer.slug);
    let cookie = start_session(
        &state,
        SessionOwner::Portal { organizer, token },
        None,
        origin.is_https,
    )
    .await?;
    let scope = CookieScope {
        is_portal: true,
        is_https: origin.is_https,
    };
    let language = query.language.parse().ok();
    let language = language.map(|language| language_cookie(&state, language, scope));
    let response = cookies::set(Redirect::to(&url).into_response(), cookie);
    Ok(cookies::set(response, language))
}
