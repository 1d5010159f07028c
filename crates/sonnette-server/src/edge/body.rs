//! Request bodies, bounded while they are read.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::edge::AppState;
use crate::rest::drf::json::Json;
use crate::rest::drf::media::read_body;
use crate::rest::error::ApiError;

/// Longer bodies that are wrong are not read a second time to say in pretix's words what is wrong with them.
pub(crate) const EXPLAINED: usize = 1 << 20;

/// The members of the JSON object that a request carries; an empty body is like `{}`.
pub(crate) struct Object(pub(crate) Map<String, Value>);

impl FromRequest<AppState> for Object {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let read = read(&parts.headers, body, state.settings.max_body).await;
        read.and_then(|body| object(&parts.headers, &body))
            .map(Self)
            .map_err(IntoResponse::into_response)
    }
}

/// A body of at most `limit` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let too_large =
        || ApiError::too_large(format!("The request body is longer than {limit} bytes."));
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large()),
        Err(_) => {
            let detail = "The request body ended before it was complete.".to_owned();
            Err(ApiError::Detail(StatusCode::BAD_REQUEST, detail))
        }
    }
}

/// Refuses what is not announced as JSON.
pub(crate) fn check_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = content_type(headers).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = format!("Unsupported media type \"{given}\" in request.");
    Err(ApiError::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// The header as text.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
}

/// What is wrong with a body that strict JSON refuses, in pretix's words.
pub(crate) fn parse_error(body: &[u8]) -> ApiError {
    if body.len() <= EXPLAINED
        && let Err(refusal) = Json::read(body)
    {
        return refusal.into();
    }
    // pretix is lenient where we are not: `NaN`, lone surrogates, deep nesting.
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
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_objects_pass() {
        let json = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; a=b"),
        )]);
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

    #[tokio::test]
    async fn stops_reading_at_the_limit() {
        let read = read(&HeaderMap::new(), Body::from("12345"), 4).await;
        assert!(matches!(
            read,
            Err(ApiError::Detail(StatusCode::PAYLOAD_TOO_LARGE, _))
        ));
    }
}
