//! The responses of a [`Receiver`](super::Receiver).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

/// A response of a script. By default it is complete, is sent at once, and keeps the connection open.
#[derive(Debug, Clone)]
pub struct ScriptedResponse {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) mode: ResponseMode,
    pub(super) delay: Option<Duration>,
    pub(super) gate: Option<Gate>,
    pub(super) interim: Vec<u16>,
}

/// How a response is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResponseMode {
    Whole,
    /// Complete; then the connection is closed, with or without `Connection: close`.
    WholeThenClose {
        announced: bool,
    },
    /// Without `Content-Length`; it ends with the connection.
    WithoutLength,
    /// One byte at a time.
    ByteByByte {
        every: Duration,
    },
    /// Announces the whole body and closes after this many bytes of it.
    Truncated {
        after: usize,
    },
    /// Repeats its body without end.
    Endless,
    /// Only these bytes; then the connection is closed, in TLS with or without `close_notify`.
    Raw {
        has_tls_end: bool,
    },
    /// Nothing; the connection stays open.
    Silence,
    /// No response; the connection is closed.
    Close,
    /// No response; the TCP connection is reset.
    Reset,
}

impl ScriptedResponse {
    fn new(status: u16, mode: ResponseMode) -> Self {
        let (headers, interim) = (Vec::new(), Vec::new());
        Self {
            status,
            headers,
            body: Bytes::new(),
            mode,
            delay: None,
            gate: None,
            interim,
        }
    }

    /// 200 without a body.
    pub fn ok() -> Self {
        Self::status(200)
    }

    /// This status without a body.
    pub fn status(status: u16) -> Self {
        Self::new(status, ResponseMode::Whole)
    }

    /// Sends these bytes in place of a response and closes the connection.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::new(0, ResponseMode::Raw { has_tls_end: true }).body(bytes)
    }

    /// Closes the connection of a raw response without the `close_notify` of TLS.
    #[must_use]
    pub fn without_tls_end(mut self) -> Self {
        self.mode = ResponseMode::Raw { has_tls_end: false };
        self
    }

    /// 200 with an endless body, in chunks of 4 KiB as fast as they are read.
    pub fn endless() -> Self {
        Self::new(200, ResponseMode::Endless).body(vec![b'x'; 4096])
    }

    /// Never responds; the connection stays open.
    pub fn silent() -> Self {
        Self::new(0, ResponseMode::Silence)
    }

    /// Closes the connection without a response.
    pub fn close() -> Self {
        Self::new(0, ResponseMode::Close)
    }

    /// Resets the connection without a response.
    pub fn reset() -> Self {
        Self::new(0, ResponseMode::Reset)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends the response after this time. A [`Gate`] is better where a test can use one.
    #[must_use]
    pub fn delayed(mut self, by: Duration) -> Self {
        self.delay = Some(by);
        self
    }

    /// Holds the response until the gate is opened.
    #[must_use]
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Sends an interim response first, such as 100 or 103.
    #[must_use]
    pub fn with_interim(mut self, status: u16) -> Self {
        self.interim.push(status);
        self
    }

    /// Sends the body one byte at a time.
    #[must_use]
    pub fn byte_by_byte(mut self, every: Duration) -> Self {
        self.mode = ResponseMode::ByteByByte { every };
        self
    }

    /// Closes the connection after this many bytes of the body.
    #[must_use]
    pub fn truncated_after(mut self, bytes: usize) -> Self {
        self.mode = ResponseMode::Truncated { after: bytes };
        self
    }

    /// Sends no `Content-Length`; the body ends with the connection.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.mode = ResponseMode::WithoutLength;
        self
    }

    /// Sends `Connection: close` and closes the connection.
    #[must_use]
    pub fn with_connection_close(mut self) -> Self {
        self.mode = ResponseMode::WholeThenClose { announced: true };
        self
    }

    /// Closes the connection without `Connection: close`.
    #[must_use]
    pub fn closing_unannounced(mut self) -> Self {
        self.mode = ResponseMode::WholeThenClose { announced: false };
        self
    }

    /// Waits for the gate and the delay.
    pub(super) async fn wait(&self) {
        if let Some(gate) = &self.gate {
            gate.opened().await;
        }
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
    }
}

/// Holds responses until a test opens it. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Self::default()
    }

    /// Releases held and future responses.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Holds future responses.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    async fn opened(&self) {
        // `self` holds the sender, so the channel cannot close.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
