//! The one validator of input. REST, pages, the command line and settings check with it; each words the violations itself.

use std::ops::RangeInclusive;
use std::str::FromStr;

use sonnette::domain::{EmailAddress, InvalidChoice, UtcDateTime};

/// Characters of a name that people read.
pub(crate) const MAX_NAME_CHARS: usize = 200;
/// E-mail addresses in one list of contacts.
pub(crate) const MAX_CONTACT_EMAILS: usize = 20;
/// Characters of a text that is parsed into a value.
pub(crate) const MAX_PARSED_CHARS: usize = 1_024;

/// A value that may be null: `Some(Nullable(None))` sets null, `None` keeps the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nullable<T>(pub(crate) Option<T>);

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Violation {
    /// The value is missing.
    Required,
    /// The value is null.
    Null,
    /// The text is blank.
    Blank,
    /// The text has more characters than allowed.
    TooLong {
        /// Characters.
        max: usize,
    },
    /// The list has more elements than allowed.
    TooMany {
        /// Elements.
        max: usize,
    },
    /// The list is empty.
    EmptyList,
    /// The text contains U+0000.
    NullCharacter,
    /// The text contains a control character.
    ControlCharacter,
    /// The text contains a lone surrogate, which only JSON can carry.
    LoneSurrogate(u16),
    /// The value is not a text.
    NotText,
    /// The value is not a boolean.
    NotBoolean,
    /// The value is not a list. pretix names the type that was sent.
    NotList(Option<&'static str>),
    /// The value is not a UUID.
    NotUuid,
    /// The text is not a date and time with an offset.
    NotTime,
    /// The text is not a URL that requests can be sent to.
    NotUrl,
    /// The text is not an e-mail address.
    NotEmail(String),
    /// The text is not one of the choices.
    NotChoice(InvalidChoice),
    /// The number is not a whole number in the range.
    OutOfRange {
        /// The least value.
        min: u32,
        /// The greatest value.
        max: u32,
    },
    /// The text cannot be parsed; the message says what is expected.
    Malformed(String),
    /// The value cannot be looked up.
    NotComparable,
    /// No event has this slug.
    UnknownEvent(String),
    /// No action type has this name.
    UnknownActionType(String),
    /// Both all events and some events are asked for.
    AllAndSomeEvents,
    /// The URL is not `https`, which the server demands.
    NotHttps,
    /// The object has a member that nothing reads.
    UnknownField,
}

/// A text of at most `max` characters without U+0000; white space around it is cut off.
///
/// # Errors
/// [`Violation::TooLong`] or [`Violation::NullCharacter`].
pub(crate) fn text(value: &str, max: usize) -> Result<&str, Violation> {
    let value = value.trim();
    if value.chars().nth(max).is_some() {
        Err(Violation::TooLong { max })
    } else if value.contains('\0') {
        Err(Violation::NullCharacter)
    } else {
        Ok(value)
    }
}

/// A [`text`] that is not blank.
///
/// # Errors
/// Those of [`text`], or [`Violation::Blank`].
pub(crate) fn filled_text(value: &str, max: usize) -> Result<&str, Violation> {
    match text(value, max)? {
        "" => Err(Violation::Blank),
        value => Ok(value),
    }
}

/// A [`filled_text`] without control characters, because it may stand in a mail header.
///
/// # Errors
/// Those of [`filled_text`], or [`Violation::ControlCharacter`].
pub(crate) fn single_line(value: &str, max: usize) -> Result<&str, Violation> {
    let value = filled_text(value, max)?;
    if value.chars().any(char::is_control) {
        return Err(Violation::ControlCharacter);
    }
    Ok(value)
}

/// A text that parses into a value.
///
/// # Errors
/// Those of [`filled_text`], or [`Violation::Malformed`].
pub(crate) fn parsed<T>(value: &str, max: usize) -> Result<T, Violation>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let value = filled_text(value, max)?;
    value
        .parse()
        .map_err(|error: T::Err| Violation::Malformed(error.to_string()))
}

/// One of the words of a closed set.
///
/// # Errors
/// [`Violation::NotChoice`].
pub(crate) fn choice<T: FromStr<Err = InvalidChoice>>(value: &str) -> Result<T, Violation> {
    value.parse().map_err(Violation::NotChoice)
}

/// Several words of a closed set, each once.
///
/// # Errors
/// [`Violation::NotChoice`] for the first unknown one.
pub(crate) fn choices<'a, T: FromStr<Err = InvalidChoice> + PartialEq>(
    values: impl IntoIterator<Item = &'a str>,
) -> Result<Vec<T>, Violation> {
    let mut chosen = Vec::new();
    for value in values {
        let word = choice(value)?;
        if !chosen.contains(&word) {
            chosen.push(word);
        }
    }
    Ok(chosen)
}

/// A whole number in the range.
///
/// # Errors
/// [`Violation::OutOfRange`], also for `None`: a value that is not a whole number.
pub(crate) fn integer(value: Option<u64>, range: &RangeInclusive<u32>) -> Result<u32, Violation> {
    let number = value.and_then(|value| u32::try_from(value).ok());
    number
        .filter(|number| range.contains(number))
        .ok_or(Violation::OutOfRange {
            min: *range.start(),
            max: *range.end(),
        })
}

/// A date and time with an offset.
///
/// # Errors
/// [`Violation::NotTime`].
pub(crate) fn time(value: &str) -> Result<UtcDateTime, Violation> {
    value.parse().map_err(|_| Violation::NotTime)
}

/// An e-mail address that mail about webhooks can be sent to.
///
/// # Errors
/// [`Violation::NotEmail`].
pub(crate) fn email(value: &str) -> Result<EmailAddress, Violation> {
    let address = value.parse::<EmailAddress>().ok();
    address
        .filter(EmailAddress::is_plain)
        .ok_or_else(|| Violation::NotEmail(value.to_owned()))
}

/// A list of contacts: at most [`MAX_CONTACT_EMAILS`] addresses, as they were written.
///
/// # Errors
/// [`Violation::TooMany`], or [`Violation::NotEmail`] for the first wrong one.
pub(crate) fn contact_emails(values: Vec<String>) -> Result<Vec<String>, Violation> {
    if values.len() > MAX_CONTACT_EMAILS {
        let max = MAX_CONTACT_EMAILS;
        return Err(Violation::TooMany { max });
    }
    for value in &values {
        email(value)?;
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use sonnette::domain::Language;

    use super::*;

    #[test]
    fn texts_are_bounded_in_characters() {
        assert_eq!(text(" é ", 1), Ok("é"));
        assert_eq!(text("ab", 1), Err(Violation::TooLong { max: 1 }));
        assert_eq!(text("a\0", 9), Err(Violation::NullCharacter));
        assert_eq!(filled_text(" ", 9), Err(Violation::Blank));
    }

    #[test]
    fn a_single_line_has_no_control_characters() {
        for value in ["a\r\nBcc: b", "a\tb", "\u{1b}[1m", "\u{85}x\u{9f}x"] {
            assert_eq!(single_line(value, 99), Err(Violation::ControlCharacter));
        }
        assert_eq!(single_line("Été & fils", 99), Ok("Été & fils"));
    }

    #[test]
    fn choices_are_kept_once() {
        let chosen = choices(["fr", "en", "fr"]);
        assert_eq!(chosen, Ok(vec![Language::French, Language::English]));
        let unknown = choices::<Language>(["en", "eo"]);
        let error = "eo".parse::<Language>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"eo\" is not a valid choice. Choose one of en, fr."
        );
        assert_eq!(unknown, Err(Violation::NotChoice(error)));
    }

    #[test]
    fn integers_are_in_their_range() {
        assert_eq!(integer(Some(9), &(1..=9)), Ok(9));
        for value in [None, Some(0), Some(10), Some(u64::MAX)] {
            let violation = Violation::OutOfRange { min: 1, max: 9 };
            assert_eq!(integer(value, &(1..=9)), Err(violation));
        }
    }

    #[test]
    fn contacts_are_addresses_of_a_bounded_number() {
        let one = vec!["a@b.example".to_owned()];
        assert_eq!(contact_emails(one.clone()), Ok(one));
        let many = vec!["a@b.example".to_owned(); MAX_CONTACT_EMAILS + 1];
        let max = MAX_CONTACT_EMAILS;
        assert_eq!(contact_emails(many), Err(Violation::TooMany { max }));
        let wrong = contact_emails(vec!["nobody".to_owned()]);
        assert_eq!(wrong, Err(Violation::NotEmail("nobody".to_owned())));
    }
}
