//! HTTP/1.1, for one request at a time.
//!
//! It reads what real receivers send: folded headers, lines that are no headers, missing reason phrases, lines that end
//! with a line feed alone. It is driven by the task that uses it; dropping it closes the connection.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use jiff::Timestamp;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

use super::error::{ExchangeError, no_response_failure};
use super::received_response::ReceivedResponse;
use super::response_body::BodyProgress;
use super::response_head::HeadParser;
use super::signed_request::SignedRequest;
use super::stream::Stream;

/// The size of the read buffer, unless the head of a response is larger.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Up to this size a body is copied behind the head and written together with it.
const MAX_COPIED_BODY_BYTES: usize = 32 * 1024;

/// An HTTP/1.1 connection.
pub(super) struct Http1Connection {
    stream: Stream,
    buffer: ReadBuffer,
    /// The last response was read to its end, and nothing forbids another request.
    is_reusable: bool,
}

/// Received bytes, the first `filled` of `bytes`.
struct ReadBuffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl ReadBuffer {
    fn filled(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }

    fn clear(&mut self) {
        self.filled = 0;
    }
}

impl Http1Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            buffer: ReadBuffer {
                bytes: vec![0; READ_BUFFER_BYTES],
                filled: 0,
            },
            is_reusable: true,
        }
    }

    /// Whether the last response was read to its end and nothing forbids another request.
    pub(super) fn is_reusable(&self) -> bool {
        self.is_reusable
    }

    /// Whether it can send a request now, as far as this side knows: it was not closed, and nothing arrived unasked.
    pub(super) async fn is_ready(&mut self) -> bool {
        let is_silent = poll_fn(|cx| Poll::Ready(self.poll_read(cx).is_pending())).await;
        self.is_reusable && is_silent
    }

    pub(super) async fn exchange(
        &mut self,
        request: &SignedRequest<'_>,
        received: &mut ReceivedResponse,
        now: Timestamp,
    ) -> Result<(), ExchangeError> {
        self.is_reusable = false;
        self.buffer.clear();
        let mut writer = RequestWriter::new(request);
        let mut parser = HeadParser::default();
        let head = loop {
            let read = self.read(&mut writer).await;
            if !matches!(read, Ok(1..)) {
                let has_begun = self.buffer.filled > 0;
                let error = read.err().or(writer.error);
                let failure = no_response_failure(error.as_ref(), has_begun);
                return Err(if has_begun {
                    ExchangeError::Failed(failure)
                } else {
                    ExchangeError::Closed(failure)
                });
            }
            let parsed = parser.parse(self.buffer.filled());
            if let Some(head) = parsed.map_err(ExchangeError::Failed)? {
                break head;
            }
        };
        received.set_status(head.status());
        head.for_each_field(|name, value| received.add_header(name, value, now));
        received.check_status().map_err(ExchangeError::Failed)?;
        let (mut decoder, may_reuse) = head.body();
        let mut start = head.end();
        loop {
            let unread = &self.buffer.filled()[start..];
            match decoder.decode(unread, |data| received.push(data)) {
                BodyProgress::Ended { consumed } => {
                    self.is_reusable = may_reuse && writer.is_done() && consumed == unread.len();
                    break;
                }
                BodyProgress::Exceeded => break,
                BodyProgress::Invalid => return Err(ExchangeError::Failed(received.truncated())),
                BodyProgress::Incomplete => {}
            }
            (start, self.buffer.filled) = (0, 0);
            match self.read(&mut writer).await {
                Ok(1..) => {}
                Ok(0) if decoder.may_end_with_connection() => break,
                Err(_) if decoder.has_all_data() => break,
                Ok(_) | Err(_) => return Err(ExchangeError::Failed(received.truncated())),
            }
        }
        self.buffer.clear();
        self.buffer.bytes.truncate(READ_BUFFER_BYTES);
        self.buffer.bytes.shrink_to_fit();
        Ok(())
    }

    /// Reads more of the response, and meanwhile writes what is left of the request. Returns the number of bytes read.
    async fn read(&mut self, writer: &mut RequestWriter<'_>) -> io::Result<usize> {
        poll_fn(|cx| {
            writer.poll_write(&mut self.stream, cx);
            self.poll_read(cx)
        })
        .await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let ReadBuffer { bytes, filled } = &mut self.buffer;
        if *filled == bytes.len() {
            // The head parser bounds how often this happens.
            bytes.resize(2 * bytes.len(), 0);
        }
        let mut unfilled = ReadBuf::new(&mut bytes[*filled..]);
        let result = Pin::new(&mut self.stream).poll_read(cx, &mut unfilled);
        let count = unfilled.filled().len();
        *filled += count;
        result.map_ok(|()| count)
    }
}

/// A request while it is being written.
struct RequestWriter<'a> {
    /// The head, and the body too if it is small.
    head: Vec<u8>,
    /// The rest of the body.
    body: &'a [u8],
    written: usize,
    is_flushed: bool,
    /// Why it can write no more. The receiver may have responded nevertheless.
    error: Option<io::Error>,
}

impl<'a> RequestWriter<'a> {
    fn new(request: &SignedRequest<'a>) -> Self {
        let (mut head, mut body) = (request.http1_head(), request.body());
        if body.len() <= MAX_COPIED_BODY_BYTES {
            head.extend_from_slice(body);
            body = &[];
        }
        Self {
            head,
            body,
            written: 0,
            is_flushed: false,
            error: None,
        }
    }

    fn is_done(&self) -> bool {
        self.is_flushed && self.error.is_none()
    }

    /// Writes as much as possible without waiting.
    fn poll_write(&mut self, stream: &mut Stream, cx: &mut Context<'_>) {
        let mut stream = Pin::new(stream);
        while !self.is_flushed && self.error.is_none() {
            let result = if let Some(rest) = self.head.get(self.written..).filter(|r| !r.is_empty())
            {
                let slices = [IoSlice::new(rest), IoSlice::new(self.body)];
                stream.as_mut().poll_write_vectored(cx, &slices)
            } else if let Some(rest) = self
                .body
                .get(self.written - self.head.len()..)
                .filter(|r| !r.is_empty())
            {
                stream.as_mut().poll_write(cx, rest)
            } else {
                match stream.as_mut().poll_flush(cx) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => self.is_flushed = true,
                    Poll::Ready(Err(error)) => self.error = Some(error),
                }
                return;
            };
            match result {
                Poll::Pending => return,
                Poll::Ready(Ok(0)) => self.error = Some(ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => self.written += count,
                Poll::Ready(Err(error)) => self.error = Some(error),
            }
        }
    }
}
