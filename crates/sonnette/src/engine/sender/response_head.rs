//! The head of an HTTP/1 response, read as far as it can be read.
//!
//! A line that is no header field is left out, whatever it holds. What follows a first line that is not HTTP is not read.

use std::borrow::Cow;

use super::response_body::BodyDecoder;
use super::response_limits::{
    MAX_INTERIM_RESPONSES, MAX_RESPONSE_HEAD_BYTES, MAX_RESPONSE_HEADERS,
};
use crate::domain::SendFailure;

/// Finds the head of a response in what was received so far, behind the interim responses. It looks at each byte once.
#[derive(Debug, Default)]
pub(super) struct HeadParser {
    /// Up to here no further line feed is to be found.
    scanned: usize,
    /// Where the line begins that is being scanned.
    line_start: usize,
    status_line: Option<StatusLine>,
    /// Where the line after the status line begins.
    fields_start: usize,
    fields: usize,
    interim_responses: usize,
}

#[derive(Debug, Clone, Copy)]
struct StatusLine {
    status: u16,
    is_http10: bool,
}

/// The head of a response.
#[derive(Debug)]
pub(super) struct ResponseHead<'b> {
    status_line: StatusLine,
    fields: &'b [u8],
    end: usize,
}

impl HeadParser {
    /// Looks at what has arrived since the last time. `received` is all that has arrived since the request. None: the head
    /// is not complete.
    pub(super) fn parse<'b>(
        &mut self,
        received: &'b [u8],
    ) -> Result<Option<ResponseHead<'b>>, SendFailure> {
        let window = &received[..received.len().min(MAX_RESPONSE_HEAD_BYTES as usize)];
        while let Some(length) = window[self.scanned..].iter().position(|b| *b == b'\n') {
            let line = &window[self.line_start..self.scanned + length];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let line_start = self.line_start;
            self.scanned += length + 1;
            self.line_start = self.scanned;
            let Some(status_line) = self.status_line else {
                if !line.is_empty() {
                    self.status_line = Some(StatusLine::parse(line)?);
                    self.fields_start = self.line_start;
                }
                continue;
            };
            if !line.is_empty() {
                self.fields += 1;
                if self.fields > MAX_RESPONSE_HEADERS {
                    return Err(SendFailure::HeadersTooLarge);
                }
            } else if status_line.is_interim() {
                self.interim_responses += 1;
                if self.interim_responses > MAX_INTERIM_RESPONSES {
                    return Err(SendFailure::HeadersTooLarge);
                }
                (self.status_line, self.fields) = (None, 0);
            } else {
                return Ok(Some(ResponseHead {
                    status_line,
                    fields: &window[self.fields_start..line_start],
                    end: self.line_start,
                }));
            }
        }
        self.scanned = window.len();
        if self.status_line.is_none() && !may_be_status_line(&window[self.line_start..]) {
            return Err(SendFailure::NotHttp);
        }
        if window.len() == MAX_RESPONSE_HEAD_BYTES as usize {
            return Err(SendFailure::HeadersTooLarge);
        }
        Ok(None)
    }
}

/// Whether a status line can begin with these bytes.
fn may_be_status_line(bytes: &[u8]) -> bool {
    bytes == b"\r" || bytes.iter().zip(b"HTTP/").all(|(a, b)| a == b)
}

impl StatusLine {
    /// Parses `HTTP/1.1 200 OK`. The reason phrase may be missing.
    fn parse(line: &[u8]) -> Result<Self, SendFailure> {
        let rest = line.strip_prefix(b"HTTP/").ok_or(SendFailure::NotHttp)?;
        let mut words = rest
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let version = words.next().filter(|word| {
            word.first().is_some_and(u8::is_ascii_digit)
                && word.iter().all(|b| b.is_ascii_digit() || *b == b'.')
        });
        let is_http10 = version.ok_or(SendFailure::NotHttp)? == b"1.0";
        let status = words
            .next()
            .filter(|word| word.iter().all(u8::is_ascii_digit))
            .and_then(|word| str::from_utf8(word).ok()?.parse().ok())
            .ok_or(SendFailure::NotHttp)?;
        Ok(Self { status, is_http10 })
    }

    fn is_interim(self) -> bool {
        matches!(self.status, 100 | 102..=199)
    }
}

impl ResponseHead<'_> {
    pub(super) fn status(&self) -> u16 {
        self.status_line.status
    }

    /// Where the body begins.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Visits the header fields that can be read. The lines of a folded value are joined with spaces.
    pub(super) fn for_each_field(&self, mut visit: impl FnMut(&str, &[u8])) {
        let mut lines = self.fields.split(|b| *b == b'\n').peekable();
        while let Some(line) = lines.next() {
            let field = parse_field(line);
            let mut value = Cow::Borrowed(field.map_or(&[][..], |(_, value)| value));
            while let Some(more) = lines.next_if(|l| l.starts_with(b" ") || l.starts_with(b"\t")) {
                let value = value.to_mut();
                value.push(b' ');
                value.extend_from_slice(more.trim_ascii());
            }
            if let Some((name, _)) = field {
                visit(name, &value);
            }
        }
    }

    /// How the body is to be read, and whether the connection can be used again after it.
    ///
    /// Of contradicting lengths the smallest counts, and the connection is not used again.
    pub(super) fn body(&self) -> (BodyDecoder, bool) {
        let mut length: Option<u64> = None;
        let mut may_reuse = !self.status_line.is_http10;
        let (mut is_contradictory, mut must_close) = (false, false);
        let mut is_chunked = None;
        self.for_each_field(|name, value| {
            let words = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
            if name.eq_ignore_ascii_case("content-length") {
                for word in words {
                    let found = parse_length(word);
                    is_contradictory |= found.is_none() || length.is_some_and(|l| Some(l) != found);
                    length = length.into_iter().chain(found).min();
                }
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                for word in words.filter(|word| !word.eq_ignore_ascii_case(b"identity")) {
                    is_chunked = Some(word.eq_ignore_ascii_case(b"chunked"));
                }
            } else if name.eq_ignore_ascii_case("connection") {
                for word in words {
                    must_close |= word.eq_ignore_ascii_case(b"close");
                    may_reuse |= word.eq_ignore_ascii_case(b"keep-alive");
                }
            }
        });
        let decoder = match (self.status(), is_chunked, length) {
            (204 | 304, ..) => BodyDecoder::of_length(0),
            (_, Some(true), _) => BodyDecoder::chunked(),
            (_, None, Some(length)) => BodyDecoder::of_length(length),
            (_, Some(false), _) | (_, None, None) => BodyDecoder::until_close(),
        };
        is_contradictory |= is_chunked.is_some() && length.is_some();
        (decoder, may_reuse && !must_close && !is_contradictory)
    }
}

/// Name and value of a header line. None: it is none.
fn parse_field(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|b| *b == b':')?;
    if line.starts_with(b" ") || line.starts_with(b"\t") {
        return None;
    }
    let name = line[..colon].trim_ascii_end();
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    if name.is_empty() || !name.iter().all(is_token) {
        return None;
    }
    Some((str::from_utf8(name).ok()?, line[colon + 1..].trim_ascii()))
}

fn parse_length(word: &[u8]) -> Option<u64> {
    let is_number = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    is_number
        .then(|| str::from_utf8(word).ok()?.parse().ok())
        .flatten()
}
