//! The rules of extra request headers.

use std::fmt;

use http::{HeaderName, HeaderValue};
use sonnette::domain::ExtraHeader;

use super::masks::unmasked;

const MOST_HEADERS: usize = 20;
const LONGEST_VALUE: usize = 4_096;

/// What is wrong with extra headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderProblem {
    /// There are more than anybody needs.
    TooMany,
    /// The same name is there already.
    Twice,
    /// No header has such a name.
    Name,
    /// The server sets it itself.
    Reserved,
    /// The value is no text.
    NoText,
    /// The value is too long.
    TooLong,
    /// The value cannot be sent.
    Value,
    /// A masked value, where none is stored under that name.
    NothingStored,
}

impl fmt::Display for HeaderProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(
                f,
                "Ensure this field has no more than {MOST_HEADERS} elements."
            ),
            Self::Twice => f.write_str("This header is given twice."),
            Self::Name => f.write_str("This is not a valid header name."),
            Self::Reserved => f.write_str("This header is set by the server."),
            Self::NoText => f.write_str("Not a valid string."),
            Self::TooLong => write!(
                f,
                "Ensure this value has no more than {LONGEST_VALUE} characters."
            ),
            Self::Value => f.write_str("This is not a valid header value."),
            Self::NothingStored => f.write_str("There is no stored value to keep."),
        }
    }
}

/// Checks names with their values (none: no text); masked values become those that are `stored`.
///
/// # Errors
/// What is wrong, with the name it is wrong with, if with one alone.
pub(crate) fn check(
    members: Vec<(String, Option<String>)>,
    stored: &[ExtraHeader],
) -> Result<Vec<ExtraHeader>, Vec<(Option<String>, HeaderProblem)>> {
    if members.len() > MOST_HEADERS {
        return Err(vec![(None, HeaderProblem::TooMany)]);
    }
    let mut headers: Vec<ExtraHeader> = Vec::with_capacity(members.len());
    let mut problems = Vec::new();
    for (name, value) in members {
        let again = headers
            .iter()
            .any(|known| known.name.eq_ignore_ascii_case(&name));
        let checked = if again {
            Err(HeaderProblem::Twice)
        } else {
            checked(&name, value)
        };
        match checked {
            Ok(value) => headers.push(ExtraHeader { name, value }),
            Err(problem) => problems.push((Some(name), problem)),
        }
    }
    match unmasked(headers, stored) {
        Ok(headers) if problems.is_empty() => Ok(headers),
        Ok(_) => Err(problems),
        Err(name) => {
            problems.push((Some(name), HeaderProblem::NothingStored));
            Err(problems)
        }
    }
}

fn checked(name: &str, value: Option<String>) -> Result<String, HeaderProblem> {
    if name.len() > 100 || HeaderName::try_from(name).is_err() {
        return Err(HeaderProblem::Name);
    }
    let lower = name.to_ascii_lowercase();
    let reserved = matches!(
        lower.as_str(),
        "host" | "transfer-encoding" | "connection" | "x-partners-signature"
    ) || lower.starts_with("content-")
        || lower.starts_with("webhook-");
    if reserved {
        return Err(HeaderProblem::Reserved);
    }
    let text = value.ok_or(HeaderProblem::NoText)?;
    if text.len() > LONGEST_VALUE {
        return Err(HeaderProblem::TooLong);
    }
    // Blanks at either end would be cut off on the way.
    let sendable = HeaderValue::try_from(&text).is_ok() && text.trim() == text && text.is_ascii();
    if sendable {
        Ok(text)
    } else {
        Err(HeaderProblem::Value)
    }
}
