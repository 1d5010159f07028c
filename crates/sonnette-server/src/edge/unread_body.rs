//! Discards the part of a request body that a handler did not read.
//!
//! Most clients read the response only after they have sent the whole body, and report an error if the connection closes
//! before that. So the unread part is read and discarded, within bounds, before the response is sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;

/// Bytes that are discarded.
const MAX_DISCARDED_BYTES: usize = 128 << 20;
/// How long a body is discarded.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(10);

/// The body as the handler reads it.
pub(super) struct SharedBody(Arc<Mutex<Inner>>);

/// The part of the body that the handler leaves.
pub(super) struct UnreadBody(Arc<Mutex<Inner>>);

struct Inner {
    body: Incoming,
    /// Whether the handler has begun to read.
    is_begun: bool,
}

/// Splits a body into what the handler reads and what is discarded afterwards.
pub(super) fn split(body: Incoming) -> (SharedBody, UnreadBody) {
    let inner = Arc::new(Mutex::new(Inner {
        body,
        is_begun: false,
    }));
    (SharedBody(inner.clone()), UnreadBody(inner))
}

impl UnreadBody {
    /// Reads and discards the rest. A client that waits for `100 Continue` is not asked to send a body that nobody reads.
    pub(super) async fn discard(self, expects_continue: bool) {
        let has_nothing = {
            let inner = self.0.lock();
            inner.body.is_end_stream() || expects_continue && !inner.is_begun
        };
        if has_nothing {
            return;
        }
        let mut rest = SharedBody(self.0);
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = rest.frame().await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > MAX_DISCARDED_BYTES {
                    return;
                }
            }
        };
        // After the timeout the client sees the connection close.
        let _ = tokio::time::timeout(DISCARD_TIMEOUT, reading).await;
    }
}

impl Body for SharedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut inner = self.0.lock();
        inner.is_begun = true;
        Pin::new(&mut inner.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}
