//! Bodies as people read them. Whatever a receiver answered is shown as text, never as a page.

use serde::de::IgnoredAny;

/// What is longer when it is laid out stays as it came.
const LONGEST: usize = 1 << 20;

/// A body on a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none.
    Empty,
    /// JSON, laid out; the bytes beside it.
    Json {
        /// One value to a line.
        laid_out: String,
        /// As it went or came.
        exact: String,
    },
    /// Any other text.
    Text(String),
    /// No text: so many bytes.
    Binary(usize),
}

impl Body {
    /// How to show these bytes, which are said to be of this media type. The last character may be cut off in the middle.
    pub(crate) fn of(bytes: &[u8], kind: &str) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
            }
            // Text of another encoding: most of it can be read all the same.
            Err(_) if kind.starts_with("text/") => {
                return Self::Text(String::from_utf8_lossy(bytes).into_owned());
            }
            Err(_) => return Self::Binary(bytes.len()),
        };
        let strange = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.is_empty() || text.contains(strange) {
            return Self::Binary(bytes.len());
        }
        match lay_out(text) {
            Some(laid_out) => Self::Json {
                laid_out,
                exact: text.to_owned(),
            },
            None => Self::Text(text.to_owned()),
        }
    }
}

/// JSON with a line for each value; only white space changes, so that numbers and escapes stay as they are. None: it is
/// no JSON, a single value, or too long.
fn lay_out(text: &str) -> Option<String> {
    let begins = text.trim_start().starts_with(['{', '[']);
    if !begins || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return None;
    }
    let mut out = String::with_capacity(text.len() * 2);
    let mut depth = 0;
    // Strings are taken whole: what is in them is neither structure nor white space to be left out.
    let mut rest = text;
    while let Some(next) = rest.trim_start().chars().next() {
        rest = rest.trim_start();
        let taken = if next == '"' {
            string_length(rest)
        } else {
            next.len_utf8()
        };
        let (piece, beyond) = rest.split_at(taken);
        rest = beyond;
        match next {
            '{' | '[' => {
                out.push(next);
                if rest.trim_start().starts_with(['}', ']']) {
                    continue;
                }
                depth += 1;
                new_line(&mut out, depth);
            }
            '}' | ']' => {
                if !out.ends_with(['{', '[']) {
                    depth -= 1;
                    new_line(&mut out, depth);
                }
                out.push(next);
            }
            ',' => {
                out.push(',');
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            _ => out.push_str(piece),
        }
        if out.len() > LONGEST {
            return None;
        }
    }
    Some(out)
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", depth));
}

/// How long the string is that `text` begins with, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_laid_out_and_stays_what_it_is() {
        let text = r#"{"a":[1.10,2e3,{}],"b":"x \"{,}:\\", "c":[],"é":"\u00e9","n":12345678901234567890123}"#;
        let laid_out = lay_out(text).unwrap();
        assert_eq!(
            laid_out,
            "{\n  \"a\": [\n    1.10,\n    2e3,\n    {}\n  ],\n  \"b\": \"x \\\"{,}:\\\\\",\n  \"c\": [],\n  \
             \"é\": \"\\u00e9\",\n  \"n\": 12345678901234567890123\n}"
        );
    }

    #[test]
    fn what_is_no_json_is_text_or_said_to_be_none() {
        assert_eq!(Body::of(b"", ""), Body::Empty);
        assert_eq!(Body::of(b"<script>", ""), Body::Text("<script>".to_owned()));
        assert_eq!(Body::of(b"{\"a\":", ""), Body::Text("{\"a\":".to_owned()));
        assert_eq!(Body::of(b"ok", ""), Body::Text("ok".to_owned()));
        assert_eq!(Body::of(b"caf\xc3", ""), Body::Text("caf".to_owned()));
        assert_eq!(Body::of(b"\x1f\x8b\x08\x00", ""), Body::Binary(4));
        assert_eq!(Body::of(b"caf\xe9!", ""), Body::Binary(5));
        assert_eq!(
            Body::of(b"caf\xe9!", "text/plain"),
            Body::Text("caf\u{fffd}!".to_owned())
        );
    }

    #[test]
    fn what_would_grow_too_long_stays_as_it_is() {
        let deep = format!(
            "{}{}{}",
            "[".repeat(100),
            "1,".repeat(60_000) + "1",
            "]".repeat(100)
        );
        assert!(matches!(Body::of(deep.as_bytes(), ""), Body::Text(_)));
    }
}
