//! JSON as pretix accepts it: with `NaN`, lone surrogates and numbers of any size.

use super::error::DrfError;

/// A JSON value, or what pretix accepts as one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// Decimal digits, perhaps with a minus sign, without leading zeros.
    Int(String),
    /// Written with a point or an exponent; or `NaN`, `Infinity`, `-Infinity`.
    Float(f64),
    /// Any text.
    Str(Text),
    /// A list.
    List(Vec<Json>),
    /// Keys in the order of their first appearance, each with its last value.
    Object(Vec<(Text, Json)>),
}

/// A string of Unicode code points, which in Python may be lone surrogates.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text {
    /// The text, with U+FFFD in place of lone surrogates.
    pub(crate) chars: String,
    /// The first lone surrogate.
    pub(crate) lone_surrogate: Option<u16>,
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self {
            chars: text.to_owned(),
            lone_surrogate: None,
        }
    }
}

impl Json {
    /// The name of the type in Python.
    pub(crate) fn python_type(&self) -> &'static str {
        match self {
            Self::Null => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Object(_) => "dict",
        }
    }

    /// The members of an object.
    ///
    /// # Errors
    /// 400 with pretix's text for every other value.
    pub(crate) fn into_object(self) -> Result<Vec<(Text, Json)>, DrfError> {
        match self {
            Self::Object(members) => Ok(members),
            Self::Null => Err(DrfError::non_field("No data provided")),
            other => Err(DrfError::non_field(format!(
                "Invalid data. Expected a dictionary, but got {}.",
                other.python_type()
            ))),
        }
    }
}
