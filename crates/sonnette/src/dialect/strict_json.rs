//! Parses `data` strictly: each key of an object once, and each number within the range of a double.
//!
//! The text comes from [`compact`](super::compact_json::compact): it is valid JSON, its nesting is bounded, and equal
//! strings are written alike.

use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::field_errors::{FieldErrors, child_path};

/// Up to so many keys are compared one by one.
const MAX_COMPARED_KEYS: usize = 8;

/// A number with fewer characters and without an exponent is in the range of a double.
const MAX_PLAIN_NUMBER_CHARS: usize = 300;

/// The value of a compact text.
///
/// # Errors
/// The first key that stands twice, or the first number out of range, by its path below `root`.
pub(super) fn parse(text: &str, root: &str) -> Result<Value, FieldErrors> {
    Parser::new(text, true).read(root)
}

/// Refuses what [`parse`] refuses, without building the value.
pub(super) fn check(text: &str, root: &str) -> Result<(), FieldErrors> {
    Parser::new(text, false).read(root).map(|_| ())
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    /// Whether the value is built; otherwise it is null.
    builds: bool,
    /// Where `at` is.
    path: Vec<Segment<'a>>,
}

#[derive(Clone, Copy)]
enum Segment<'a> {
    /// A JSON string.
    Key(&'a str),
    Index(usize),
}

/// What is wrong with the value at the current path.
enum JsonFault {
    DuplicateKey,
    OutOfRange,
    /// The text is not compact JSON.
    Malformed,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, builds: bool) -> Self {
        Self {
            text,
            at: 0,
            builds,
            path: Vec::new(),
        }
    }

    fn read(mut self, root: &str) -> Result<Value, FieldErrors> {
        self.value().map_err(|fault| {
            let message = match fault {
                JsonFault::DuplicateKey => "This key occurs twice in its object.",
                JsonFault::OutOfRange => "This number is out of range.",
                JsonFault::Malformed => "This is not valid JSON.",
            };
            let path = self
                .path
                .iter()
                .fold(root.to_owned(), |path, segment| match segment {
                    Segment::Key(key) => child_path(&path, &decode(key)),
                    Segment::Index(index) => format!("{path}.{index}"),
                });
            FieldErrors::one(path, message)
        })
    }

    fn value(&mut self) -> Result<Value, JsonFault> {
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.array(),
            Some(b'"') => {
                let text = self.string()?;
                Ok(if self.builds {
                    Value::String(decode(text))
                } else {
                    Value::Null
                })
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            _ => self.word("null", Value::Null),
        }
    }

    fn object(&mut self) -> Result<Value, JsonFault> {
        self.at += 1;
        let mut members = Map::new();
        let mut keys = Keys::default();
        while self.peek() != Some(b'}') {
            let key = self.string()?;
            self.path.push(Segment::Key(key));
            if !keys.insert(key) {
                return Err(JsonFault::DuplicateKey);
            }
            self.expect(b':')?;
            let value = self.value()?;
            if self.builds {
                members.insert(decode(key), value);
            }
            self.path.pop();
            if self.peek() != Some(b'}') {
                self.expect(b',')?;
            }
        }
        self.at += 1;
        Ok(Value::Object(members))
    }

    fn array(&mut self) -> Result<Value, JsonFault> {
        self.at += 1;
        let mut items = Vec::new();
        let mut index = 0;
        while self.peek() != Some(b']') {
            self.path.push(Segment::Index(index));
            let item = self.value()?;
            if self.builds {
                items.push(item);
            }
            self.path.pop();
            index += 1;
            if self.peek() != Some(b']') {
                self.expect(b',')?;
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    /// A string with its quotation marks.
    fn string(&mut self) -> Result<&'a str, JsonFault> {
        let start = self.at;
        self.expect(b'"')?;
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(JsonFault::Malformed),
            }
        }
        self.at += 1;
        self.text.get(start..self.at).ok_or(JsonFault::Malformed)
    }

    fn number(&mut self) -> Result<Value, JsonFault> {
        let rest = &self.text[self.at..];
        let is_end = |byte: &u8| !matches!(byte, b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E');
        let length = rest.as_bytes().iter().position(is_end);
        let text = &rest[..length.unwrap_or(rest.len())];
        self.at += text.len();
        let is_plain = text.len() <= MAX_PLAIN_NUMBER_CHARS && !text.contains(['e', 'E']);
        if !is_plain && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(JsonFault::OutOfRange);
        }
        if !self.builds {
            return Ok(Value::Null);
        }
        let number: Number = text.parse().map_err(|_| JsonFault::Malformed)?;
        Ok(Value::Number(number))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, JsonFault> {
        if !self.text[self.at..].starts_with(word) {
            return Err(JsonFault::Malformed);
        }
        self.at += word.len();
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.peek() != Some(byte) {
            return Err(JsonFault::Malformed);
        }
        self.at += 1;
        Ok(())
    }
}

/// The keys of an object so far.
#[derive(Default)]
struct Keys<'a> {
    few: Vec<&'a str>,
    many: HashSet<&'a str>,
}

impl<'a> Keys<'a> {
    /// False: the key was there before.
    fn insert(&mut self, key: &'a str) -> bool {
        if self.many.is_empty() && self.few.len() < MAX_COMPARED_KEYS {
            let is_new = !self.few.contains(&key);
            self.few.push(key);
            return is_new;
        }
        if self.many.is_empty() {
            self.many.extend(self.few.iter().copied());
        }
        self.many.insert(key)
    }
}

/// The text of a JSON string.
fn decode(string: &str) -> String {
    if string.contains('\\') {
        serde_json::from_str(string).unwrap_or_default()
    } else {
        string.trim_matches('"').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        assert_eq!(check(text, "data"), parse(text, "data").map(|_| ()));
        parse(text, "data").unwrap_err().to_string()
    }

    #[test]
    fn values_are_those_of_serde() {
        for text in [
            "null",
            "[]",
            "{}",
            r#"{"a":[1,-2.50,{"b":"é\"\\"}],"":true,"c":false,"\n":[[]]}"#,
            "12345678901234567890123",
            r#""\\""#,
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text, "data").unwrap(), value, "{text}");
        }
        let many = (0..50).map(|n| format!("\"k{n}\":{n},"));
        let many = many.collect::<Vec<_>>().concat();
        let text = format!("{{{many}\"last\":0}}");
        assert!(check(&text, "data").is_ok());
    }

    #[test]
    fn a_key_stands_once() {
        let twice = "This key occurs twice in its object.";
        assert_eq!(fault(r#"{"a":1,"b":2,"a":1}"#), format!("data.a: {twice}"));
        assert_eq!(
            fault(r#"{"x":[{"a":1},{"b":{"":1,"":2}}]}"#),
            format!("data.x.1.b.: {twice}")
        );
        let many = (0..50).map(|n| format!("\"k{n}\":{n},"));
        let many = many.collect::<Vec<_>>().concat();
        assert_eq!(
            fault(&format!("{{{many}\"k7\":0}}")),
            format!("data.k7: {twice}")
        );
    }

    #[test]
    fn a_number_fits_a_double() {
        let out = "This number is out of range.";
        assert_eq!(fault(r#"{"a":[0,1e400]}"#), format!("data.a.1: {out}"));
        assert_eq!(fault("-1E+309"), format!("data: {out}"));
        assert_eq!(fault(&"9".repeat(310)), format!("data: {out}"));
        for fine in ["1e308", "-1.7976931348623157e308", "1e-400", "0e999"] {
            assert!(check(fine, "data").is_ok(), "{fine}");
        }
    }
}
