//! The part of a request body that its handler did not read.
//!
//! Most clients read the response only after they have sent the whole request, and report a connection that is closed
//! before that as a network failure. The rest of the body is therefore read and discarded, within bounds, before the
//! response is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;

/// Maximum number of bytes that are discarded.
const MAX_DISCARDED_BYTES: usize = 128 << 20;
/// Maximum time that discarding takes.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// The request body as the handler reads it.
pub(super) struct RequestBody(Arc<Mutex<Inner>>);

/// A second handle on the same body, for what the handler did not read.
pub(super) struct UnreadBody(Arc<Mutex<Inner>>);

struct Inner {
    body: Incoming,
    /// Whether a read has begun; until then hyper has not sent `100 Continue`.
    is_started: bool,
}

/// Splits a body into the handler's handle and the one that discards the rest.
pub(super) fn split(body: Incoming) -> (RequestBody, UnreadBody) {
    let inner = Arc::new(Mutex::new(Inner {
        body,
        is_started: false,
    }));
    (RequestBody(inner.clone()), UnreadBody(inner))
}

impl UnreadBody {
    /// Reads and discards the rest. If the client expects `100 Continue` and has not got it, there is nothing to
    /// discard.
    pub(super) async fn discard(self, expects_continue: bool) {
        let is_done = {
            let inner = self.0.lock();
            inner.body.is_end_stream() || expects_continue && !inner.is_started
        };
        if is_done {
            return;
        }
        let mut body = RequestBody(self.0);
        let discarding = async {
            let mut discarded = 0;
            while let Some(Ok(frame)) = body.frame().await {
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > MAX_DISCARDED_BYTES {
                    return;
                }
            }
        };
        // After the timeout the client sees the connection close.
        let _ = tokio::time::timeout(DISCARD_TIMEOUT, discarding).await;
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut inner = self.0.lock();
        inner.is_started = true;
        Pin::new(&mut inner.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}
