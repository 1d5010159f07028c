//! Bodies as people read them. Whatever a receiver answered is shown as text, never as a page.

use crate::dashboard::shell::json::format_json;

/// A body on a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// There is none.
    Empty,
    /// JSON, laid out; the bytes beside it.
    Json {
        /// One value to a line.
        formatted: String,
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
        let is_unprintable = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
        if text.is_empty() || text.contains(is_unprintable) {
            return Self::Binary(bytes.len());
        }
        match format_object(text) {
            Some(formatted) => Self::Json {
                formatted,
                exact: text.to_owned(),
            },
            None => Self::Text(text.to_owned()),
        }
    }
}

/// An object or list, laid out; a single value is text.
fn format_object(text: &str) -> Option<String> {
    let is_object_or_list = text.trim_start().starts_with(['{', '[']);
    is_object_or_list.then(|| format_json(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

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
