//! Bodies of requests and responses as pages show them: always as text, never as HTML.

use crate::dashboard::shell::json::format_json;

/// A body on a page.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// No body.
    Empty,
    /// JSON.
    Json {
        /// One value per line.
        formatted: String,
        /// As it was sent.
        exact: String,
    },
    /// Any other text.
    Text(String),
    /// Not text; the number of bytes.
    Binary(usize),
}

impl Body {
    /// The body for these bytes with this `Content-Type`. The bytes may end within a character.
    pub(crate) fn new(bytes: &[u8], content_type: &str) -> Self {
        if bytes.is_empty() {
            return Self::Empty;
        }
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) if error.error_len().is_none() => {
                std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default()
            }
            // Text in another encoding: ASCII characters are readable.
            Err(_) if content_type.starts_with("text/") => {
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

/// Formats an object or a list; a single value is shown as text.
fn format_object(text: &str) -> Option<String> {
    let is_object_or_list = text.trim_start().starts_with(['{', '[']);
    is_object_or_list.then(|| format_json(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_bodies_are_text_or_binary() {
        assert_eq!(Body::new(b"", ""), Body::Empty);
        assert_eq!(
            Body::new(b"<script>", ""),
            Body::Text("<script>".to_owned())
        );
        assert_eq!(Body::new(b"{\"a\":", ""), Body::Text("{\"a\":".to_owned()));
        assert_eq!(Body::new(b"ok", ""), Body::Text("ok".to_owned()));
        assert_eq!(Body::new(b"caf\xc3", ""), Body::Text("caf".to_owned()));
        assert_eq!(Body::new(b"\x1f\x8b\x08\x00", ""), Body::Binary(4));
        assert_eq!(Body::new(b"caf\xe9!", ""), Body::Binary(5));
        assert_eq!(
            Body::new(b"caf\xe9!", "text/plain"),
            Body::Text("caf\u{fffd}!".to_owned())
        );
    }

    #[test]
    fn long_json_is_not_formatted() {
        let deep = format!(
            "{}{}{}",
            "[".repeat(100),
            "1,".repeat(60_000) + "1",
            "]".repeat(100)
        );
        assert!(matches!(Body::new(deep.as_bytes(), ""), Body::Text(_)));
    }
}
