//! Action types that the operator or an organizer registered: bodies as Standard Webhooks recommends.
//!
//! `data` is copied, not understood: without a schema it is never parsed into a tree. What receivers could not parse
//! (lone surrogates, bottomless nesting) is refused while copying.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{ComposeInput, ComposedNotification, DataSchema, Dialect, FieldErrors};
use crate::domain::BodyTemplate;

/// Lists and objects in each other; the parsers of many receivers stop at 128, the body included.
const MAX_DEPTH: usize = 120;

pub(super) const DIALECT: Dialect = Dialect {
    builtin: None,
    compose,
    explain: None,
};

fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    let data = input.data.get();
    if !data.starts_with('{') {
        let value: Value = parse(data)?;
        return Err(FieldErrors::one(
            "data",
            super::schema::not_an_object(&value),
        ));
    }
    let compact = compact(data)?;
    if !matches!(input.spec.rule, DataSchema::AnyObject) {
        input.spec.rule.check(&parse(data)?, "data")?;
    }
    let mut body = String::with_capacity(compact.len() + 100);
    body.push_str("{\"type\":\"");
    // Neither a name of an action type nor a time has a character that JSON escapes.
    body.push_str(input.action_type.as_str());
    body.push_str("\",\"timestamp\":\"");
    body.push_str(&input.published_at.to_string());
    body.push_str("\",\"data\":");
    body.push_str(&compact);
    body.push('}');
    Ok(BodyTemplate::Complete(body.into()).into())
}

pub(super) fn extract_data(body: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Body {
        data: Box<RawValue>,
    }
    serde_json::from_slice::<Body>(body)
        .ok()
        .map(|body| body.data)
}

/// Parses what is JSON already, so that little can fail.
pub(super) fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, FieldErrors> {
    serde_json::from_str(data)
        .map_err(|error| FieldErrors::one("data", format!("This JSON cannot be taken: {error}.")))
}

/// The same JSON without white space between its parts, and with no character escaped that need not be, so that what is
/// sent is UTF-8 however it was published. The order of keys and the text of numbers stay as they are.
pub(super) fn compact(json: &str) -> Result<Cow<'_, str>, FieldErrors> {
    let bytes = json.as_bytes();
    // Up to here everything is in `kept`; empty until the first blank or escape.
    let mut done = 0;
    let mut kept = String::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => {
                let (end, escaped) = string_end(bytes, at)?;
                if escaped {
                    kept.push_str(&json[done..at]);
                    kept.push_str(&rewritten(&json[at..end])?);
                    done = end;
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > MAX_DEPTH {
                    let message = format!("Lists and objects may be nested {MAX_DEPTH} deep.");
                    return Err(FieldErrors::one("data", message));
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b' ' | b'\n' | b'\r' | b'\t' => {
                kept.push_str(&json[done..at]);
                done = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    if done == 0 {
        return Ok(Cow::Borrowed(json));
    }
    kept.push_str(&json[done..]);
    Ok(Cow::Owned(kept))
}

/// A string in the shortest escapes.
fn rewritten(string: &str) -> Result<String, FieldErrors> {
    let text: String = parse(string)?;
    Ok(serde_json::to_string(&text).unwrap_or_default())
}

/// The place behind the string that begins at `start`, and whether anything in it is escaped.
fn string_end(bytes: &[u8], start: usize) -> Result<(usize, bool), FieldErrors> {
    let mut at = start + 1;
    let mut escaped = false;
    while let Some(byte) = bytes.get(at) {
        escaped |= *byte == b'\\';
        match byte {
            b'"' => return Ok((at + 1, escaped)),
            b'\\' if bytes.get(at + 1) == Some(&b'u') => at = unicode_end(bytes, at)?,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Ok((bytes.len(), escaped))
}

/// The place behind the `\uXXXX`, or pair of them, that begins at `at`.
fn unicode_end(bytes: &[u8], at: usize) -> Result<usize, FieldErrors> {
    let unit = |at: usize| {
        let escape = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(escape).ok()?, 16).ok()
    };
    match unit(at) {
        Some(0xD800..=0xDBFF) if matches!(unit(at + 6), Some(0xDC00..=0xDFFF)) => Ok(at + 12),
        Some(lone @ 0xD800..=0xDFFF) => Err(FieldErrors::one(
            "data",
            format!("Surrogate characters are not allowed: U+{lone:04X}."),
        )),
        _ => Ok(at + 6),
    }
}
