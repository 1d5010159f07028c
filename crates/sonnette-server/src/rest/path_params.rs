//! The parameters of a path.

use axum::extract::{FromRequestParts, MatchedPath, Path, RawPathParams};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::edge::AppState;
use crate::edge::error::ApiError;
use crate::rest::webhooks::lookup::no_webhook;

const WEBHOOK_ROUTE_END: &str = "/webhooks/{id}/";

/// The parameters of a path. Malformed ones are answered with 404.
pub(crate) struct PathParams<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for PathParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Ok(Path(params)) = Path::<T>::from_request_parts(parts, state).await {
            return Ok(Self(params));
        }
        // As in pretix, an id that is too large for the database is the id of no webhook.
        let template = parts.extensions.get::<MatchedPath>();
        let is_webhook =
            template.is_some_and(|template| template.as_str().ends_with(WEBHOOK_ROUTE_END));
        let params = RawPathParams::from_request_parts(parts, state).await;
        let is_too_large = params.is_ok_and(|params| {
            let mut ids = params.iter().filter(|(name, _)| *name == "id");
            ids.any(|(_, id)| id.len() > 18 && id.bytes().all(|byte| byte.is_ascii_digit()))
        });
        if is_webhook && is_too_large {
            Err(no_webhook())
        } else {
            Err(ApiError::not_found())
        }
    }
}
