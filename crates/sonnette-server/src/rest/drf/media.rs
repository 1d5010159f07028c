//! Parses request bodies by their media type: JSON and forms.

use std::collections::HashMap;

use http::StatusCode;

use super::error::DrfError;
use super::json::{Json, Text};
use super::parser;
use crate::edge::content_negotiation::media_range_matches;

/// A parsed request body.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ParsedBody {
    /// The value; for a form an object of strings, with `limit_events` as a list.
    pub(crate) json: Json,
    /// Whether it is a form, where a missing check box means `false`.
    pub(crate) is_form: bool,
}

/// Parses the body by its media type.
///
/// A multipart form is refused like any unknown type: pretix cannot read a list of action types from one either.
///
/// # Errors
/// 415 for other media types, 400 for what cannot be parsed.
pub(crate) fn read_body(content_type: Option<&str>, body: &[u8]) -> Result<ParsedBody, DrfError> {
    let given = content_type.unwrap_or_default();
    let is = |main, sub| media_range_matches(given, main, sub);
    if is("application", "json") {
        return parser::parse_body(body).map(|json| ParsedBody {
            json,
            is_form: false,
        });
    }
    let is_form = is("application", "x-www-form-urlencoded");
    let is_multipart = is("multipart", "form-data");
    if body.is_empty() {
        return Ok(ParsedBody {
            json: form(body),
            is_form: is_form || is_multipart,
        });
    }
    if is_form {
        return Ok(ParsedBody {
            json: form(body),
            is_form,
        });
    }
    if is_multipart && !has_boundary(given) {
        return Err(DrfError::detail(
            StatusCode::BAD_REQUEST,
            "Multipart form parse error - Invalid boundary in multipart: None",
        ));
    }
    Err(DrfError::detail(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        format!("Unsupported media type \"{given}\" in request."),
    ))
}

fn has_boundary(content_type: &str) -> bool {
    content_type.split(';').skip(1).any(|parameter| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("boundary") && !value.trim().is_empty()
        })
    })
}

/// The fields of a form: of several values the last, but all of `limit_events`.
fn form(body: &[u8]) -> Json {
    let mut members: Vec<(Text, Json)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (name, value) in url::form_urlencoded::parse(body) {
        let value = Json::Str(Text::from(value.as_ref()));
        let known = places
            .get(name.as_ref())
            .map(|place| &mut members[*place].1);
        match (known, name == "limit_events") {
            (Some(Json::List(values)), true) => values.push(value),
            (Some(last), _) => *last = value,
            (None, is_list) => {
                let value = if is_list {
                    Json::List(vec![value])
                } else {
                    value
                };
                places.insert(name.clone().into_owned(), members.len());
                members.push((Text::from(name.as_ref()), value));
            }
        }
    }
    Json::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_by_their_type() {
        let empty = Json::Object(Vec::new());
        for content_type in [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/json;x=y",
        ] {
            let payload = read_body(Some(content_type), b"{}").unwrap();
            assert_eq!((payload.json, payload.is_form), (empty.clone(), false));
        }
        for content_type in [None, Some(""), Some("text/plain"), Some("application/json")] {
            let payload = read_body(content_type, b"").unwrap();
            assert_eq!((payload.json, payload.is_form), (empty.clone(), false));
        }
        assert!(read_body(Some("multipart/form-data"), b"").unwrap().is_form);
        for (content_type, status, detail) in [
            (
                Some("text/plain"),
                415,
                "Unsupported media type \"text/plain\" in request.",
            ),
            (
                Some("text/plain; charset=utf-8"),
                415,
                "Unsupported media type \"text/plain; charset=utf-8\" in request.",
            ),
            (None, 415, "Unsupported media type \"\" in request."),
            (
                Some("multipart/form-data"),
                400,
                "Multipart form parse error - Invalid boundary in multipart: None",
            ),
            (
                Some("application/json"),
                400,
                "JSON parse error - Expected object or value",
            ),
        ] {
            let error = read_body(content_type, b" ").unwrap_err();
            assert_eq!(error.status.as_u16(), status);
            assert_eq!(error.body["detail"], detail);
        }
    }

    #[test]
    fn forms_are_objects_of_strings() {
        let body = b"comment=a+b&limit_events=x&comment=%C3%A4&limit_events=y";
        let payload = read_body(Some("application/x-www-form-urlencoded"), body).unwrap();
        assert!(payload.is_form);
        assert_eq!(
            crate::rest::drf::python::repr(&payload.json),
            "{'comment': 'ä', 'limit_events': ['x', 'y']}"
        );
    }
}
