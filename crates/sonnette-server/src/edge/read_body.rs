//! Reads request bodies up to a limit.

use std::error::Error;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::Semaphore;

use super::counted_body::BodyError;
use super::error::ApiError;

/// Characters of a `Content-Encoding` that are repeated in the message.
const MAX_SHOWN_ENCODING_CHARS: usize = 50;

/// Bytes of a body that is parsed at once.
const MAX_INLINE_BYTES: usize = 64 * 1024;

/// Longer bodies that are parsed at a time: more would only take time from the threads that answer requests.
static PARSE_PERMITS: Semaphore = Semaphore::const_new(2);

/// After so many bytes, other requests of the thread have a turn.
const BYTES_PER_TURN: usize = 128 * 1024;

/// Reads a body of at most `limit` bytes, which must not be compressed.
pub(crate) async fn read_limited(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
) -> Result<Bytes, ApiError> {
    check_content_encoding(headers)?;
    let too_large =
        || ApiError::too_large(format!("The request body is longer than {limit} bytes."));
    let content_length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if content_length.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = Limited::new(body, limit);
    // Grows with what arrives: a client that announces much and sends little takes little memory.
    let mut text = BytesMut::new();
    let mut rest_of_turn = BYTES_PER_TURN;
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(error) if error.is::<LengthLimitError>() => return Err(too_large()),
            Err(error) => return Err(incomplete_body_error(error.as_ref())),
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        text.extend_from_slice(&data);
        if data.len() < rest_of_turn {
            rest_of_turn -= data.len();
        } else {
            rest_of_turn = BYTES_PER_TURN;
            tokio::task::yield_now().await;
        }
    }
    Ok(text.freeze())
}

/// The answer to a body that could not be read to its end.
fn incomplete_body_error(error: &(dyn Error + 'static)) -> ApiError {
    match body_error(error) {
        Some(BodyError::TooSlow) => ApiError::TooSlow,
        Some(BodyError::Memory(exceeded)) => ApiError::Overloaded(*exceeded),
        Some(BodyError::Connection(_)) | None => {
            let detail = "The request body ended before it was complete.".to_owned();
            ApiError::Detail(StatusCode::BAD_REQUEST, detail)
        }
    }
}

/// Parses a body: a large one on a thread that may block, so that the thread's other requests do not wait.
pub(crate) async fn parse<T: Send + 'static>(
    body: Bytes,
    parse: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Result<T, ApiError> {
    if body.len() <= MAX_INLINE_BYTES {
        return Ok(parse(&body));
    }
    let permit = PARSE_PERMITS
        .acquire()
        .await
        .map_err(|_| ApiError::Unavailable)?;
    let parsed = tokio::task::spawn_blocking(move || {
        // Held until the work ends, although the client may have disconnected.
        let _permit = permit;
        parse(&body)
    });
    Ok(parsed.await?)
}

/// The error of the connection's body below those of the layers around it.
fn body_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a BodyError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Refuses a body with a `Content-Encoding`: nothing is unpacked.
fn check_content_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()));
    let encoding = encodings.find(|value| !value.trim().eq_ignore_ascii_case("identity"));
    encoding.map_or(Ok(()), |encoding| {
        let shown: String = encoding.chars().take(MAX_SHOWN_ENCODING_CHARS).collect();
        Err(ApiError::UnsupportedEncoding(shown))
    })
}

/// The `Content-Type` header.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn stops_reading_at_the_limit() {
        let read = read_limited(&HeaderMap::new(), Body::from("12345"), 4).await;
        assert!(matches!(
            read,
            Err(ApiError::Detail(StatusCode::PAYLOAD_TOO_LARGE, _))
        ));
    }

    #[tokio::test]
    async fn two_long_bodies_are_parsed_at_a_time() {
        let long = || Bytes::from(vec![b' '; MAX_INLINE_BYTES + 1]);
        let (start, started) = mpsc::channel();
        let begin = || {
            let start = start.clone();
            let (release, released) = mpsc::channel::<()>();
            let work = move |_: &[u8]| {
                start.send(()).unwrap();
                // Ends with an error when the sender is dropped.
                let _ = released.recv();
            };
            (release, Box::pin(parse(long(), work)))
        };
        let mut parses = [begin(), begin(), begin()];
        for (_, parse) in &mut parses {
            let polled = poll_fn(|context| Poll::Ready(parse.as_mut().poll(context))).await;
            assert!(polled.is_pending());
        }
        started.recv().unwrap();
        started.recv().unwrap();
        assert_eq!(PARSE_PERMITS.available_permits(), 0);
        // A body of 64 KiB is parsed meanwhile.
        let short = Bytes::from(vec![b' '; MAX_INLINE_BYTES]);
        assert_eq!(parse(short, <[u8]>::len).await, Ok(65_536));
        assert!(started.try_recv().is_err());
        for (release, parse) in parses {
            drop(release);
            assert_eq!(parse.await, Ok(()));
        }
        assert!(started.try_recv().is_ok());
    }
}
