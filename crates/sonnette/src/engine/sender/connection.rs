//! An open connection: HTTP/1.1 or HTTP/2.

use jiff::Timestamp;

use super::error::ExchangeError;
use super::http1::Http1Connection;
use super::http2::Http2Connection;
use super::received_response::ReceivedResponse;
use super::signed_request::SignedRequest;
use super::stream::Stream;

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
            Ok(Self::Http1(Http1Connection::new(stream)))
        }
    }

    /// Sends a request and reads the response into `received`. The body is read to its end, or until it exceeds what is
    /// kept. Interim responses (1xx) are skipped.
    pub(super) async fn exchange(
        &mut self,
        request: &SignedRequest<'_>,
        received: &mut ReceivedResponse,
        now: Timestamp,
    ) -> Result<(), ExchangeError> {
        match self {
            Self::Http1(connection) => connection.exchange(request, received, now).await,
            Self::Http2(connection) => connection.exchange(request, received, now).await,
        }
    }
}
