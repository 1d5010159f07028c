//! A response while it is being received.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::RETRY_AFTER;
use jiff::Timestamp;

use crate::domain::{Outcome, SendFailure, TimeoutStage};

/// The most bytes of response headers that are recorded.
const MAX_RECORDED_HEADER_BYTES: usize = 8 * 1024;
/// The longest wait that a receiver can ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// What an attempt is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SendStage {
    /// For a permit to open a connection.
    AwaitingConnection,
    Resolving,
    Connecting,
    TlsHandshake,
    /// For the request to be sent and for the head of the response.
    AwaitingResponse,
    ReadingBody,
}

/// What has been received of a response. It is kept outside of the future that a timeout drops.
pub(super) struct ReceivedResponse {
    pub(super) stage: SendStage,
    pub(super) headers: String,
    body: Vec<u8>,
    /// How many bytes of the body are kept.
    limit: usize,
    status: u16,
    retry_after: Option<Duration>,
}

/// Whether the body still fits into what is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodySpace {
    Available,
    Exceeded,
}

impl ReceivedResponse {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            stage: SendStage::AwaitingConnection,
            headers: String::new(),
            body: Vec::new(),
            limit,
            status: 0,
            retry_after: None,
        }
    }

    /// Records that the head has arrived.
    pub(super) fn set_status(&mut self, status: u16) {
        self.stage = SendStage::ReadingBody;
        self.status = status;
    }

    /// Records a header, once the status is set. Its value counts if it says when to try again.
    pub(super) fn add_header(&mut self, name: &str, value: &[u8], now: Timestamp) {
        push_recorded_header(&mut self.headers, name, value);
        if matches!(self.status, 429 | 503)
            && self.retry_after.is_none()
            && RETRY_AFTER.as_str().eq_ignore_ascii_case(name)
        {
            self.retry_after = parse_retry_after(value, now);
        }
    }

    /// The failure if the status cannot be an outcome.
    pub(super) fn check_status(&self) -> Result<(), SendFailure> {
        match self.status {
            200..=999 => Ok(()),
            101 => Err(SendFailure::ProtocolSwitch),
            status => Err(SendFailure::UnknownStatus { status }),
        }
    }

    /// Records a part of the body, up to the limit.
    pub(super) fn push(&mut self, data: &[u8]) -> BodySpace {
        let room = self.limit - self.body.len();
        self.body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            self.cut_between_characters();
            BodySpace::Exceeded
        } else {
            BodySpace::Available
        }
    }

    /// Removes the last character of a text if a part of it is missing.
    fn cut_between_characters(&mut self) {
        if let Err(error) = str::from_utf8(&self.body)
            && error.error_len().is_none()
        {
            self.body.truncate(error.valid_up_to());
        }
    }

    /// The failure if the body ends now.
    pub(super) fn truncated(&self) -> SendFailure {
        SendFailure::BodyTruncated {
            bytes: self.body.len(),
            status: self.status,
        }
    }

    /// The failure if the time limit passes now.
    pub(super) fn timed_out(&self, limit: Duration, host: &str) -> SendFailure {
        let host = host.to_owned();
        let stage = match self.stage {
            SendStage::AwaitingConnection => TimeoutStage::Queue { host },
            SendStage::Resolving => TimeoutStage::Lookup { host },
            SendStage::Connecting => TimeoutStage::Connect { host },
            SendStage::TlsHandshake => TimeoutStage::Handshake { host },
            SendStage::AwaitingResponse => TimeoutStage::Response,
            SendStage::ReadingBody => TimeoutStage::Body {
                bytes: self.body.len(),
                status: self.status,
            },
        };
        SendFailure::Timeout { stage, limit }
    }

    /// The outcome, if the response is complete.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome::Answered {
            status: self.status,
            retry_after: self.retry_after,
        }
    }

    pub(super) fn into_headers_and_body(self) -> (String, Bytes) {
        (self.headers, self.body.into())
    }
}

/// The wait that `Retry-After` asks for, in seconds or as a date. None: it is invalid, or asks for no wait.
fn parse_retry_after(value: &[u8], now: Timestamp) -> Option<Duration> {
    let text = str::from_utf8(value).ok()?.trim();
    let asked = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let until = httpdate::parse_http_date(text).ok()?;
        until.duration_since(now.into()).ok()?
    };
    (!asked.is_zero()).then_some(asked.min(MAX_RETRY_AFTER))
}

/// Appends a header line as received, up to 8 KiB in all. Bytes that are not UTF-8 are written as `\xNN`.
fn push_recorded_header(lines: &mut String, name: &str, value: &[u8]) {
    if lines.len() >= MAX_RECORDED_HEADER_BYTES {
        return;
    }
    lines.extend(name.chars().map(|c| c.to_ascii_lowercase()));
    lines.push_str(": ");
    for chunk in value.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() && character != '\t' {
                // Writing to a `String` cannot fail.
                let _ = write!(lines, "{}", character.escape_unicode());
            } else {
                lines.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(lines, "\\x{byte:02x}");
        }
    }
    lines.push('\n');
    if lines.len() > MAX_RECORDED_HEADER_BYTES {
        lines.truncate(lines.floor_char_boundary(MAX_RECORDED_HEADER_BYTES));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed_seconds(text: &str) -> Option<u64> {
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        parse_retry_after(text.as_bytes(), now).map(|d| d.as_secs())
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        assert_eq!(parsed_seconds("120"), Some(120));
        assert_eq!(parsed_seconds(" 7 "), Some(7));
        assert_eq!(parsed_seconds("Sun, 01 Mar 2026 12:01:30 GMT"), Some(90));
        assert_eq!(parsed_seconds("Sunday, 01-Mar-26 12:00:05 GMT"), Some(5));
        assert_eq!(parsed_seconds("86401"), Some(86400));
        assert_eq!(parsed_seconds("99999999999999999999999"), Some(86400));
        assert_eq!(parsed_seconds("Wed, 01 Apr 2026 00:00:00 GMT"), Some(86400));
        for nothing in [
            "0",
            "",
            "-5",
            "1.5",
            "soon",
            "Sun, 01 Mar 2026 11:59:00 GMT",
        ] {
            assert_eq!(parsed_seconds(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_record_is_text_and_bounded() {
        let mut lines = String::new();
        push_recorded_header(&mut lines, "X-A", b"caf\xc3\xa9 \xe9");
        assert_eq!(lines, "x-a: café \\xe9\n");
        push_recorded_header(&mut lines, "x-b", "é".repeat(9000).as_bytes());
        push_recorded_header(&mut lines, "x-c", b"no room");
        assert!(
            (MAX_RECORDED_HEADER_BYTES - 1..=MAX_RECORDED_HEADER_BYTES + 8).contains(&lines.len()),
            "{}",
            lines.len()
        );
    }

    #[test]
    fn a_body_of_exactly_the_limit_leaves_room() {
        let mut answer = ReceivedResponse::new(4);
        assert_eq!(answer.push(b"abcd"), BodySpace::Available);
        assert_eq!(answer.push(b""), BodySpace::Available);
        assert_eq!(answer.push(b"e"), BodySpace::Exceeded);
        assert_eq!(answer.into_headers_and_body().1, "abcd");
    }

    #[test]
    fn a_body_is_cut_between_characters() {
        for (body, kept) in [("abcé", "abc"), ("ab€", "ab"), ("🎉🎉", "🎉"), ("éé", "éé")]
        {
            let mut answer = ReceivedResponse::new(4);
            answer.push(format!("{body}more").as_bytes());
            assert_eq!(answer.into_headers_and_body().1, kept);
        }
        let mut answer = ReceivedResponse::new(4);
        answer.push(b"\xe9\xe9\xe9\xe9\xe9");
        assert_eq!(&answer.into_headers_and_body().1[..], b"\xe9\xe9\xe9\xe9");
    }
}
