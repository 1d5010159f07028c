//! JSON answers as pretix writes them: compact, everything but ASCII escaped, no charset.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::edge::ascii_json::to_vec;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer with a JSON body.
pub(crate) fn json<T: Serialize + ?Sized>(status: StatusCode, value: &T) -> Response {
    match to_vec(&value) {
        Ok(text) => json_text(status, text),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// An answer whose JSON text is there already.
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

/// 204.
pub(crate) fn no_content() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// RFC 3339 in UTC with microseconds.
pub(crate) fn time(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// For fields that hold a time.
pub(crate) fn write_time<S: Serializer>(at: &Timestamp, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&time(*at))
}

/// For fields that may hold a time.
#[expect(clippy::ref_option, reason = "serde asks for this shape")]
pub(crate) fn write_maybe_time<S: Serializer>(
    at: &Option<Timestamp>,
    out: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => write_time(at, out),
        None => out.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_times_with_microseconds() {
        let at = Timestamp::new(1_700_000_000, 120_000).unwrap();
        assert_eq!(time(at), "2023-11-14T22:13:20.000120Z");
    }
}
