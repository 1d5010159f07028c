//! A way in to an organizer's pages of the dashboard, without another log-in.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sonnette::domain::{AccessLink, AccessLinkPurpose, Language};
use utoipa::ToSchema;

use crate::admin::validation::Fields;
use crate::credentials::{random_secret_text, token_hash};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::body::Object;
use crate::edge::links::Base;
use crate::rest::error::ApiError;
use crate::rest::reply;

/// A link that opens the organizer's pages.
#[derive(Serialize, ToSchema)]
pub(crate) struct PortalJson {
    /// Where it leads: for a browser, as a page or in a frame.
    #[schema(
        example = "https://webhooks.example.org/portal/?key=v6P0cW1yq3mXh5nQZ2sT8uB4dF7jK9lR0aE3gI6oM1w"
    )]
    url: String,
    /// From then on it no longer works. A visit that was begun before goes on.
    #[schema(example = "2026-11-21T18:10:00.000000Z")]
    expires: String,
}

/// For whom the link is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct PortalBody {
    /// What they read on the platform, `en` or `fr`: the pages begin in it. By default as their browser prefers.
    #[schema(example = "fr")]
    language: Option<String>,
}

fn language_of(mut fields: Fields) -> Result<Option<Language>, ApiError> {
    let language = fields.parsed("language");
    fields.refuse_the_rest();
    fields.finish()?;
    Ok(language)
}

/// Let somebody in to the dashboard
///
/// A short-lived link that opens this organizer's webhooks and what is beside them, with the permission `webhooks` and no
/// other, without another log-in. It works for ten minutes; the visit ends two hours after the last page, or when the
/// token of this request is deactivated. A page of the platform may show it in a frame if its origin is among the setting
/// `embed_origins`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/portal/",
    request_body = Option<PortalBody>,
    responses((status = 201, description = "The link.", body = PortalJson))
)]
pub(crate) async fn create_portal_link(
    State(state): State<AppState>,
    caller: Caller,
    Base(base): Base,
    Object(members): Object,
) -> Result<Response, ApiError> {
    let language = language_of(Fields::new(members))?;
    let organizer = caller.tenant()?.organizer.id;
    let token = caller.token.id;
    let text = random_secret_text()?;
    let link = AccessLink::new(AccessLinkPurpose::Portal { organizer, token }, state.now());
    let hash = token_hash(&text);
    state
        .store(move |store| store.add_link(&hash, &link))
        .await?;
    let language = language.map(|language| format!("&language={language}"));
    let body = PortalJson {
        url: format!("{base}/portal/?key={text}{}", language.unwrap_or_default()),
        expires: reply::time(link.expires),
    };
    Ok(reply::json(StatusCode::CREATED, &body))
}
