//! Splits recorded headers into a template and values, and joins them again, byte for byte.
//!
//! The requests to a webhook differ in few headers, such as `webhook-signature`, and the responses of a receiver mostly in
//! `date`. A store keeps what does not vary once, as a template, and with each attempt only the values. A control character
//! in the template stands for a value and says how it is encoded; headers that contain such a character are not split.
//!
//! Erasing a person's data clears the values and leaves the templates. Of a response, therefore, only headers that say
//! nothing about the notification are part of the template.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};

use super::header_values::{ValueReader, push_number, push_signed_number};
use crate::domain::{NotificationId, base_36};

/// Any text: its length and its bytes.
const TEXT_MARKER: char = '\u{1}';
/// A number in decimal notation.
const NUMBER_MARKER: char = '\u{2}';
/// The end of a `webhook-id`: the notification, and the time of publication as its distance from the start of the attempt.
const MESSAGE_ID_MARKER: char = '\u{3}';
/// A time in seconds since 1970, as its distance from the start of the attempt.
const SECONDS_MARKER: char = '\u{4}';
/// 32 bytes, written in base64.
const BASE64_32_BYTES_MARKER: char = '\u{5}';
/// 64 bytes, written in base64.
const BASE64_64_BYTES_MARKER: char = '\u{6}';
/// 32 bytes, written in lower-case hexadecimal digits.
const HEX_32_BYTES_MARKER: char = '\u{7}';
/// A time as in `date`, as its distance in seconds from the start of the attempt.
const DATE_MARKER: char = '\u{8}';

/// Response headers whose values say nothing about the notification.
const NON_PERSONAL_RESPONSE_HEADERS: &[&str] = &[
    "accept-ranges",
    "allow",
    "alt-svc",
    "cache-control",
    "connection",
    "content-encoding",
    "content-language",
    "content-type",
    "keep-alive",
    "pragma",
    "referrer-policy",
    "server",
    "strict-transport-security",
    "transfer-encoding",
    "vary",
    "via",
    "x-content-type-options",
    "x-frame-options",
    "x-powered-by",
    "x-xss-protection",
];

/// Longer values of response headers are not part of a template.
const MAX_TEMPLATE_VALUE_BYTES: usize = 128;

/// Headers without the values that vary, and these values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SplitHeaders {
    pub(crate) template: String,
    pub(crate) values: Vec<u8>,
}

/// What the store keeps with each attempt anyway. The same is needed to join the headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct HeaderContext {
    pub(crate) notification: NotificationId,
    pub(crate) started_at: Timestamp,
}

impl HeaderContext {
    /// `None`: the headers cannot be split.
    pub(crate) fn split_request(self, headers: &str) -> Option<SplitHeaders> {
        HeaderSplitter::split(self, headers, HeaderSplitter::add_request_line)
    }

    /// `None`: the headers cannot be split.
    pub(crate) fn split_response(self, headers: &str) -> Option<SplitHeaders> {
        HeaderSplitter::split(self, headers, HeaderSplitter::add_response_line)
    }

    /// The headers that were split. `None`: the values do not belong to this template.
    pub(crate) fn join(self, template: &str, values: &[u8]) -> Option<String> {
        let mut headers = String::with_capacity(template.len() + 3 * values.len());
        let mut values = ValueReader(values);
        let mut rest = template;
        while let Some(at) = rest.find(is_marker) {
            let (literal, marked) = rest.split_at(at);
            headers.push_str(literal);
            let mut chars = marked.chars();
            self.push_value(chars.next()?, &mut values, &mut headers)?;
            rest = chars.as_str();
        }
        headers.push_str(rest);
        values.0.is_empty().then_some(headers)
    }

    fn push_value(
        self,
        marker: char,
        values: &mut ValueReader<'_>,
        headers: &mut String,
    ) -> Option<()> {
        match marker {
            TEXT_MARKER => {
                let length = usize::try_from(values.read_number()?).ok()?;
                headers.push_str(std::str::from_utf8(values.read_bytes(length)?).ok()?);
            }
            NUMBER_MARKER => headers.push_str(&values.read_number()?.to_string()),
            MESSAGE_ID_MARKER => {
                let started_at = self.started_at.as_microsecond();
                let published_at = started_at.wrapping_sub(values.read_signed_number()?);
                headers.push_str(&self.notification.0.to_string());
                headers.push('_');
                headers.push_str(&base_36(published_at.cast_unsigned()));
            }
            SECONDS_MARKER => {
                let seconds = self.started_at.as_second();
                let seconds = seconds.wrapping_add(values.read_signed_number()?);
                headers.push_str(&seconds.to_string());
            }
            BASE64_32_BYTES_MARKER => STANDARD.encode_string(values.read_bytes(32)?, headers),
            BASE64_64_BYTES_MARKER => STANDARD.encode_string(values.read_bytes(64)?, headers),
            HEX_32_BYTES_MARKER => {
                for byte in values.read_bytes(32)? {
                    headers.extend([byte >> 4, byte & 15].map(hex_digit));
                }
            }
            DATE_MARKER => {
                let seconds = self.started_at.as_second();
                let seconds = seconds.checked_add(values.read_signed_number()?)?;
                headers.push_str(&format_date(Timestamp::from_second(seconds).ok()?)?);
            }
            _ => return None,
        }
        Some(())
    }
}

fn is_marker(character: char) -> bool {
    (TEXT_MARKER..=DATE_MARKER).contains(&character)
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value)])
}

fn format_date(time: Timestamp) -> Option<String> {
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&time)
        .ok()
}

struct HeaderSplitter {
    context: HeaderContext,
    split: SplitHeaders,
}

impl HeaderSplitter {
    fn split(
        context: HeaderContext,
        headers: &str,
        add_line: impl Fn(&mut Self, &str),
    ) -> Option<SplitHeaders> {
        if headers.contains(is_marker) {
            return None;
        }
        let mut splitter = Self {
            context,
            split: SplitHeaders {
                template: String::with_capacity(headers.len()),
                values: Vec::with_capacity(64),
            },
        };
        for line in headers.split_inclusive('\n') {
            add_line(&mut splitter, line);
        }
        Some(splitter.split)
    }

    fn add_request_line(&mut self, line: &str) {
        let (content, end) = split_line_end(line);
        let Some((name, value)) = content.split_once(": ") else {
            self.split.template.push_str(line);
            return;
        };
        let add: fn(&mut Self, &str) -> Option<()> = match name {
            "content-length" => Self::add_number,
            "webhook-id" => Self::add_message_id,
            "webhook-timestamp" => Self::add_seconds,
            "webhook-signature" => |splitter, value| {
                splitter.add_signatures(value);
                Some(())
            },
            "x-partners-signature" => Self::add_hex_digits,
            _ => {
                self.split.template.push_str(line);
                return;
            }
        };
        self.add_line(name, value, end, add);
    }

    fn add_response_line(&mut self, line: &str) {
        let (content, end) = split_line_end(line);
        let Some((name, value)) = content.split_once(": ") else {
            self.add_text(line);
            return;
        };
        let is_named = |names: &[&str]| names.iter().any(|n| n.eq_ignore_ascii_case(name));
        if is_named(&["content-length", "age"]) {
            self.add_line(name, value, end, Self::add_number);
        } else if is_named(&["date", "expires", "last-modified"]) {
            self.add_line(name, value, end, Self::add_date);
        } else if value.len() <= MAX_TEMPLATE_VALUE_BYTES && is_named(NON_PERSONAL_RESPONSE_HEADERS)
        {
            self.split.template.push_str(line);
        } else {
            self.add_text(line);
        }
    }

    /// Adds a line whose value varies: as text, if `add` cannot encode it.
    fn add_line(
        &mut self,
        name: &str,
        value: &str,
        end: &str,
        add: fn(&mut Self, &str) -> Option<()>,
    ) {
        self.split.template.push_str(name);
        self.split.template.push_str(": ");
        if add(self, value).is_none() {
            self.add_text(value);
        }
        self.split.template.push_str(end);
    }

    fn add_text(&mut self, text: &str) {
        self.split.template.push(TEXT_MARKER);
        push_number(&mut self.split.values, text.len() as u64);
        self.split.values.extend_from_slice(text.as_bytes());
    }

    fn add_number(&mut self, value: &str) -> Option<()> {
        let number: u64 = value.parse().ok()?;
        if number.to_string() != value {
            return None;
        }
        self.split.template.push(NUMBER_MARKER);
        push_number(&mut self.split.values, number);
        Some(())
    }

    fn add_seconds(&mut self, value: &str) -> Option<()> {
        let seconds: i64 = value.parse().ok()?;
        if seconds.to_string() != value {
            return None;
        }
        let difference = seconds.wrapping_sub(self.context.started_at.as_second());
        self.split.template.push(SECONDS_MARKER);
        push_signed_number(&mut self.split.values, difference);
        Some(())
    }

    fn add_message_id(&mut self, value: &str) -> Option<()> {
        let (start, time) = value.rsplit_once('_')?;
        let start = start.strip_suffix(&self.context.notification.0.to_string())?;
        let published_at = u64::from_str_radix(time, 36).ok()?;
        if base_36(published_at) != time {
            return None;
        }
        let started_at = self.context.started_at.as_microsecond();
        let difference = started_at.wrapping_sub(published_at.cast_signed());
        self.split.template.push_str(start);
        self.split.template.push(MESSAGE_ID_MARKER);
        push_signed_number(&mut self.split.values, difference);
        Some(())
    }

    /// Adds the entries of `webhook-signature`, which are separated by spaces.
    fn add_signatures(&mut self, value: &str) {
        for (index, entry) in value.split(' ').enumerate() {
            if index > 0 {
                self.split.template.push(' ');
            }
            if self.add_signature(entry).is_none() {
                self.add_text(entry);
            }
        }
    }

    fn add_signature(&mut self, entry: &str) -> Option<()> {
        let (scheme, encoded) = entry
            .split_once(',')
            .filter(|(scheme, _)| matches!(*scheme, "v1" | "v1a"))?;
        // Refuses what it would not encode in the same way.
        let signature = STANDARD.decode(encoded).ok()?;
        let marker = match signature.len() {
            32 => BASE64_32_BYTES_MARKER,
            64 => BASE64_64_BYTES_MARKER,
            _ => return None,
        };
        self.split.template.push_str(scheme);
        self.split.template.extend([',', marker]);
        self.split.values.extend(signature);
        Some(())
    }

    fn add_hex_digits(&mut self, value: &str) -> Option<()> {
        let digits = value.as_bytes();
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let bytes: Option<Vec<u8>> = digits
            .chunks_exact(2)
            .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
            .collect();
        self.split
            .values
            .extend(bytes.filter(|_| digits.len() == 64)?);
        self.split.template.push(HEX_32_BYTES_MARKER);
        Some(())
    }

    fn add_date(&mut self, value: &str) -> Option<()> {
        let time = DateTimeParser::new().parse_timestamp(value).ok()?;
        if format_date(time)? != value {
            return None;
        }
        let difference = time.as_second() - self.context.started_at.as_second();
        self.split.template.push(DATE_MARKER);
        push_signed_number(&mut self.split.values, difference);
        Some(())
    }
}

/// A line, and the line feed if it ends in one.
fn split_line_end(line: &str) -> (&str, &str) {
    line.strip_suffix('\n')
        .map_or((line, ""), |content| (content, "\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER_CONTEXT: HeaderContext = HeaderContext {
        notification: NotificationId(77),
        started_at: Timestamp::constant(1_764_400_000, 123_456_000),
    };

    const REQUEST_HEADERS: &str = "host: example.org\nuser-agent: Sonnette\nauthorization: ***\ncontent-length: 250\n\
        webhook-id: msg_0123456789ab_5_77_fcxmmx1m51\nwebhook-timestamp: 1764400000\n\
        webhook-signature: v1,AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    #[test]
    fn what_varies_between_requests_has_few_bytes() {
        let split = HEADER_CONTEXT.split_request(REQUEST_HEADERS).unwrap();
        assert_eq!(
            split.template,
            "host: example.org\nuser-agent: Sonnette\nauthorization: ***\ncontent-length: \u{2}\n\
             webhook-id: msg_0123456789ab_5_\u{3}\nwebhook-timestamp: \u{4}\nwebhook-signature: v1,\u{5}\n"
        );
        assert!(split.values.len() < 45, "{}", split.values.len());
        let joined = HEADER_CONTEXT.join(&split.template, &split.values);
        assert_eq!(joined.as_deref(), Some(REQUEST_HEADERS));
    }

    #[test]
    fn only_non_personal_headers_of_a_response_are_in_its_template() {
        let headers = "Server: nginx\nDate: Sat, 29 Nov 2025 07:06:41 GMT\ncontent-length: 2\nset-cookie: person=1\n\
            x-person-name: y\nno header\n";
        let split = HEADER_CONTEXT.split_response(headers).unwrap();
        assert_eq!(
            split.template,
            "Server: nginx\nDate: \u{8}\ncontent-length: \u{2}\n\u{1}\u{1}\u{1}"
        );
        let joined = HEADER_CONTEXT.join(&split.template, &split.values);
        assert_eq!(joined.as_deref(), Some(headers));
    }

    #[test]
    fn values_of_another_template_are_refused() {
        let split = HEADER_CONTEXT.split_request(REQUEST_HEADERS).unwrap();
        assert_eq!(
            HEADER_CONTEXT.join(&split.template, &split.values[..40]),
            None
        );
        assert_eq!(HEADER_CONTEXT.join("a: b\n", &split.values), None);
        assert_eq!(HEADER_CONTEXT.join(&split.template, &[0xff; 200]), None);
    }

    fn header_line() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("content-length".to_owned()),
            Just("webhook-id".to_owned()),
            Just("webhook-timestamp".to_owned()),
            Just("webhook-signature".to_owned()),
            Just("x-partners-signature".to_owned()),
            Just("date".to_owned()),
            Just("Server".to_owned()),
            "[a-z-]{0,12}",
        ];
        let value = prop_oneof![
            "\\PC{0,200}",
            "[0-9+-]{0,20}",
            any::<u64>().prop_map(|n| n.to_string()),
            any::<i64>().prop_map(|n| n.to_string()),
            "msg_[0-9a-f]{0,12}_[0-9]{0,2}_77_[0-9a-zA-Z]{0,14}",
            any::<[u8; 32]>().prop_map(|b| format!("v1,{}", STANDARD.encode(b))),
            (
                any::<[u8; 32]>(),
                proptest::collection::vec(any::<u8>(), 64)
            )
                .prop_map(|(a, b)| {
                    format!("v1,{} v1a,{} v1,x", STANDARD.encode(a), STANDARD.encode(b))
                }),
            "v1a?,[A-Za-z0-9+/]{40,44}={0,2}( v1)?",
            "[0-9a-fA-F]{60,66}",
            (-300_000_000_000i64..250_000_000_000)
                .prop_filter_map("a date", |s| format_date(Timestamp::from_second(s).ok()?)),
            "(Mon|Sun), [0-9]{1,2} (Feb|Nov) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} (GMT|UTC|\\+0100)",
        ];
        let separator = prop_oneof![4 => Just(": "), 1 => Just(":"), 1 => Just("")];
        let end = prop_oneof![6 => Just("\n"), 1 => Just("\r\n"), 1 => Just("")];
        (name, separator, value, end).prop_map(|(n, s, v, e)| format!("{n}{s}{v}{e}"))
    }

    proptest! {
        #[test]
        fn headers_are_joined_as_they_were(
            lines in proptest::collection::vec(header_line(), 0..8),
            any_text in any::<String>(),
            start in -377_000_000_000_000_000i64..253_000_000_000_000_000,
        ) {
            let context = HeaderContext {
                started_at: Timestamp::from_microsecond(start).unwrap(),
                ..HEADER_CONTEXT
            };
            for headers in [lines.concat(), any_text] {
                for split in [context.split_request(&headers), context.split_response(&headers)] {
                    match split {
                        Some(split) => {
                            let joined = context.join(&split.template, &split.values);
                            prop_assert_eq!(joined.as_deref(), Some(headers.as_str()));
                        }
                        None => prop_assert!(headers.contains(is_marker)),
                    }
                }
            }
        }
    }
}
