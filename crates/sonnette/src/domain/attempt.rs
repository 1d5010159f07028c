//! One request to a receiver and its outcome.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use super::{ActionTypeName, AttemptId, EventSlug, NotificationId, SendFailure, WebhookId};

/// The outcome of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver responded in time. A body above the size limit counts as complete.
    Answered {
        /// The status, 200 to 999.
        status: u16,
        /// `Retry-After` of a 429 or 503, at most 24 h.
        retry_after: Option<Duration>,
    },
    /// There was no complete response.
    Failed(SendFailure),
}

impl Outcome {
    /// The shortage of this machine because of which no request was sent.
    pub fn shortage(&self) -> Option<&SendFailure> {
        match self {
            Self::Failed(failure @ (SendFailure::Shortage { .. } | SendFailure::LookupLimit)) => {
                Some(failure)
            }
            Self::Answered { .. } | Self::Failed(_) => None,
        }
    }

    /// Whether the receiver did not process the request, so that it is sent again at once.
    pub fn is_not_processed(&self) -> bool {
        matches!(self, Self::Failed(SendFailure::NotProcessed))
    }

    /// Whether the status is 200 to 299.
    pub fn is_success(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 200..=299,
                ..
            }
        )
    }

    /// Whether the receiver is there and does not want this notification: a status of 400 to 499, except those that speak
    /// of credentials (401, 403), time (408, 425, 429) or the end of the receiver (410).
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Answered {
                status: 400..=499,
                ..
            }
        ) && !matches!(self.return_code(), 401 | 403 | 408 | 410 | 425 | 429)
    }

    /// The status, or 0 if there was no complete response.
    pub fn return_code(&self) -> u16 {
        match self {
            Self::Answered { status, .. } => *status,
            Self::Failed(_) => 0,
        }
    }

    /// Why the attempt did not deliver; `None` if it did.
    pub fn failure(&self) -> Option<AttemptFailure> {
        match self {
            Self::Answered { status, .. } => {
                (!self.is_success()).then_some(AttemptFailure::Status(*status))
            }
            Self::Failed(failure) => Some(AttemptFailure::Send(failure.clone())),
        }
    }
}

/// Why an attempt did not deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttemptFailure {
    /// The receiver answered with this status, which is not 200 to 299.
    Status(u16),
    /// There was no complete response.
    Send(SendFailure),
}

/// A request and its response as the log keeps them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpExchange {
    /// When the request began; `webhook-timestamp` is this in whole seconds.
    pub started_at: Timestamp,
    /// The time until the response was read or the request failed.
    pub duration: Duration,
    /// The status or the failure.
    pub outcome: Outcome,
    /// As sent, in order. Values of the webhook's extra headers and of `Authorization` are masked.
    pub request_headers: Headers,
    /// As received, cut at 8 KiB.
    pub response_headers: Headers,
    /// As received, cut at the server's limit.
    pub response_body: Bytes,
}

impl HttpExchange {
    /// The body of the response as text, in the charset that its headers name: windows-1252, for which ISO-8859-1 is
    /// another name on the web, else UTF-8. What is no text becomes U+FFFD.
    pub fn response_text(&self) -> Cow<'_, str> {
        if has_western_charset(&self.response_headers) {
            self.response_body
                .iter()
                .copied()
                .map(windows_1252)
                .collect()
        } else {
            String::from_utf8_lossy(&self.response_body)
        }
    }
}

fn has_western_charset(headers: &str) -> bool {
    const NAMES: [&str; 6] = [
        "iso-8859-1",
        "iso8859-1",
        "latin1",
        "windows-1252",
        "cp1252",
        "us-ascii",
    ];
    let content_type = headers
        .lines()
        .find_map(|line| line.strip_prefix("content-type:"));
    content_type.is_some_and(|value| {
        let lower = value.to_ascii_lowercase();
        let charset = lower
            .split(';')
            .find_map(|part| part.trim().strip_prefix("charset="));
        charset.is_some_and(|name| NAMES.contains(&name.trim_matches(['"', '\'', ' '])))
    })
}

/// The character of a byte in windows-1252.
fn windows_1252(byte: u8) -> char {
    const FROM_0X80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž',
        '\u{8f}', '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}',
        'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_0X80[usize::from(byte - 0x80)],
        other => char::from(other),
    }
}

/// Header lines, `name: value` with a line feed after each.
pub type Headers = String;

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The position in the log.
    pub id: AttemptId,
    /// The webhook that it was sent to.
    pub webhook: WebhookId,
    /// The notification; the id of a test names no stored notification.
    pub notification: NotificationId,
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The event of the notification, if any.
    pub event: Option<EventSlug>,
    /// The target URL without credentials.
    pub target_url: String,
    /// 1 for the first attempt of the delivery.
    pub number: u32,
    /// Whether it is a test.
    pub is_test: bool,
    /// The body that was sent, if it differs from the notification's.
    pub sent_body: Option<Bytes>,
    /// The request and the response.
    pub exchange: HttpExchange,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_its_charset() {
        for (headers, body, text) in [
            ("", &b"\xffa"[..], "\u{fffd}a"),
            ("content-type: text/html\n", b"caf\xc3\xa9", "café"),
            (
                "content-type: text/html; charset=utf-8\n",
                b"caf\xc3\xa9",
                "café",
            ),
            (
                "content-type: text/html; charset=iso-8859-1\n",
                b"caf\xe9",
                "café",
            ),
            (
                "x: y\ncontent-type: text/plain;Charset=\"Latin1\"\n",
                b"\xfc",
                "ü",
            ),
            (
                "content-type: text/plain; charset=windows-1252\n",
                b"5 \x80",
                "5 €",
            ),
            (
                "content-type: text/plain; charset=unknown\n",
                b"\xe9",
                "\u{fffd}",
            ),
        ] {
            let exchange = HttpExchange {
                started_at: Timestamp::UNIX_EPOCH,
                duration: Duration::ZERO,
                outcome: Outcome::Failed(SendFailure::ConnectionClosed),
                request_headers: Headers::default(),
                response_headers: headers.to_owned(),
                response_body: Bytes::copy_from_slice(body),
            };
            assert_eq!(exchange.response_text(), text, "{headers}");
        }
    }
}
