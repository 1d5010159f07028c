//! A reader of server-sent events.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// Maximum time without data; the server sends comments more often.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Maximum size of an event.
const MAX_EVENT_BYTES: usize = 4 << 20;

/// One event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SseEvent {
    pub(super) name: String,
    pub(super) data: String,
}

/// Parses events from bytes.
#[derive(Default)]
struct SseParser {
    rest: Vec<u8>,
    current: SseEvent,
    last_id: String,
    complete: VecDeque<SseEvent>,
}

impl SseParser {
    fn push(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let mut from = 0;
        while let Some(at) = self.rest[from..].iter().position(|b| *b == b'\n') {
            let line = String::from_utf8_lossy(&self.rest[from..from + at]).into_owned();
            self.line(line.trim_end_matches('\r'));
            from += at + 1;
        }
        self.rest.drain(..from);
    }

    fn line(&mut self, line: &str) {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                let event = std::mem::take(&mut self.current);
                if !event.data.is_empty() {
                    self.complete.push_back(event);
                }
            }
            "id" => value.clone_into(&mut self.last_id),
            "event" => value.clone_into(&mut self.current.name),
            "data" => {
                if !self.current.data.is_empty() {
                    self.current.data.push('\n');
                }
                self.current.data.push_str(value);
            }
            _ => {}
        }
    }
}

/// The events of a response body.
pub(super) struct SseStream {
    body: Incoming,
    parser: SseParser,
}

impl SseStream {
    pub(super) fn new(body: Incoming) -> Self {
        Self {
            body,
            parser: SseParser::default(),
        }
    }

    /// The last id that the server sent, with an event or without.
    pub(super) fn last_id(&self) -> &str {
        &self.parser.last_id
    }

    /// The next event; `None` at the end of the response.
    pub(super) async fn next(&mut self) -> Result<Option<SseEvent>> {
        loop {
            if let Some(event) = self.parser.complete.pop_front() {
                return Ok(Some(event));
            }
            let frame = tokio::time::timeout(IDLE_TIMEOUT, self.body.frame());
            let Some(frame) = frame.await.map_err(|_| {
                anyhow!(
                    "the server has sent nothing for {} s",
                    IDLE_TIMEOUT.as_secs()
                )
            })?
            else {
                return Ok(None);
            };
            if let Some(bytes) = frame.context("the stream is incomplete")?.data_ref() {
                self.parser.push(bytes);
            }
            if self.parser.rest.len() + self.parser.current.data.len() > MAX_EVENT_BYTES {
                return Err(anyhow!("the server sent an event that is too long"));
            }
        }
    }

    /// The rest of the body, which holds the text of an error.
    pub(super) async fn rest(self) -> Bytes {
        self.body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_parsed_from_chunks_of_any_size() {
        let text = ": hello\n\nid: 6\n\nid: 7\nevent: notification\r\ndata: {\"a\":\ndata: 1}\n\ndata:x\n\nevent: y\n\n";
        for size in 1..text.len() {
            let mut parser = SseParser::default();
            text.as_bytes()
                .chunks(size)
                .for_each(|piece| parser.push(piece));
            let event = |name: &str, data: &str| SseEvent {
                name: name.to_owned(),
                data: data.to_owned(),
            };
            assert_eq!(
                parser.complete,
                [event("notification", "{\"a\":\n1}"), event("", "x")]
            );
            assert_eq!(parser.last_id, "7");
        }
    }
}
