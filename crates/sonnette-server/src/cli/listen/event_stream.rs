//! Server-sent events, as far as we need them.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

/// The server says something at least this often.
const SILENCE: Duration = Duration::from_secs(90);
/// Nothing the server tells is longer.
const LONGEST: usize = 4 << 20;

/// One thing told.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) name: String,
    pub(super) data: String,
}

/// Puts lines together to what they tell.
#[derive(Default)]
struct Reader {
    rest: Vec<u8>,
    begun: Told,
    whole: VecDeque<Told>,
}

impl Reader {
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
                let told = std::mem::take(&mut self.begun);
                if !told.data.is_empty() {
                    self.whole.push_back(told);
                }
            }
            "event" => value.clone_into(&mut self.begun.name),
            "data" => {
                if !self.begun.data.is_empty() {
                    self.begun.data.push('\n');
                }
                self.begun.data.push_str(value);
            }
            _ => {}
        }
    }
}

/// Reads an answer piece by piece.
pub(super) struct Lines {
    body: Incoming,
    reader: Reader,
}

impl Lines {
    pub(super) fn new(body: Incoming) -> Self {
        Self {
            body,
            reader: Reader::default(),
        }
    }

    /// The next thing told; none when the answer has ended.
    pub(super) async fn next(&mut self) -> Result<Option<Told>> {
        loop {
            if let Some(told) = self.reader.whole.pop_front() {
                return Ok(Some(told));
            }
            let frame = tokio::time::timeout(SILENCE, self.body.frame());
            let Some(frame) = frame
                .await
                .map_err(|_| anyhow!("nothing was heard for a while"))?
            else {
                return Ok(None);
            };
            if let Some(bytes) = frame.context("the stream broke off")?.data_ref() {
                self.reader.push(bytes);
            }
            if self.reader.rest.len() + self.reader.begun.data.len() > LONGEST {
                return Err(anyhow!("the server tells something endless"));
            }
        }
    }

    /// What is left of the answer, for an error.
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
    fn what_is_told_is_put_together_from_any_pieces() {
        let text =
            ": hello\n\nevent: notification\r\ndata: {\"a\":\ndata: 1}\n\ndata:x\n\nevent: y\n\n";
        for size in 1..text.len() {
            let mut reader = Reader::default();
            text.as_bytes()
                .chunks(size)
                .for_each(|piece| reader.push(piece));
            let told = |name: &str, data: &str| Told {
                name: name.to_owned(),
                data: data.to_owned(),
            };
            assert_eq!(
                reader.whole,
                [told("notification", "{\"a\":\n1}"), told("", "x")]
            );
        }
    }
}
