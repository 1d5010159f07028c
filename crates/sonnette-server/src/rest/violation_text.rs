//! Violations in the words of Django REST framework.

use std::borrow::Cow;

use crate::admin::validation::Violation;
use crate::admin::webhooks::headers::{HeaderViolation, MAX_HEADERS, MAX_VALUE_BYTES};

/// What the API answers for a violation of one field.
pub(crate) fn violation_text(violation: &Violation) -> Cow<'static, str> {
    let text = match violation {
        Violation::Required => "This field is required.",
        Violation::Null => "This field may not be null.",
        Violation::Blank => "This field may not be blank.",
        Violation::NullCharacter => "Null characters are not allowed.",
        Violation::ControlCharacter => "Control characters are not allowed.",
        Violation::NotUrl => "Enter a valid URL.",
        Violation::NotUuid => "Must be a valid UUID.",
        Violation::NotBoolean => "Must be a valid boolean.",
        Violation::NotText => "Not a valid string.",
        Violation::NotTime => "Enter a date and time such as 2026-11-21T18:00:00Z.",
        Violation::NotList(None) => "Expected a list of items.",
        Violation::NotComparable => "Invalid value.",
        Violation::EmptyList => "This list may not be empty.",
        Violation::AllAndSomeEvents => "You can set either limit_events or all_events.",
        Violation::NotHttps => "This server only calls https URLs.",
        Violation::UnknownField => "Unknown field.",
        Violation::TooLong { max } => {
            return format!("Ensure this field has no more than {max} characters.").into();
        }
        Violation::TooMany { max } => {
            return format!("Ensure this field has no more than {max} elements.").into();
        }
        Violation::LoneSurrogate(surrogate) => {
            return format!("Surrogate characters are not allowed: U+{surrogate:04X}.").into();
        }
        Violation::NotList(Some(found)) => {
            return format!("Expected a list of items but got type \"{found}\".").into();
        }
        Violation::NotEmail(value) => {
            return format!("\"{value}\" is not a valid email address.").into();
        }
        Violation::NotChoice(error) => return error.to_string().into(),
        Violation::OutOfRange { min, max } => {
            return format!("Enter a whole number from {min} to {max}, or null.").into();
        }
        Violation::Malformed(expected) => return expected.clone().into(),
        Violation::UnknownEvent(slug) => {
            return format!("Object with slug={slug} does not exist.").into();
        }
        Violation::UnknownActionType(name) => {
            return format!("Invalid action type \"{name}\".").into();
        }
    };
    text.into()
}

/// What the API answers for a violation of one extra header.
pub(crate) fn header_violation_text(violation: HeaderViolation) -> Cow<'static, str> {
    let text = match violation {
        HeaderViolation::Duplicate => "This header is given twice.",
        HeaderViolation::InvalidName => "This is not a valid header name.",
        HeaderViolation::Reserved => "This header is set by the server.",
        HeaderViolation::NotText => "Not a valid string.",
        HeaderViolation::InvalidValue => "This is not a valid header value.",
        HeaderViolation::NoStoredValue => "There is no stored value to keep.",
        HeaderViolation::TooMany => {
            return format!("Ensure this field has no more than {MAX_HEADERS} elements.").into();
        }
        HeaderViolation::TooLong => {
            return format!("Ensure this value has no more than {MAX_VALUE_BYTES} characters.")
                .into();
        }
    };
    text.into()
}
