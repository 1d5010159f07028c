//! What can be wrong with a webhook, in pretix's words.

use std::fmt;

use super::refusal::Refusal;

/// The name of what is wrong with no field alone.
pub(crate) const NO_FIELD: &str = "non_field_errors";

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It is missing.
    Required,
    /// It is null.
    Null,
    /// It is blank.
    Blank,
    /// It has more characters than this.
    TooLong(usize),
    /// It holds U+0000.
    NullCharacter,
    /// It holds a lone surrogate.
    Surrogate(u16),
    /// It is no URL.
    Url,
    /// It is neither yes nor no.
    Boolean,
    /// It is no text.
    NoText,
    /// It is no list, but what Python calls so.
    NoList(&'static str),
    /// It cannot be looked up.
    Value,
    /// There is no event with this slug.
    NoSuchEvent(String),
    /// There is no action type with this name.
    NoSuchActionType(String),
    /// All events were asked for, and some.
    AllAndSome,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Required => "This field is required.",
            Self::Null => "This field may not be null.",
            Self::Blank => "This field may not be blank.",
            Self::NullCharacter => "Null characters are not allowed.",
            Self::Url => "Enter a valid URL.",
            Self::Boolean => "Must be a valid boolean.",
            Self::NoText => "Not a valid string.",
            Self::Value => "Invalid value.",
            Self::AllAndSome => "You can set either limit_events or all_events.",
            Self::TooLong(max) => {
                return write!(f, "Ensure this field has no more than {max} characters.");
            }
            Self::Surrogate(surrogate) => {
                return write!(
                    f,
                    "Surrogate characters are not allowed: U+{surrogate:04X}."
                );
            }
            Self::NoList(kind) => {
                return write!(f, "Expected a list of items but got type \"{kind}\".");
            }
            Self::NoSuchEvent(slug) => {
                return write!(f, "Object with slug={slug} does not exist.");
            }
            Self::NoSuchActionType(name) => return write!(f, "Invalid action type \"{name}\"."),
        })
    }
}

/// All that is wrong with a webhook, by its fields.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Problems(pub(crate) Vec<(&'static str, Vec<Problem>)>);

impl Problems {
    /// One that belongs to no field alone.
    pub(crate) fn of_none(problem: Problem) -> Self {
        Self(vec![(NO_FIELD, vec![problem])])
    }
}

impl From<Problems> for Refusal {
    fn from(problems: Problems) -> Self {
        let words = |(field, problems): (_, Vec<Problem>)| {
            (field, problems.iter().map(ToString::to_string).collect())
        };
        Self::fields(problems.0.into_iter().map(words))
    }
}
