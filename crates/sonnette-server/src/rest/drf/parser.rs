//! A JSON parser as lenient as the one pretix uses, with its error messages.
//!
//! `serde_json` cannot take its place: it knows neither `NaN` nor lone surrogates nor integers of any size.

use http::StatusCode;

use super::error::DrfError;
use super::json::{Json, Text};

/// Lists and objects in each other.
const MAX_DEPTH: usize = 1024;

const EXPECTED: &str = "Expected object or value";
const AFTER_VALUE: &str = "Unexpected character in found when decoding object value";
const ESCAPE: &str = "Unexpected character in unicode escape sequence when decoding 'string'";

type Parsed<T> = Result<T, &'static str>;

/// Reads a request body. An empty one is like `{}`.
///
/// # Errors
/// 400 with pretix's words.
pub(crate) fn parse_body(body: &[u8]) -> Result<Json, DrfError> {
    if body.is_empty() {
        return Ok(Json::Object(Vec::new()));
    }
    let fail =
        |why: &str| DrfError::detail(StatusCode::BAD_REQUEST, format!("JSON parse error - {why}"));
    let text = std::str::from_utf8(body).map_err(|error| fail(&decoding_error(body, error)))?;
    parse(text).map_err(fail)
}

/// Where and why the body is no UTF-8, as Python says it.
fn decoding_error(body: &[u8], error: std::str::Utf8Error) -> String {
    let start = error.valid_up_to();
    let first = body[start];
    let len = error.error_len().unwrap_or(body.len() - start);
    let reason = match error.error_len() {
        None => "unexpected end of data",
        Some(_) if !(0xC2..=0xF4).contains(&first) => "invalid start byte",
        Some(_) => "invalid continuation byte",
    };
    if len == 1 {
        format!("'utf-8' codec can't decode byte 0x{first:02x} in position {start}: {reason}")
    } else {
        let end = start + len - 1;
        format!("'utf-8' codec can't decode bytes in position {start}-{end}: {reason}")
    }
}

/// The one value in `text`.
fn parse(text: &str) -> Parsed<Json> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
    };
    let value = parser.value()?;
    parser.skip_blanks();
    if parser.at == text.len() {
        Ok(value)
    } else {
        Err("Trailing data")
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Parsed<Json> {
        self.skip_blanks();
        match self.peek() {
            Some(b'"') => self.string().map(Json::Str),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::list),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(
                "true",
                Json::Bool(true),
                "Unexpected character found when decoding 'true'",
            ),
            Some(b'f') => self.word(
                "false",
                Json::Bool(false),
                "Unexpected character found when decoding 'false'",
            ),
            Some(b'n') => self.word(
                "null",
                Json::Null,
                "Unexpected character found when decoding 'null'",
            ),
            Some(b'N') => self.word(
                "NaN",
                Json::Float(f64::NAN),
                "Unexpected character found when decoding 'NaN'",
            ),
            Some(b'I') => {
                let otherwise = "Unexpected character found when decoding 'Infinity'";
                self.word("Infinity", Json::Float(f64::INFINITY), otherwise)
            }
            _ => Err(EXPECTED),
        }
    }

    fn word(&mut self, word: &str, value: Json, otherwise: &'static str) -> Parsed<Json> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return Err(otherwise);
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, inner: fn(&mut Self) -> Parsed<Json>) -> Parsed<Json> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err("Reached object decoding depth limit");
        }
        self.at += 1;
        let value = inner(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn list(&mut self) -> Parsed<Json> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks();
            if self.peek() == Some(b']') {
                if !items.is_empty() {
                    return Err("Unexpected character found when decoding array value (1)");
                }
                self.at += 1;
                return Ok(Json::List(items));
            }
            items.push(self.value()?);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Json::List(items));
                }
                _ => return Err("Unexpected character found when decoding array value (2)"),
            }
        }
    }

    fn object(&mut self) -> Parsed<Json> {
        let mut members = Members::default();
        loop {
            self.skip_blanks();
            if self.peek() == Some(b'}') {
                if !members.list.is_empty() {
                    return Err(AFTER_VALUE);
                }
                self.at += 1;
                return Ok(Json::Object(members.list));
            }
            let Json::Str(key) = self.value()? else {
                return Err("Key name of object must be 'string' when decoding 'object'");
            };
            self.skip_blanks();
            if self.peek() != Some(b':') {
                return Err("No ':' found when decoding object value");
            }
            self.at += 1;
            let value = self.value()?;
            members.insert(key, value);
            self.skip_blanks();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Json::Object(members.list));
                }
                _ => return Err(AFTER_VALUE),
            }
        }
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    /// As much as looks like a number: `-` alone is 0, a point needs no digits behind it.
    fn number(&mut self) -> Parsed<Json> {
        let start = self.at;
        let negative = self.peek() == Some(b'-');
        if negative {
            self.at += 1;
            if self.peek() == Some(b'I') {
                let otherwise = "Unexpected character found when decoding '-Infinity'";
                return self.word("Infinity", Json::Float(f64::NEG_INFINITY), otherwise);
            }
        }
        let digits_at = self.at;
        let whole = self.digits();
        if matches!(self.peek(), Some(b'.' | b'e' | b'E')) {
            if let Some(float) = self.float(start, whole) {
                return Ok(Json::Float(float));
            }
            self.at = digits_at + whole;
        }
        let digits = self.text[digits_at..self.at].trim_start_matches('0');
        Ok(Json::Int(match (digits, negative) {
            ("", _) => "0".to_owned(),
            (digits, false) => digits.to_owned(),
            (digits, true) => format!("-{digits}"),
        }))
    }

    /// The float that begins at `start` and whose fraction or exponent begins here; stops after what makes sense.
    fn float(&mut self, start: usize, whole: usize) -> Option<f64> {
        let mut fraction = 0;
        if self.peek() == Some(b'.') {
            self.at += 1;
            fraction = self.digits();
        }
        if whole + fraction == 0 {
            return None;
        }
        let before_exponent = self.at;
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                self.at = before_exponent;
            }
        }
        self.text[start..self.at].parse().ok()
    }

    fn string(&mut self) -> Parsed<Text> {
        self.at += 1;
        let mut text = Text::default();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(['"', '\\', '\0']).unwrap_or(rest.len());
            text.chars.push_str(&rest[..plain]);
            self.at += plain + 1;
            match rest.as_bytes().get(plain) {
                Some(b'"') => return Ok(text),
                Some(b'\\') => self.escape(&mut text)?,
                _ => return Err("Unmatched '\"' when decoding 'string'"),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self, text: &mut Text) -> Parsed<()> {
        let simple = match self.peek() {
            None => return Err("Unterminated escape sequence when decoding 'string'"),
            Some(b'u') => return self.unicode_escape(text),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(same @ (b'"' | b'\\' | b'/')) => char::from(same),
            Some(_) => return Err("Unrecognized escape sequence when decoding 'string'"),
        };
        self.at += 1;
        text.chars.push(simple);
        Ok(())
    }

    /// `uXXXX`, and the low half of a pair behind it.
    fn unicode_escape(&mut self, text: &mut Text) -> Parsed<()> {
        let unit = self.unit(self.at).ok_or(ESCAPE)?;
        self.at += 5;
        let low = (self.peek() == Some(b'\\'))
            .then(|| self.unit(self.at + 1))
            .flatten()
            .filter(|low| (0xDC00..0xE000).contains(low));
        let code_point = match (unit, low) {
            (0xD800..0xDC00, Some(low)) => {
                self.at += 6;
                0x1_0000 + ((u32::from(unit) - 0xD800) << 10) + (u32::from(low) - 0xDC00)
            }
            _ => u32::from(unit),
        };
        if let Some(c) = char::from_u32(code_point) {
            text.chars.push(c);
        } else {
            text.chars.push(char::REPLACEMENT_CHARACTER);
            text.lone_surrogate.get_or_insert(unit);
        }
        Ok(())
    }

    /// The number in the `uXXXX` at `at`.
    fn unit(&self, at: usize) -> Option<u16> {
        let digits = self.text.as_bytes().get(at..at + 5)?.strip_prefix(b"u")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}

/// Members of an object under construction: the last of several values wins, at the place of the first.
#[derive(Default)]
struct Members {
    list: Vec<(Text, Json)>,
    places: std::collections::HashMap<String, usize>,
}

impl Members {
    fn insert(&mut self, key: Text, value: Json) {
        match self.places.get(&key.chars) {
            Some(place) if self.list[*place].0 == key => self.list[*place].1 = value,
            _ => {
                self.places.insert(key.chars.clone(), self.list.len());
                self.list.push((key, value));
            }
        }
    }
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
