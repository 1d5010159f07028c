//! A connection whose client must read answers at a least rate.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::connection_table::ConnectionGuard;

/// A connection that fails when its client reads too slowly.
pub(super) struct TimedStream {
    stream: TcpStream,
    guard: Arc<ConnectionGuard>,
    timeout: Duration,
    min_bytes: u64,
    /// While the client does not take all that is written.
    stall: Option<StallTimer>,
}

struct StallTimer {
    timer: Pin<Box<Sleep>>,
    /// Since the timer was set.
    written: u64,
}

impl TimedStream {
    /// The client must take `min_bytes` in each `timeout` in which the server waits for it.
    pub(super) fn new(
        stream: TcpStream,
        guard: Arc<ConnectionGuard>,
        timeout: Duration,
        min_bytes: u64,
    ) -> Self {
        Self {
            stream,
            guard,
            timeout,
            min_bytes,
            stall: None,
        }
    }

    fn track(
        &mut self,
        written: Poll<io::Result<usize>>,
        len: usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(count)) if count < len => {
                if let Some(stall) = &mut self.stall {
                    stall.written += count as u64;
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(result) => {
                if self.stall.take().is_some() {
                    self.guard.set_blocked(false);
                }
                Poll::Ready(result)
            }
            Poll::Pending => self.poll_stall(context),
        }
    }

    fn poll_stall(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let stall = self.stall.get_or_insert_with(|| {
            self.guard.set_blocked(true);
            StallTimer {
                timer: Box::pin(tokio::time::sleep(self.timeout)),
                written: 0,
            }
        });
        loop {
            ready!(stall.timer.as_mut().poll(context));
            if stall.written < self.min_bytes {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            stall.written = 0;
            let deadline = stall.timer.deadline() + self.timeout;
            stall.timer.as_mut().reset(deadline);
        }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.track(written, bytes.len(), context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        let len = slices.iter().map(|slice| slice.len()).sum();
        self.track(written, len, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
