//! Reads request bodies up to a limit.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use super::error::ApiError;

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read_limited(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let too_large =
        || ApiError::too_large(format!("The request body is longer than {limit} bytes."));
    let content_length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if content_length.is_some_and(|length| length > limit) {
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

/// The `Content-Type` header.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn stops_reading_at_the_limit() {
        let read = read_limited(&HeaderMap::new(), Body::from("12345"), 4).await;
        assert!(matches!(
            read,
            Err(ApiError::Detail(StatusCode::PAYLOAD_TOO_LARGE, _))
        ));
    }
}
