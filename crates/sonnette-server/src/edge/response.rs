//! JSON responses as pretix writes them: compact ASCII without a charset.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use sonnette::domain::UtcDateTime;

use super::ascii_json::to_vec;

const JSON_CONTENT_TYPE: HeaderValue = HeaderValue::from_static("application/json");

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
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, JSON_CONTENT_TYPE);
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

/// Serializes a time as [`format_time`] does, also one beyond the last [`Timestamp`].
#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub(crate) fn serialize_optional_date_time<S: Serializer>(
    at: &Option<UtcDateTime>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => out.collect_str(&at.date_time().strftime("%Y-%m-%dT%H:%M:%S%.6fZ")),
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
