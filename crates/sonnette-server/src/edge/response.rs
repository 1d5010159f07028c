//! JSON responses as pretix writes them: compact ASCII without a charset.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::ascii_json::to_vec;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response with a JSON body.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match to_vec(&value) {
        Ok(text) => json_text(status, text),
        Err(error) => {
            tracing::error!(%error, "a response cannot be serialized: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A response with a JSON text.
pub(crate) fn json_text(status: StatusCode, text: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    response
}

/// 200 with a JSON body.
pub(crate) fn ok<T: Serialize + ?Sized>(value: &T) -> Response {
    json(StatusCode::OK, value)
}

/// 204 without a body.
pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// RFC 3339 in UTC with microseconds.
pub(crate) fn format_time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// Serializes a time with [`format_time`].
pub(crate) fn serialize_time<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&format_time(*at))
}

/// Serializes an optional time with [`format_time`].
#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub(crate) fn serialize_optional_time<S: Serializer>(
    at: &Option<Timestamp>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize_time(at, out),
        None => out.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_microseconds() {
        let at = Timestamp::new(1_700_000_000, 120_000).unwrap();
        assert_eq!(format_time(at), "2023-11-14T22:13:20.000120Z");
    }
}
