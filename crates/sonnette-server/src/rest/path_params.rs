//! The variable segments of a path.

use axum::extract::{FromRequestParts, MatchedPath, Path, RawPathParams};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::edge::AppState;
use crate::edge::error::ApiError;
use crate::rest::webhooks::lookup::no_webhook;

const WEBHOOK: &str = "/webhooks/{id}/";

/// The variable segments of a path; those that make no sense lead nowhere.
pub(crate) struct Segments<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<AppState> for Segments<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if let Ok(Path(segments)) = Path::<T>::from_request_parts(parts, state).await {
            return Ok(Self(segments));
        }
        // The id of a webhook that no webhook can have is one that none has.
        let template = parts.extensions.get::<MatchedPath>();
        let of_webhook = template.is_some_and(|template| template.as_str().ends_with(WEBHOOK));
        let params = RawPathParams::from_request_parts(parts, state).await;
        let too_large = params.is_ok_and(|params| {
            let mut ids = params.iter().filter(|(name, _)| *name == "id");
            ids.any(|(_, id)| id.len() > 18 && id.bytes().all(|byte| byte.is_ascii_digit()))
        });
        if of_webhook && too_large {
            Err(no_webhook())
        } else {
            Err(ApiError::not_found())
        }
    }
}
