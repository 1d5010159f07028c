//! JSON as clients of pretix send it: with `NaN`, with lone surrogates, with numbers of any size.

use http::StatusCode;

use super::parser;
use super::refusal::Refusal;

/// Any JSON value, and what pretix takes for one.
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
    /// Reads a request body. An empty one is like `{}`.
    ///
    /// # Errors
    /// 400 with pretix's words.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self::Object(Vec::new()));
        }
        let fail = |why: &str| {
            Refusal::detail(StatusCode::BAD_REQUEST, format!("JSON parse error - {why}"))
        };
        let text = std::str::from_utf8(body).map_err(|error| fail(&decoding_error(body, error)))?;
        parser::parse(text).map_err(fail)
    }

    /// What Python calls the type.
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
    /// 400 for everything else, with pretix's words.
    pub(crate) fn into_object(self) -> Result<Vec<(Text, Json)>, Refusal> {
        match self {
            Self::Object(members) => Ok(members),
            Self::Null => Err(Refusal::non_field("No data provided")),
            other => Err(Refusal::non_field(format!(
                "Invalid data. Expected a dictionary, but got {}.",
                other.python_type()
            ))),
        }
    }
}

/// Where and why the body is no UTF-8, as Python says it.
fn decoding_error(body: &[u8], error: std::str::Utf8Error) -> String {
    let start = error.valid_up_to();
    let first = body[start];
    let len = error.error_len().unwrap_or(body.len() - start);
    let reason = match error.error_len() {
        None => "unexpected end of data",
        Some(_) if !(0xC2..=0xF4).contains(&first) => "invalid start byte",
        Some(_) => "invalid continuation byte",
    };
    if len == 1 {
        format!("'utf-8' codec can't decode byte 0x{first:02x} in position {start}: {reason}")
    } else {
        let end = start + len - 1;
        format!("'utf-8' codec can't decode bytes in position {start}-{end}: {reason}")
    }
}
