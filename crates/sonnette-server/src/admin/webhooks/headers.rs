//! The rules of extra request headers.

use http::{HeaderName, HeaderValue};
use sonnette::domain::ExtraHeader;

use super::masks::unmask;

/// Extra headers of one webhook.
pub(crate) const MAX_HEADERS: usize = 20;
/// Bytes of a header value.
pub(crate) const MAX_VALUE_BYTES: usize = 4_096;

/// What is wrong with extra headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderViolation {
    /// There are more than [`MAX_HEADERS`].
    TooMany,
    /// The name occurs before, in any case.
    Duplicate,
    /// The name is not a header name.
    InvalidName,
    /// The server sets it itself.
    Reserved,
    /// The value is not a text.
    NotText,
    /// The value has more than [`MAX_VALUE_BYTES`].
    TooLong,
    /// The value cannot be sent.
    InvalidValue,
    /// The value is the mask, and no value is stored under the name.
    NoStoredValue,
}

/// Checks names with their values (`None`: not a text), and replaces masked values by the `stored` ones.
///
/// # Errors
/// The violations, each with the name of its header; without a name if it concerns the whole list.
pub(crate) fn check(
    members: Vec<(String, Option<String>)>,
    stored: &[ExtraHeader],
) -> Result<Vec<ExtraHeader>, Vec<(Option<String>, HeaderViolation)>> {
    if members.len() > MAX_HEADERS {
        return Err(vec![(None, HeaderViolation::TooMany)]);
    }
    let mut headers: Vec<ExtraHeader> = Vec::with_capacity(members.len());
    let mut violations = Vec::new();
    for (name, value) in members {
        let is_duplicate = headers
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(&name));
        let checked = if is_duplicate {
            Err(HeaderViolation::Duplicate)
        } else {
            check_header(&name, value)
        };
        match checked {
            Ok(value) => headers.push(ExtraHeader { name, value }),
            Err(violation) => violations.push((Some(name), violation)),
        }
    }
    match unmask(headers, stored) {
        Ok(headers) if violations.is_empty() => Ok(headers),
        Ok(_) => Err(violations),
        Err(name) => {
            violations.push((Some(name), HeaderViolation::NoStoredValue));
            Err(violations)
        }
    }
}

fn check_header(name: &str, value: Option<String>) -> Result<String, HeaderViolation> {
    if name.len() > 100 || HeaderName::try_from(name).is_err() {
        return Err(HeaderViolation::InvalidName);
    }
    let lower = name.to_ascii_lowercase();
    let reserved = matches!(
        lower.as_str(),
        "host"
            | "transfer-encoding"
            | "connection"
            | "keep-alive"
            | "te"
            | "trailer"
            | "upgrade"
            | "expect"
            | "x-partners-signature"
    ) || lower.ends_with("-connection")
        || lower.starts_with("content-")
        || lower.starts_with("webhook-");
    if reserved {
        return Err(HeaderViolation::Reserved);
    }
    let text = value.ok_or(HeaderViolation::NotText)?;
    if text.len() > MAX_VALUE_BYTES {
        return Err(HeaderViolation::TooLong);
    }
    // HTTP strips white space around a value.
    let sendable = HeaderValue::try_from(&text).is_ok() && text.trim() == text && text.is_ascii();
    if sendable {
        Ok(text)
    } else {
        Err(HeaderViolation::InvalidValue)
    }
}
