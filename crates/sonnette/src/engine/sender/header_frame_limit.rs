//! Bounds the header frames of an HTTP/2 connection.
//!
//! h2 accepts any number of interim responses (1xx). A receiver that sends them without end would keep a processor busy.

use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::response_limits::MAX_INTERIM_RESPONSES;
use super::stream::Stream;

/// The interim responses, the response itself, and the trailers.
const MAX_HEADER_FRAMES_PER_REQUEST: u64 = MAX_INTERIM_RESPONSES as u64 + 2;
/// The length, type, flags and stream of a frame.
const FRAME_HEADER_BYTES: usize = 9;
const HEADERS_FRAME: u8 = 1;
const CONTINUATION_FRAME: u8 = 9;

/// How many header frames may still arrive over a connection. Clones share the number.
#[derive(Debug, Clone, Default)]
pub(super) struct HeaderFrameLimit(Arc<FrameBudget>);

#[derive(Debug, Default)]
struct FrameBudget {
    allowed: AtomicU64,
    is_exceeded: AtomicBool,
    largest_block_bytes: AtomicUsize,
}

impl HeaderFrameLimit {
    /// Allows what a response may have.
    pub(super) fn add_request(&self) {
        self.0
            .allowed
            .fetch_add(MAX_HEADER_FRAMES_PER_REQUEST, Ordering::Relaxed);
    }

    /// Whether more have arrived than were allowed.
    pub(super) fn is_exceeded(&self) -> bool {
        self.0.is_exceeded.load(Ordering::Relaxed)
    }

    /// The compressed size of the largest headers that have arrived.
    pub(super) fn largest_block_bytes(&self) -> usize {
        self.0.largest_block_bytes.load(Ordering::Relaxed)
    }

    /// Takes one frame from what is allowed. Returns whether it was.
    fn take_frame(&self) -> bool {
        let take_one = |allowed: u64| allowed.checked_sub(1);
        let result = self
            .0
            .allowed
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take_one);
        if result.is_err() {
            self.0.is_exceeded.store(true, Ordering::Relaxed);
        }
        result.is_ok()
    }
}

/// A connection whose reads fail once more header frames have arrived than are allowed.
pub(super) struct LimitedStream {
    stream: Stream,
    frames: FrameScanner,
    limit: HeaderFrameLimit,
}

impl LimitedStream {
    pub(super) fn new(stream: Stream, limit: HeaderFrameLimit) -> Self {
        Self {
            stream,
            frames: FrameScanner::default(),
            limit,
        }
    }
}

/// Finds the beginnings of frames in what is received.
#[derive(Debug, Default)]
struct FrameScanner {
    header: [u8; FRAME_HEADER_BYTES],
    /// How many bytes of the header have arrived.
    filled: usize,
    /// How many bytes of the payload are to come.
    payload: usize,
    /// The payloads of the last header frame and of those that continue it.
    block_bytes: usize,
    largest_block_bytes: usize,
}

impl FrameScanner {
    /// The number of header frames that begin in `received`.
    fn count_headers(&mut self, mut received: &[u8]) -> usize {
        let mut count = 0;
        while !received.is_empty() {
            if self.payload > 0 {
                let skipped = self.payload.min(received.len());
                self.payload -= skipped;
                received = &received[skipped..];
                continue;
            }
            let taken = (FRAME_HEADER_BYTES - self.filled).min(received.len());
            self.header[self.filled..self.filled + taken].copy_from_slice(&received[..taken]);
            self.filled += taken;
            received = &received[taken..];
            if self.filled == FRAME_HEADER_BYTES {
                let [a, b, c, kind, ..] = self.header;
                self.payload = u32::from_be_bytes([0, a, b, c]) as usize;
                self.filled = 0;
                match kind {
                    HEADERS_FRAME => self.block_bytes = self.payload,
                    CONTINUATION_FRAME => self.block_bytes += self.payload,
                    _ => continue,
                }
                count += usize::from(kind == HEADERS_FRAME);
                self.largest_block_bytes = self.largest_block_bytes.max(self.block_bytes);
            }
        }
        count
    }
}

impl AsyncRead for LimitedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let count = self.frames.count_headers(&buf.filled()[before..]);
        let largest_block_bytes = self.frames.largest_block_bytes;
        let budget = &self.limit.0;
        budget
            .largest_block_bytes
            .store(largest_block_bytes, Ordering::Relaxed);
        for _ in 0..count {
            if !self.limit.take_frame() {
                return Poll::Ready(Err(ErrorKind::InvalidData.into()));
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for LimitedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
