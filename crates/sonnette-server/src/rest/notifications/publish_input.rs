//! Parses publications without building a tree, because `data` is stored as it was sent.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sonnette::domain::EventSlug;
use sonnette::engine::PublishRequest;

use crate::admin::validation::Violation;
use crate::edge::error::{ApiError, FieldMessages};
use crate::rest::drf::json::Json;
use crate::rest::drf::parser;
use crate::rest::fields::{MAX_MESSAGES, first_messages};
use crate::rest::json_body::{MAX_EXPLAINED_BYTES, parse_error};
use crate::rest::violation_text::violation_text;

/// Publications in one request.
pub(crate) const MAX_PUBLICATIONS: usize = 1_000;
/// Bytes of `data` as JSON text.
pub(crate) const MAX_DATA_BYTES: usize = 262_144;

/// Characters of an idempotency key or a subject.
const MAX_KEY_CHARS: usize = 255;

/// The publications of a request.
#[derive(Debug)]
pub(super) struct Publications {
    /// In the order of the request.
    pub(super) requests: Vec<PublishRequest>,
    /// Whether the request is an array, so that the response is one as well.
    pub(super) is_array: bool,
}

/// Parses a body.
pub(super) fn parse(body: &[u8]) -> Result<Publications, ApiError> {
    match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => parse_array(body),
        Some(b'{') => parse_one(serde_json::from_slice(body).map_err(|_| parse_error(body))?),
        None => parse_one(Entry::default()),
        Some(_) => Err(not_an_object(body)),
    }
}

fn parse_one(entry: Entry<'_>) -> Result<Publications, ApiError> {
    match entry.check() {
        Ok(request) => Ok(Publications {
            requests: vec![request],
            is_array: false,
        }),
        Err(EntryError::Fields(messages)) => {
            let messages = first_messages([(0, messages)]);
            let messages = messages.into_iter().flat_map(|(_, messages)| messages);
            Err(ApiError::Fields(messages.collect()))
        }
        Err(EntryError::TooLarge) => Err(data_too_large(None)),
    }
}

fn parse_array(body: &[u8]) -> Result<Publications, ApiError> {
    let Entries(entries) = serde_json::from_slice(body).map_err(|_| parse_error(body))?;
    if entries.is_empty() || entries.len() > MAX_PUBLICATIONS {
        return Err(ApiError::field(
            "non_field_errors",
            format!("Send from 1 to {MAX_PUBLICATIONS} notifications at a time."),
        ));
    }
    let mut requests = Vec::with_capacity(entries.len());
    let mut wrong = Vec::new();
    let mut message_count = 0;
    for (index, raw) in entries.iter().enumerate() {
        let checked = serde_json::from_str::<Entry<'_>>(raw.get())
            .map_err(|_| EntryError::Fields(messages_of(not_an_object(raw.get().as_bytes()))))
            .and_then(Entry::check);
        match checked {
            Ok(request) => requests.push(request),
            Err(EntryError::TooLarge) => return Err(data_too_large(Some(index))),
            Err(EntryError::Fields(messages)) => {
                message_count += messages.len();
                wrong.push((index, messages));
                if message_count >= MAX_MESSAGES {
                    break;
                }
            }
        }
    }
    if wrong.is_empty() {
        Ok(Publications {
            requests,
            is_array: true,
        })
    } else {
        Err(ApiError::Entries(first_messages(wrong)))
    }
}

/// The error of JSON that is not an object, or of a text that is not JSON.
fn not_an_object(body: &[u8]) -> ApiError {
    if body.len() > MAX_EXPLAINED_BYTES {
        return parse_error(body);
    }
    parser::parse_body(body)
        .and_then(Json::into_object)
        .map_or_else(ApiError::from, |_| parse_error(body))
}

fn messages_of(error: ApiError) -> FieldMessages {
    let text = match error {
        ApiError::Answer(_, body) => body["non_field_errors"][0]
            .as_str()
            .unwrap_or("Invalid data.")
            .to_owned(),
        _ => "Invalid data.".to_owned(),
    };
    vec![("non_field_errors".to_owned(), vec![text])]
}

/// The error of a publication whose `data` is too long.
pub(super) fn data_too_large(index: Option<usize>) -> ApiError {
    let place = index
        .map(|index| format!(" of notification {index}"))
        .unwrap_or_default();
    ApiError::too_large(format!(
        "The data{place} is longer than {MAX_DATA_BYTES} bytes."
    ))
}

enum EntryError {
    Fields(FieldMessages),
    TooLarge,
}

/// The elements of an array. If there are too many, the rest is skipped.
struct Entries<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Entries<'de>, A::Error> {
        let mut entries = Vec::new();
        while entries.len() <= MAX_PUBLICATIONS {
            match array.next_element()? {
                Some(entry) => entries.push(entry),
                None => return Ok(Entries(entries)),
            }
        }
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Entries(entries))
    }
}

/// The members of one publication as they were sent.
#[derive(Default)]
struct Entry<'a> {
    action_type: Option<&'a RawValue>,
    event: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    idempotency_key: Option<&'a RawValue>,
    subject: Option<&'a RawValue>,
    unknown: Vec<String>,
    /// Members that were sent more than once.
    repeated: Vec<String>,
}

impl<'de> Deserialize<'de> for Entry<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry<'de>, A::Error> {
        let mut entry = Entry::default();
        while let Some(Key(key)) = map.next_key()? {
            let place = match key.as_ref() {
                "action_type" => &mut entry.action_type,
                "event" => &mut entry.event,
                "data" => &mut entry.data,
                "idempotency_key" => &mut entry.idempotency_key,
                "subject" => &mut entry.subject,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    if entry.unknown.len() < MAX_MESSAGES {
                        entry.unknown.push(key.chars().take(100).collect());
                    }
                    continue;
                }
            };
            let value = map.next_value()?;
            if place.replace(value).is_some() && !entry.repeated.iter().any(|name| *name == key) {
                entry.repeated.push(key.into_owned());
            }
        }
        Ok(entry)
    }
}

/// A key, borrowed from the body unless it contains escapes.
#[derive(Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl Entry<'_> {
    fn check(self) -> Result<PublishRequest, EntryError> {
        if self
            .data
            .is_some_and(|data| data.get().len() > MAX_DATA_BYTES)
        {
            return Err(EntryError::TooLarge);
        }
        let mut errors = Errors::default();
        let action_type = errors.ok_or_add(
            "action_type",
            required(self.action_type).and_then(non_empty),
        );
        let event = errors.ok_or_add(
            "event",
            optional(self.event, |text| {
                EventSlug::from_str(&text).map_err(|error| Violation::Malformed(error.to_string()))
            }),
        );
        let data = errors.ok_or_add("data", required(self.data));
        let idempotency_key = errors.ok_or_add(
            "idempotency_key",
            optional(self.idempotency_key, bounded_text),
        );
        let subject = errors.ok_or_add("subject", optional(self.subject, bounded_text));
        for name in self.unknown {
            errors.ok_or_add(&name, Err::<(), _>(Violation::UnknownField));
        }
        for name in self.repeated {
            let message = "This key occurs twice in its object.".to_owned();
            errors.0.push((name, vec![message]));
        }
        match (action_type, event, data, idempotency_key, subject) {
            (Some(action_type), Some(event), Some(data), Some(idempotency_key), Some(subject))
                if errors.0.is_empty() =>
            {
                let data = data.to_owned();
                Ok(PublishRequest {
                    action_type,
                    event,
                    data,
                    idempotency_key,
                    subject,
                })
            }
            _ => Err(EntryError::Fields(errors.0)),
        }
    }
}

#[derive(Default)]
struct Errors(FieldMessages);

impl Errors {
    fn ok_or_add<T>(&mut self, name: &str, checked: Result<T, Violation>) -> Option<T> {
        checked
            .map_err(|violation| {
                let message = violation_text(&violation).into_owned();
                self.0.push((name.to_owned(), vec![message]));
            })
            .ok()
    }
}

fn text(raw: &RawValue) -> Result<String, Violation> {
    serde_json::from_str(raw.get()).map_err(|_| Violation::NotText)
}

fn required(raw: Option<&RawValue>) -> Result<&RawValue, Violation> {
    match raw {
        None => Err(Violation::Required),
        Some(raw) if raw.get() == "null" => Err(Violation::Null),
        Some(raw) => Ok(raw),
    }
}

fn non_empty(raw: &RawValue) -> Result<String, Violation> {
    let text = text(raw)?;
    if text.is_empty() {
        Err(Violation::Blank)
    } else {
        Ok(text)
    }
}

fn optional<T>(
    raw: Option<&RawValue>,
    check: impl FnOnce(String) -> Result<T, Violation>,
) -> Result<Option<T>, Violation> {
    match raw.filter(|raw| raw.get() != "null") {
        None => Ok(None),
        Some(raw) => text(raw).and_then(check).map(Some),
    }
}

/// 1 to 255 characters without NUL.
fn bounded_text(text: String) -> Result<String, Violation> {
    if text.is_empty() {
        Err(Violation::Blank)
    } else if text.chars().nth(MAX_KEY_CHARS).is_some() {
        Err(Violation::TooLong { max: MAX_KEY_CHARS })
    } else if text.contains('\0') {
        Err(Violation::NullCharacter)
    } else {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn fields(body: &str) -> Vec<(String, String)> {
        match parse(body.as_bytes()) {
            Err(ApiError::Fields(errors)) => errors
                .into_iter()
                .map(|(name, texts)| (name, texts.concat()))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn parses_one_publication_and_an_array() {
        let one = parse(
            b" {\"action_type\":\"a.b\",\"data\": {\"x\": [1]},\"event\":null,\"subject\":\"p\"}",
        )
        .unwrap();
        assert!(!one.is_array);
        let request = &one.requests[0];
        assert_eq!(
            (request.action_type.as_str(), request.data.get()),
            ("a.b", "{\"x\": [1]}")
        );
        assert_eq!(
            (request.subject.as_deref(), request.event.as_ref()),
            (Some("p"), None)
        );
        let many = parse(b"[{\"action_type\":\"a.b\",\"data\":{},\"event\":\"gala\"},{\"action_type\":\"a.b\",\"data\":{}}]");
        let many = many.unwrap();
        assert!(many.is_array);
        assert_eq!(many.requests.len(), 2);
    }

    #[test]
    fn names_every_wrong_field() {
        let required = |name: &str| (name.to_owned(), "This field is required.".to_owned());
        assert_eq!(fields("{}"), [required("action_type"), required("data")]);
        assert_eq!(fields(" "), [required("action_type"), required("data")]);
        let long = "x".repeat(256);
        let body = format!(
            "{{\"action_type\":1,\"data\":null,\"event\":\"-\",\"idempotency_key\":\"\",\"subject\":\"{long}\",\"dta\":1}}"
        );
        let names: Vec<_> = fields(&body).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "action_type",
                "event",
                "data",
                "idempotency_key",
                "subject",
                "dta"
            ]
        );
    }

    #[test]
    fn names_the_wrong_entries_of_an_array() {
        let Err(ApiError::Entries(entries)) =
            parse(b"[{\"action_type\":\"a.b\",\"data\":{}},{},3]")
        else {
            panic!()
        };
        let places: Vec<_> = entries.iter().map(|(index, _)| *index).collect();
        assert_eq!(places, [1, 2]);
        assert_eq!(
            entries[1].1[0].1,
            ["Invalid data. Expected a dictionary, but got int."]
        );
        assert_eq!(fields("[]")[0].0, "non_field_errors");
        assert_eq!(
            fields(&format!("[{}1]", "1,".repeat(1000)))[0].0,
            "non_field_errors"
        );
    }

    #[test]
    fn bounds_the_data() {
        let body = |bytes: usize| {
            format!(
                "{{\"action_type\":\"a.b\",\"data\":{{\"x\":\"{}\"}}}}",
                "y".repeat(bytes - 8)
            )
        };
        assert!(parse(body(MAX_DATA_BYTES).as_bytes()).is_ok());
        let refused = parse(body(MAX_DATA_BYTES + 1).as_bytes());
        assert!(matches!(
            refused,
            Err(ApiError::Detail(StatusCode::PAYLOAD_TOO_LARGE, _))
        ));
    }

    #[test]
    fn refuses_what_is_no_json() {
        for body in ["{", "nonsense", "{\"a\":NaN}", "7", "null"] {
            assert!(
                matches!(
                    parse(body.as_bytes()),
                    Err(ApiError::Answer(StatusCode::BAD_REQUEST, _)
                        | ApiError::Detail(StatusCode::BAD_REQUEST, _))
                ),
                "{body}"
            );
        }
    }
}
