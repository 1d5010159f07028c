//! An open connection: sending requests and receiving responses.

use std::error::Error as _;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::stream::{Received, Stream};

/// The most header fields of a response.
const MAX_RESPONSE_HEADERS: usize = 256;
/// The most bytes of a response head.
const MAX_RESPONSE_HEAD_BYTES: u32 = 64 * 1024;
/// The flow-control window of an HTTP/2 stream, in bytes.
const STREAM_WINDOW_BYTES: u32 = 256 * 1024;

/// An open connection.
pub(super) enum Connection {
    Http1(Http1Connection),
    Http2(Http2Connection),
}

impl Connection {
    /// Starts HTTP in the version that the receiver chose.
    pub(super) async fn open(stream: Stream) -> hyper::Result<Self> {
        if stream.is_http2() {
            Http2Connection::open(stream).await.map(Self::Http2)
        } else {
            Http1Connection::open(stream).await.map(Self::Http1)
        }
    }

    pub(super) fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }

    /// Sends a request and waits for the head of the response. Interim responses (1xx) are skipped.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NoResponse> {
        match self {
            Self::Http1(connection) => connection.send(request).await,
            Self::Http2(connection) => connection.send(request).await,
        }
    }

    /// The next frame of the response body.
    pub(super) async fn frame(
        &mut self,
        body: &mut Incoming,
    ) -> Option<hyper::Result<Frame<Bytes>>> {
        poll_fn(|cx| {
            let mut body = Pin::new(body as &mut Incoming);
            let first = body.as_mut().poll_frame(cx);
            match self {
                Self::Http1(connection) if first.is_pending() => {
                    connection.drive(cx);
                    body.poll_frame(cx)
                }
                _ => first,
            }
        })
        .await
    }
}

/// Why no response head was received.
pub(super) struct NoResponse {
    pub(super) error: hyper::Error,
    /// Some byte of a response has arrived.
    pub(super) response_begun: bool,
    /// The connection is closed, so that the request may be repeated on another.
    pub(super) closed: bool,
}

type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// An HTTP/1.1 connection, for one request at a time. It is driven by the task that uses it and has no task of its own:
/// this saves two wake-ups per request, and dropping it closes the connection.
pub(super) struct Http1Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Option<Box<Driver>>,
    received: Received,
}

impl Http1Connection {
    async fn open(stream: Stream) -> hyper::Result<Self> {
        let received = stream.received();
        let (sender, driver) = http1::Builder::new()
            .max_headers(MAX_RESPONSE_HEADERS)
            .max_buf_size(MAX_RESPONSE_HEAD_BYTES as usize)
            .handshake(TokioIo::new(stream))
            .await?;
        Ok(Self {
            sender,
            driver: Some(Box::new(driver)),
            received,
        })
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver {
            // An error of the driver is also returned to the request.
            if Pin::new(&mut **driver).poll(cx).is_ready() {
                self.driver = None;
            }
        }
    }

    /// Whether it can send a request now, as far as this side knows.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            // The driver needs two polls: to finish the response, and to be ready for the next request.
            for _ in 0..2 {
                self.drive(cx);
                if self.driver.is_none() || self.sender.is_ready() {
                    break;
                }
            }
            Poll::Ready(self.driver.is_some() && self.sender.is_ready())
        })
        .await
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NoResponse> {
        let before = self.received.load(Ordering::Relaxed);
        let mut answer = pin!(self.sender.try_send_request(request));
        let result = poll_fn(|cx| {
            self.drive(cx);
            answer.as_mut().poll(cx)
        })
        .await;
        result.map_err(|error| NoResponse {
            error: error.into_error(),
            response_begun: self.received.load(Ordering::Relaxed) != before,
            closed: true,
        })
    }
}

/// An HTTP/2 connection, shared by the requests of a lane. A task drives it until the last of its clones is dropped.
#[derive(Clone)]
pub(super) struct Http2Connection {
    sender: http2::SendRequest<Full<Bytes>>,
    /// Identifies the connection: equal in all clones.
    identity: Arc<()>,
}

impl Http2Connection {
    async fn open(stream: Stream) -> hyper::Result<Self> {
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(4 * STREAM_WINDOW_BYTES)
            .max_header_list_size(MAX_RESPONSE_HEAD_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                tracing::debug!(%error, "HTTP/2 connection ended");
            }
        });
        Ok(Self {
            sender,
            identity: Arc::default(),
        })
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.identity, &other.identity)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, NoResponse> {
        let result = self.sender.try_send_request(request).await;
        result.map_err(|error| {
            let unsent = error.message().is_some();
            let error = error.into_error();
            let closed = unsent
                || error.is_canceled()
                || is_safe_to_repeat(&error)
                || self.sender.is_closed();
            NoResponse {
                error,
                response_begun: false,
                closed,
            }
        })
    }
}

/// Whether the receiver has certainly not answered the request, so that it may be repeated.
fn is_safe_to_repeat(error: &hyper::Error) -> bool {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<h2::Error>());
    cause.is_some_and(|e| {
        e.is_io() || e.is_go_away() || e.reason() == Some(h2::Reason::REFUSED_STREAM)
    })
}
