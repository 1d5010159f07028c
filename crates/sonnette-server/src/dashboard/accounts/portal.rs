//! The link by which a platform lets somebody in to an organizer's pages.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use sonnette::domain::{AccessLinkPurpose, Language, SessionOwner};

use crate::credentials::token_hash;
use crate::dashboard::error::PageError;
use crate::dashboard::session::begin;
use crate::dashboard::visitor::{Origin, PORTAL};
use crate::dashboard::{cookies, language};
use crate::edge::AppState;

#[derive(Deserialize)]
pub(crate) struct Key {
    #[serde(default)]
    key: String,
    /// What they read on the platform.
    #[serde(default)]
    language: String,
}

/// Begins a visit, if the link is not over. It may be opened again until then: frames are loaded anew, and some programs
/// look at links before people do.
pub(crate) async fn enter_portal(
    State(state): State<AppState>,
    Query(query): Query<Key>,
    origin: Origin,
) -> Result<Response, PageError> {
    let (hash, now) = (token_hash(&query.key), state.now());
    let link = state.store(move |store| store.link(&hash, now)).await?;
    let Some(AccessLinkPurpose::Portal { organizer, token }) = link.map(|link| link.purpose) else {
        return Err(PageError::PortalOver);
    };
    let registry = state.refresh().await?;
    let tenant = registry
        .organizer_by_id(organizer)
        .ok_or(PageError::PortalOver)?;
    let url = format!("{PORTAL}{}/webhooks/", tenant.organizer.slug);
    let cookie = begin(
        &state,
        SessionOwner::Portal { organizer, token },
        None,
        origin.secure,
    )
    .await?;
    let chosen = query.language.parse::<Language>().ok();
    let chosen = chosen.map(|chosen| language::cookie(&state, chosen, true, origin.secure));
    let entered = cookies::set(Redirect::to(&url).into_response(), cookie);
    Ok(cookies::set(entered, chosen))
}
