//! Error responses of pretix.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::edge::error::ApiError;

/// An error response: a status and a JSON body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DrfError {
    /// 4xx.
    pub(crate) status: StatusCode,
    /// `{"detail": …}` or errors by field.
    pub(crate) body: Value,
}

impl DrfError {
    /// `{"detail": …}`.
    pub(crate) fn detail(status: StatusCode, text: impl Into<String>) -> Self {
        let text: String = text.into();
        Self {
            status,
            body: json!({ "detail": text }),
        }
    }

    /// 400 with one error that belongs to no field alone.
    pub(crate) fn non_field(text: impl Into<String>) -> Self {
        Self::fields([("non_field_errors", vec![text.into()])])
    }

    /// 400 with the messages of each field, in this order.
    pub(crate) fn fields(errors: impl IntoIterator<Item = (&'static str, Vec<String>)>) -> Self {
        let body: Map<String, Value> = errors
            .into_iter()
            .map(|(field, messages)| (field.to_owned(), messages.into()))
            .collect();
        Self {
            status: StatusCode::BAD_REQUEST,
            body: body.into(),
        }
    }
}

impl From<DrfError> for ApiError {
    fn from(error: DrfError) -> Self {
        Self::Answer(error.status, error.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_texts_and_statuses_of_pretix() {
        for (error, status, body) in [
            (
                DrfError::fields([
                    ("b", vec!["1".to_owned()]),
                    ("a", vec!["2".to_owned(), "3".to_owned()]),
                ]),
                400,
                r#"{"b":["1"],"a":["2","3"]}"#,
            ),
            (
                DrfError::non_field("x"),
                400,
                r#"{"non_field_errors":["x"]}"#,
            ),
        ] {
            assert_eq!(
                (error.status.as_u16(), error.body.to_string().as_str()),
                (status, body)
            );
        }
    }
}
