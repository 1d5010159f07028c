//! JSON as it was published, copied without white space and without needless escapes.
//!
//! The text is not parsed into a tree. What many receivers cannot parse (lone surrogates, deep nesting) is refused.

use std::borrow::Cow;

use serde::Deserialize;

use super::field_errors::FieldErrors;

/// The deepest nesting of lists and objects in `data`. Many parsers stop at 128, the body included.
const MAX_DEPTH: usize = 120;

/// Parses a text that is known to be JSON. Only numbers out of range and wrong types fail.
pub(super) fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, FieldErrors> {
    serde_json::from_str(data)
        .map_err(|error| FieldErrors::one("data", format!("This JSON cannot be taken: {error}.")))
}

/// The same JSON without white space and without needless escapes. The order of keys and the text of numbers stay.
pub(super) fn compact(json: &str) -> Result<Cow<'_, str>, FieldErrors> {
    let bytes = json.as_bytes();
    // `kept` holds everything before `done`. It stays empty until the first white space or escape.
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

/// A JSON string with the shortest escapes.
fn rewritten(string: &str) -> Result<String, FieldErrors> {
    let text: String = parse(string)?;
    Ok(serde_json::to_string(&text).unwrap_or_default())
}

/// The end of the string that begins at `start`, and whether it has escapes.
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

/// The end of the `\uXXXX`, or of the surrogate pair, that begins at `at`.
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
