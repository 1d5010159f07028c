//! JSON request bodies of the API's own resources.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value};

use crate::edge::AppState;
use crate::edge::error::ApiError;
use crate::edge::read_body::{self, content_type, read_limited};
use crate::rest::drf::media::read_body;
use crate::rest::drf::parser;

/// Bytes of a malformed body that is parsed a second time for pretix's error message.
pub(crate) const MAX_EXPLAINED_BYTES: usize = 1 << 20;

/// The members of the JSON object in a request body. An empty body counts as `{}`.
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

impl FromRequest<AppState> for JsonObject {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let (headers, limit) = (parts.headers, state.settings.max_body_bytes);
        read_object(headers, body, limit)
            .await
            .map(Self)
            .map_err(IntoResponse::into_response)
    }
}

async fn read_object(
    headers: HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Map<String, Value>, ApiError> {
    let body = read_limited(&headers, body, limit).await?;
    read_body::parse(body, move |body| object(&headers, body)).await?
}

/// Refuses a body whose `Content-Type` is not JSON.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = content_type(headers).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = format!("Unsupported media type \"{given}\" in request.");
    Err(ApiError::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// The answer to a body that is not JSON, with pretix's message.
pub(crate) fn parse_error(body: &[u8]) -> ApiError {
    if body.len() <= MAX_EXPLAINED_BYTES
        && let Err(error) = parser::parse_body(body)
    {
        return error.into();
    }
    // pretix accepts `NaN`, lone surrogates and deep nesting, which our own resources do not.
    let detail = "JSON parse error - Expected object or value".to_owned();
    ApiError::Detail(StatusCode::BAD_REQUEST, detail)
}

fn object(headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    check_json(headers)?;
    match serde_json::from_slice(body) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => {
            let payload = read_body(content_type(headers), body)?;
            payload
                .json
                .into_object()
                .map(|_| Map::new())
                .map_err(ApiError::from)
        }
        Err(_) => Err(parse_error(body)),
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header};

    use super::*;

    fn json_headers() -> HeaderMap {
        HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; a=b"),
        )])
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |levels: usize| {
            let inner = levels - 1;
            format!("{{\"a\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
        };
        assert!(object(&json_headers(), nested(127).as_bytes()).is_ok());
        assert!(matches!(
            object(&json_headers(), nested(128).as_bytes()),
            Err(ApiError::Detail(StatusCode::BAD_REQUEST, _))
        ));
    }

    #[test]
    fn only_objects_pass() {
        let json = json_headers();
        assert_eq!(object(&json, b"{\"a\":1}").unwrap()["a"], 1);
        assert!(object(&HeaderMap::new(), b"").unwrap().is_empty());
        assert!(matches!(
            object(&json, b"[]"),
            Err(ApiError::Answer(StatusCode::BAD_REQUEST, _))
        ));
        assert!(matches!(
            object(&json, b"{"),
            Err(ApiError::Answer(StatusCode::BAD_REQUEST, _))
        ));
        let refused = object(&HeaderMap::new(), b"{}");
        assert!(matches!(
            refused,
            Err(ApiError::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, _))
        ));
    }
}
