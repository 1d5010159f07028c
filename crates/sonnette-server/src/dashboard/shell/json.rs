//! Formats JSON with one value per line.

use serde::de::IgnoredAny;
use serde_json::Value;

/// Maximum length of formatted JSON; longer JSON is not formatted.
const MAX_OUTPUT_BYTES: usize = 1 << 20;

/// Formats a value.
pub(crate) fn to_pretty_json(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Formats a text if it is JSON and not too long; otherwise returns it unchanged.
pub(crate) fn format_text(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    format_json(&text).unwrap_or_else(|| text.into_owned())
}

/// Formats a text; `None` if it is not JSON, or too long.
pub(crate) fn format_json(text: &str) -> Option<String> {
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_json.then(|| reindent(text)).flatten()
}

/// Changes only white space, so that numbers and escapes are kept.
fn reindent(json: &str) -> Option<String> {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut in_string, mut escaped) = (false, false);
    let mut depth = 0_usize;
    // Whether the next token begins a line, unless it closes an empty list or object.
    let mut starts_line = false;
    for c in json.chars() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = c == '\\' && !escaped;
            continue;
        }
        if c.is_ascii_whitespace() {
            continue;
        }
        let closes = matches!(c, '}' | ']');
        if closes {
            depth = depth.saturating_sub(1);
        }
        if starts_line != closes {
            out.push('\n');
            out.extend(std::iter::repeat_n("  ", depth));
        }
        starts_line = matches!(c, '{' | '[' | ',');
        depth += usize::from(matches!(c, '{' | '['));
        in_string = c == '"';
        out.push(c);
        if c == ':' {
            out.push(' ');
        }
        if out.len() > MAX_OUTPUT_BYTES {
            return None;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_white_space_changes() {
        let json = r#" {"a":[1.10,2e3,{ }],"b":"x \"{,}:\\", "c":[],"é":"\u00e9 ","n":123456789012345678901} "#;
        let format_json = "{\n  \"a\": [\n    1.10,\n    2e3,\n    {}\n  ],\n  \"b\": \"x \\\"{,}:\\\\\",\n  \"c\": [],\n  \
             \"é\": \"\\u00e9 \",\n  \"n\": 123456789012345678901\n}";
        assert_eq!(format_text(json.as_bytes()), format_json);
        assert_eq!(format_text(format_json.as_bytes()), format_json);
        assert_eq!(format_text(b"\"a b\""), "\"a b\"");
    }

    #[test]
    fn other_text_is_unchanged() {
        assert_eq!(format_text(b"{\"a\":"), "{\"a\":");
        let deep = format!(
            "{}{}1{}",
            "[".repeat(100),
            "1,".repeat(60_000),
            "]".repeat(100)
        );
        assert_eq!(format_text(deep.as_bytes()), deep);
    }
}
