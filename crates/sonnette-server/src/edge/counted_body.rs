//! The body of a request: its bytes are counted, its client must send them at a least rate, and what the handler does not
//! read is discarded.
//!
//! Most clients read the response only after they have sent the whole request, and report a connection that is closed
//! before that as a network failure. The rest of the body is therefore read and discarded, within bounds, before the
//! response is sent.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::Sleep;

use super::body_memory::BodyReservation;
use super::connection_table::ConnectionGuard;
use super::error::ApiError;
use super::limits::LimitExceeded;

/// Maximum number of bytes that are discarded.
const MAX_DISCARDED_BYTES: usize = 128 << 20;
/// Maximum time that discarding takes.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a body cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BodyError {
    /// The connection failed, or the body is malformed.
    #[error("the body cannot be received")]
    Connection(#[from] hyper::Error),
    /// The body came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
    /// There is no memory left for it.
    #[error("the bodies of requests take too much memory")]
    Memory(LimitExceeded),
}

/// The request body as the handler reads it.
pub(super) struct RequestBody(Arc<Mutex<Inner>>);

/// A second handle on the same body, for what the handler did not read.
pub(super) struct UnreadBody(Arc<Mutex<Inner>>);

/// What bounds a body.
pub(super) struct BodyLimits {
    /// Counts its bytes.
    pub(super) reservation: BodyReservation,
    /// Its connection.
    pub(super) guard: Arc<ConnectionGuard>,
    /// The client must send `min_bytes` in each `timeout`.
    pub(super) timeout: Duration,
    /// See `timeout`.
    pub(super) min_bytes: u64,
}

struct Inner {
    body: Incoming,
    /// Whether a read has begun; until then hyper has not sent `100 Continue`.
    is_started: bool,
    /// `None`: the bytes are discarded, and not counted.
    reservation: Option<BodyReservation>,
    guard: Arc<ConnectionGuard>,
    timeout: Duration,
    min_bytes: u64,
    /// Runs from the first time that the server waits for the client.
    timer: Option<Pin<Box<Sleep>>>,
    /// Bytes since the timer was set.
    received: u64,
    /// The response to a body that could not be read to its end, whatever the handler makes of it.
    failure: Option<ApiError>,
}

/// Splits a body into the handler's handle and the one that discards the rest.
pub(super) fn split(body: Incoming, limits: BodyLimits) -> (RequestBody, UnreadBody) {
    let inner = Arc::new(Mutex::new(Inner {
        body,
        is_started: false,
        reservation: Some(limits.reservation),
        guard: limits.guard,
        timeout: limits.timeout,
        min_bytes: limits.min_bytes,
        timer: None,
        received: 0,
        failure: None,
    }));
    (RequestBody(inner.clone()), UnreadBody(inner))
}

impl UnreadBody {
    /// The response to a body that could not be read to its end.
    pub(super) fn take_error(&self) -> Option<ApiError> {
        self.0.lock().failure.take()
    }

    /// Reads and discards the rest. If the client expects `100 Continue` and has not got it, there is nothing to
    /// discard.
    pub(super) async fn discard(self, expects_continue: bool) {
        let is_done = {
            let mut inner = self.0.lock();
            inner.reservation = None;
            inner.body.is_end_stream() || expects_continue && !inner.is_started
        };
        if is_done {
            return;
        }
        discard_body(RequestBody(self.0)).await;
    }
}

/// Reads and discards a body within the bounds. Beyond them the client sees the connection close.
async fn discard_body(mut body: impl Body<Data = Bytes> + Unpin) {
    let discarding = async {
        let mut discarded = 0;
        while let Some(Ok(frame)) = body.frame().await {
            discarded += frame.data_ref().map_or(0, Bytes::len);
            if discarded > MAX_DISCARDED_BYTES {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, discarding).await;
}

impl Inner {
    fn receive(&mut self, frame: Frame<Bytes>) -> Result<Frame<Bytes>, BodyError> {
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        self.received += bytes as u64;
        if let Some(charge) = &mut self.reservation {
            charge.add(bytes).map_err(|exceeded| {
                self.failure = Some(ApiError::Overloaded(exceeded));
                BodyError::Memory(exceeded)
            })?;
        }
        Ok(frame)
    }

    /// Completes when the client is too slow.
    fn poll_too_slow(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let timeout = self.timeout;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(timeout)));
        while timer.as_mut().poll(context).is_ready() {
            if self.received < self.min_bytes {
                self.failure = Some(ApiError::TooSlow);
                return Poll::Ready(());
            }
            self.received = 0;
            let deadline = timer.deadline() + timeout;
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut inner = self.0.lock();
        inner.is_started = true;
        let polled = Pin::new(&mut inner.body).poll_frame(context);
        inner.guard.set_blocked(polled.is_pending());
        match polled {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(inner.receive(frame))),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => inner
                .poll_too_slow(context)
                .map(|()| Some(Err(BodyError::TooSlow))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;

    use http_body_util::StreamBody;
    use tokio::time::Instant;
    use tokio_stream::StreamExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the paused clock of the runtime is what is tested"
    )]
    async fn what_is_discarded_is_bounded() {
        let frame = Bytes::from(vec![0; 1 << 20]);
        let read = Cell::new(0);
        let frames = tokio_stream::iter(0..1_000).map(|_| {
            read.set(read.get() + 1);
            Ok::<_, Infallible>(Frame::data(frame.clone()))
        });
        discard_body(StreamBody::new(frames)).await;
        // The frame beyond 128 MiB is the last one.
        assert_eq!(read.get(), 129);
        let start = Instant::now();
        let silent = tokio_stream::pending::<Result<Frame<Bytes>, Infallible>>();
        discard_body(StreamBody::new(silent)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(10));
    }
}
