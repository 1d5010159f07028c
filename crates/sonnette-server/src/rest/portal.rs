//! Links that open an organizer's pages of the dashboard without a log-in.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use sonnette::domain::{AccessLink, AccessLinkPurpose, Language};
use utoipa::ToSchema;

use crate::credentials::{random_session_token, token_hash};
use crate::edge::AppState;
use crate::edge::authorize::Caller;
use crate::edge::error::ApiError;
use crate::edge::links::BaseUrl;
use crate::edge::response;
use crate::rest::fields::Fields;
use crate::rest::json_body::JsonObject;

/// A link that opens the organizer's pages.
#[derive(Serialize, ToSchema)]
pub(crate) struct PortalJson {
    /// The URL for a browser, in a window or a frame.
    #[schema(
        example = "https://webhooks.example.org/portal/?key=v6P0cW1yq3mXh5nQZ2sT8uB4dF7jK9lR0aE3gI6oM1w"
    )]
    url: String,
    /// When it stops working. A visit that has begun goes on.
    #[schema(example = "2026-11-21T18:10:00.000000Z")]
    expires: String,
}

/// The body that creates a link.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read by Fields")]
pub(crate) struct PortalBody {
    /// The language of the pages, `en` or `fr`; by default that of the browser.
    #[schema(example = "fr")]
    language: Option<String>,
}

fn parse_language(mut fields: Fields) -> Result<Option<Language>, ApiError> {
    let language = fields.parsed("language");
    fields.refuse_unknown();
    fields.finish()?;
    Ok(language)
}

/// Let somebody in to the dashboard
///
/// A short-lived link that opens the webhook pages of this organizer without a log-in, with the permission `webhooks`
/// only. The link works for ten minutes. The visit ends two hours after the last page, or when the token of this request
/// is deactivated. A platform may embed the pages in a frame if its origin is in the setting `embed_origins`.
#[utoipa::path(
    post,
    path = "/organizers/{organizer}/portal/",
    request_body = Option<PortalBody>,
    responses((status = 201, description = "The link.", body = PortalJson))
)]
pub(crate) async fn create_portal_link(
    State(state): State<AppState>,
    caller: Caller,
    BaseUrl(base): BaseUrl,
    JsonObject(members): JsonObject,
) -> Result<Response, ApiError> {
    let language = parse_language(Fields::new(members))?;
    let organizer = caller.organizer()?.organizer.id;
    let token = caller.token.id;
    let text = random_session_token()?;
    let link = AccessLink::new(AccessLinkPurpose::Portal { organizer, token }, state.now());
    let hash = token_hash(&text);
    state
        .write(move |store| store.add_link(&hash, &link))
        .await?;
    let language = language.map(|language| format!("&language={language}"));
    let body = PortalJson {
        url: format!("{base}/portal/?key={text}{}", language.unwrap_or_default()),
        expires: response::format_time(link.expires),
    };
    Ok(response::json(StatusCode::CREATED, &body))
}
