//! HTTP/2, by hyper.

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use jiff::Timestamp;

use super::error::{ExchangeError, http2_failure};
use super::header_frame_limit::{HeaderFrameLimit, LimitedStream};
use super::received_response::{BodySpace, ReceivedResponse};
use super::response_limits::{MAX_RESPONSE_HEAD_BYTES, MAX_RESPONSE_HEADERS};
use super::signed_request::SignedRequest;
use super::stream::Stream;
use crate::domain::SendFailure;

/// The flow-control window of a stream, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Headers of more than [`MAX_RESPONSE_HEAD_BYTES`] have more than this when they are compressed, unless they repeat
/// themselves.
const MIN_LARGE_BLOCK_BYTES: usize = MAX_RESPONSE_HEAD_BYTES as usize / 8;

/// An HTTP/2 connection, shared by the requests of a lane. A task drives it until the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct Http2Connection {
    sender: http2::SendRequest<Full<Bytes>>,
    header_frames: HeaderFrameLimit,
    /// Identifies the connection: equal in all clones.
    identity: Arc<()>,
}

impl Http2Connection {
    pub(super) async fn open(stream: Stream) -> hyper::Result<Self> {
        let header_frames = HeaderFrameLimit::default();
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(4 * STREAM_WINDOW_BYTES)
            .max_header_list_size(MAX_RESPONSE_HEAD_BYTES)
            .handshake(TokioIo::new(LimitedStream::new(
                stream,
                header_frames.clone(),
            )))
            .await?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "HTTP/2 connection ended");
            }
        });
        Ok(Self {
            sender,
            header_frames,
            identity: Arc::default(),
        })
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    pub(super) async fn exchange(
        &mut self,
        request: &SignedRequest<'_>,
        received: &mut ReceivedResponse,
        now: Timestamp,
    ) -> Result<(), ExchangeError> {
        self.header_frames.add_request();
        let response = self.sender.try_send_request(request.http2_request()).await;
        let response = response.map_err(|error| {
            let is_unsent = error.message().is_some();
            let error = error.into_error();
            let failure = http2_failure(&error);
            if is_not_processed(&error) {
                ExchangeError::NotProcessed(failure)
            } else if self.header_frames.is_exceeded() || self.has_too_large_headers(&error) {
                ExchangeError::Failed(SendFailure::HeadersTooLarge)
            } else if is_unsent || is_closed(&error) || self.sender.is_closed() {
                ExchangeError::Closed(failure)
            } else {
                ExchangeError::Failed(failure)
            }
        })?;
        let (parts, mut body) = response.into_parts();
        if parts.headers.len() > MAX_RESPONSE_HEADERS {
            return Err(ExchangeError::Failed(SendFailure::HeadersTooLarge));
        }
        received.set_status(parts.status.as_u16());
        for (name, value) in &parts.headers {
            received.add_header(name.as_str(), value.as_bytes(), now);
        }
        received.check_status().map_err(ExchangeError::Failed)?;
        let mut is_complete = is_complete(&body);
        while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(|_| ExchangeError::Failed(received.truncated()))?;
            let data = frame.data_ref();
            if data.is_some_and(|data| received.push(data) == BodySpace::Exceeded) {
                return Ok(());
            }
            is_complete |= frame.is_trailers() || self::is_complete(&body);
        }
        // hyper takes a stream that the receiver resets without an error for one that has ended.
        if is_complete || self::is_complete(&body) || matches!(parts.status.as_u16(), 204 | 304) {
            return Ok(());
        }
        Err(ExchangeError::Failed(received.truncated()))
    }

    /// Whether h2 has refused a response because of the size of its headers. Its error is the same for malformed headers,
    /// which are seldom as large.
    fn has_too_large_headers(&self, error: &hyper::Error) -> bool {
        let is_refusal = |reason| {
            matches!(
                reason,
                h2::Reason::PROTOCOL_ERROR
                    | h2::Reason::COMPRESSION_ERROR
                    | h2::Reason::ENHANCE_YOUR_CALM
            )
        };
        http2_error(error).is_some_and(|e| e.is_library() && e.reason().is_some_and(is_refusal))
            && self.header_frames.largest_block_bytes() > MIN_LARGE_BLOCK_BYTES
    }
}

/// Whether the receiver has ended the body, or all that it announced has been read.
fn is_complete(body: &Incoming) -> bool {
    body.is_end_stream() || body.size_hint().exact() == Some(0)
}

fn http2_error(error: &hyper::Error) -> Option<&h2::Error> {
    error.source().and_then(|cause| cause.downcast_ref())
}

/// Whether the receiver says that it has not processed the request.
fn is_not_processed(error: &hyper::Error) -> bool {
    http2_error(error).is_some_and(|e| {
        e.is_remote() && (e.is_go_away() || e.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

/// Whether the connection was closed.
fn is_closed(error: &hyper::Error) -> bool {
    error.is_canceled() || http2_error(error).is_some_and(|e| e.is_io() || e.is_go_away())
}
