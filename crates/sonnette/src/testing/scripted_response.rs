//! What a [`Receiver`](super::Receiver) says, and how.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

/// One answer of a script. Without more it is whole, at once, and keeps the connection open.
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

/// How an answer goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ResponseMode {
    Whole,
    /// Whole, and then the connection is closed, announced or not.
    WholeThenClose {
        announced: bool,
    },
    /// Without a length: it ends with the connection.
    WithoutLength,
    /// Byte by byte.
    ByteByByte {
        every: Duration,
    },
    /// Promises the whole body, closes after so many bytes of it.
    Truncated {
        after: usize,
    },
    /// Repeats its body for ever.
    Endless,
    /// These bytes and nothing else, then closes.
    Raw,
    /// Nothing, and keeps the connection open.
    Silence,
    /// Closes without an answer.
    Close,
    /// Resets the TCP connection.
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

    /// These bytes in place of an answer, then the end of the connection.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self::new(0, ResponseMode::Raw).body(bytes)
    }

    /// 200 with a body that never ends, in chunks of 4 KiB as fast as they are read.
    pub fn endless() -> Self {
        Self::new(200, ResponseMode::Endless).body(vec![b'x'; 4096])
    }

    /// No answer, for ever.
    pub fn silent() -> Self {
        Self::new(0, ResponseMode::Silence)
    }

    /// The connection is closed without an answer.
    pub fn close() -> Self {
        Self::new(0, ResponseMode::Close)
    }

    /// The connection is reset without an answer.
    pub fn reset() -> Self {
        Self::new(0, ResponseMode::Reset)
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Goes out after this time. Where a test can, it rather holds the answer with a [`Gate`].
    #[must_use]
    pub fn delayed(mut self, by: Duration) -> Self {
        self.delay = Some(by);
        self
    }

    /// Goes out when the gate is opened.
    #[must_use]
    pub fn held_by(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// After an interim answer, such as 100 or 103.
    #[must_use]
    pub fn with_interim(mut self, status: u16) -> Self {
        self.interim.push(status);
        self
    }

    /// The body goes out byte by byte.
    #[must_use]
    pub fn byte_by_byte(mut self, every: Duration) -> Self {
        self.mode = ResponseMode::ByteByByte { every };
        self
    }

    /// The connection is closed when so many bytes of the body have gone out.
    #[must_use]
    pub fn truncated_after(mut self, bytes: usize) -> Self {
        self.mode = ResponseMode::Truncated { after: bytes };
        self
    }

    /// The body has no length; it ends with the connection.
    #[must_use]
    pub fn without_length(mut self) -> Self {
        self.mode = ResponseMode::WithoutLength;
        self
    }

    /// Says `Connection: close` and closes.
    #[must_use]
    pub fn with_connection_close(mut self) -> Self {
        self.mode = ResponseMode::WholeThenClose { announced: true };
        self
    }

    /// Closes without having said so.
    #[must_use]
    pub fn closing_unannounced(mut self) -> Self {
        self.mode = ResponseMode::WholeThenClose { announced: false };
        self
    }

    /// Waits until it may go out.
    pub(super) async fn wait(&self) {
        if let Some(gate) = &self.gate {
            gate.opened().await;
        }
        if let Some(delay) = self.delay {
            tokio::time::sleep(delay).await;
        }
    }
}

/// Holds answers until a test lets them go. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// Closed.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every answer go that is held, and those to come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Holds those to come.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    async fn opened(&self) {
        // The sender lives in `self`, so that there is no error.
        let _ = self.0.subscribe().wait_for(|open| *open).await;
    }
}
