//! What a handler leaves of a request's body.
//!
//! Most clients look for an answer only once they have sent everything, and take a connection closed before that for a
//! breakdown. So whatever a refusal did not read is read here and forgotten, within bounds, before the answer leaves.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use parking_lot::Mutex;

/// How much is read and forgotten at most, and
const MOST: usize = 128 << 20;
/// for how long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A body that two look at: the handler, and after it whoever reads the rest.
pub(super) struct Shared(Arc<Mutex<Inner>>);

/// The rest of a body.
pub(super) struct Leftover(Arc<Mutex<Inner>>);

struct Inner {
    body: Incoming,
    begun: bool,
}

/// The same body for the handler and for what comes after it.
pub(super) fn share(body: Incoming) -> (Shared, Leftover) {
    let inner = Arc::new(Mutex::new(Inner { body, begun: false }));
    (Shared(inner.clone()), Leftover(inner))
}

impl Leftover {
    /// Reads what is left. A client that waits to be told to go on (`asks_first`) is not told so for this.
    pub(super) async fn discard(self, asks_first: bool) {
        let nothing = {
            let inner = self.0.lock();
            inner.body.is_end_stream() || asks_first && !inner.begun
        };
        if nothing {
            return;
        }
        let mut rest = Shared(self.0);
        let reading = async {
            let mut read = 0;
            while let Some(Ok(frame)) = rest.frame().await {
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > MOST {
                    return;
                }
            }
        };
        // Whoever has not finished by then sees the connection close.
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }
}

impl Body for Shared {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut inner = self.0.lock();
        inner.begun = true;
        Pin::new(&mut inner.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}
