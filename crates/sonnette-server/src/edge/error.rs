//! The errors of the API and their HTTP responses, with the bodies of Django REST framework and no internal text.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use sonnette::dialect::FieldErrors;
use sonnette::engine::ControlError;
use sonnette::store::StoreError;

use super::authorization_header::AuthenticationError;
use super::limits::LimitExceeded;
use super::response;
use crate::admin::error::AdminError;
use crate::credentials::NoRandomBytes;

/// Seconds that a client is asked to wait before it tries again.
pub(crate) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");
/// The same where room may be free as soon as another request is answered.
const RETRY_AFTER_ONE_SECOND: HeaderValue = HeaderValue::from_static("1");

/// The messages of each wrong field, in the order of the request.
pub(crate) type FieldMessages = Vec<(String, Vec<String>)>;

/// Why a request fails.
#[derive(Debug, PartialEq)]
pub(crate) enum ApiError {
    /// `{"detail": "…"}`.
    Detail(StatusCode, String),
    /// 401.
    Unauthenticated(AuthenticationError),
    /// 400 with the messages of each wrong field.
    Fields(FieldMessages),
    /// 400 with the messages of the wrong elements of an array, by index.
    Entries(Vec<(usize, FieldMessages)>),
    /// Any status and body.
    Answer(StatusCode, Value),
    /// 415 because of a `Content-Encoding`.
    UnsupportedEncoding(String),
    /// 409 that asks the client to try again.
    Busy(&'static str),
    /// 408 because of a slow body.
    TooSlow,
    /// 503 of the server, 429 of one client; the request was not begun.
    Overloaded(LimitExceeded),
    /// 503; nothing was changed.
    Unavailable,
    /// 500; the reason is in the server's log.
    Internal,
}

impl ApiError {
    /// 404 of a path.
    pub(crate) fn not_found() -> Self {
        Self::Detail(StatusCode::NOT_FOUND, "Not found.".to_owned())
    }

    /// 404 of an object.
    pub(crate) fn no_such(thing: &str) -> Self {
        Self::Detail(
            StatusCode::NOT_FOUND,
            format!("No {thing} matches the given query."),
        )
    }

    /// 403.
    pub(crate) fn forbidden() -> Self {
        let detail = "You do not have permission to perform this action.";
        Self::Detail(StatusCode::FORBIDDEN, detail.to_owned())
    }

    /// 400 of one field.
    pub(crate) fn field(name: &str, message: impl Into<String>) -> Self {
        Self::Fields(vec![(name.to_owned(), vec![message.into()])])
    }

    /// 409 with one sentence.
    pub(crate) fn conflict(detail: impl Into<String>) -> Self {
        Self::Detail(StatusCode::CONFLICT, detail.into())
    }

    /// The answer to a change of a `thing` that was not made.
    pub(crate) fn of_change(error: AdminError, thing: &str) -> Self {
        match error {
            AdminError::NotFound => Self::no_such(thing),
            error => error.into(),
        }
    }

    /// 413.
    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        Self::Detail(StatusCode::PAYLOAD_TOO_LARGE, detail.into())
    }
}

/// The messages of each field, in the order of the first error of a field.
pub(crate) fn messages_by_field(errors: FieldErrors) -> FieldMessages {
    let mut grouped = FieldMessages::new();
    for (path, message) in errors.0 {
        match grouped.iter_mut().find(|(known, _)| *known == path) {
            Some((_, messages)) => messages.push(message),
            None => grouped.push((path, vec![message])),
        }
    }
    grouped
}

fn object(messages: FieldMessages) -> Value {
    let fields = messages
        .into_iter()
        .map(|(field, texts)| (field, texts.into()));
    Value::Object(fields.collect::<Map<_, _>>())
}

impl From<FieldErrors> for ApiError {
    fn from(errors: FieldErrors) -> Self {
        Self::Fields(messages_by_field(errors))
    }
}

impl From<AuthenticationError> for ApiError {
    fn from(reason: AuthenticationError) -> Self {
        Self::Unauthenticated(reason)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(reason) => {
                tracing::warn!(%reason, "the store is not available to a request: {reason}");
                Self::Unavailable
            }
            error => {
                tracing::error!(%error, "the store fails for a request: {error}");
                Self::Internal
            }
        }
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::NotFound => Self::not_found(),
            AdminError::Forbidden => Self::forbidden(),
            AdminError::Store(error) => error.into(),
            AdminError::Random(error) => error.into(),
            AdminError::SecretsOverlap { .. } => {
                let sentence = error.to_string();
                Self::conflict(sentence.replacen("the", "The", 1) + ".")
            }
            // Names are checked where they can be taken.
            AdminError::Taken | AdminError::Impossible(_) => {
                tracing::error!(%error, "a change has an impossible result: {error}");
                Self::Internal
            }
        }
    }
}

impl From<ControlError> for ApiError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Missing => Self::not_found(),
            ControlError::Disabled => Self::conflict("The webhook is disabled. Enable it first."),
            ControlError::Erased => {
                Self::conflict("The notification has been erased: there is nothing left to send.")
            }
            ControlError::NothingToTest => Self::field(
                "action_type",
                "There is no action type to test with: the webhook has none that could be published.",
            ),
            ControlError::Busy | ControlError::Stopping => Self::Unavailable,
            ControlError::Store(error) => error.into(),
        }
    }
}

impl From<NoRandomBytes> for ApiError {
    fn from(error: NoRandomBytes) -> Self {
        tracing::error!(%error, "a request needs random bytes: {error}");
        Self::Internal
    }
}

impl From<tokio::task::JoinError> for ApiError {
    fn from(error: tokio::task::JoinError) -> Self {
        tracing::error!(%error, "a thread that worked for a request panicked: {error}");
        Self::Internal
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        match self {
            Self::Detail(status, text) => detail(status, &text),
            Self::Unauthenticated(reason) => {
                let mut response = detail(StatusCode::UNAUTHORIZED, reason.detail());
                let scheme = HeaderValue::from_static("Token");
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, scheme);
                response
            }
            Self::Fields(messages) => response::json(StatusCode::BAD_REQUEST, &object(messages)),
            Self::Entries(entries) => {
                let entries = entries
                    .into_iter()
                    .map(|(at, fields)| (at.to_string(), object(fields)));
                let body = Value::Object(entries.collect());
                response::json(StatusCode::BAD_REQUEST, &body)
            }
            Self::Answer(status, body) => response::json(status, &body),
            Self::UnsupportedEncoding(encoding) => unsupported_encoding(&encoding),
            Self::Busy(text) => retry_later(detail(StatusCode::CONFLICT, text)),
            Self::TooSlow => detail(
                StatusCode::REQUEST_TIMEOUT,
                "The request body came too slowly. Nothing was changed.",
            ),
            Self::Overloaded(exceeded) => overloaded(exceeded),
            Self::Unavailable => {
                let text = "The server cannot do this now. Nothing was changed; please try again.";
                retry_later(detail(StatusCode::SERVICE_UNAVAILABLE, text))
            }
            Self::Internal => detail(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error."),
        }
    }
}

fn detail(status: StatusCode, text: &str) -> Response {
    response::json(status, &serde_json::json!({ "detail": text }))
}

fn unsupported_encoding(encoding: &str) -> Response {
    let text = format!(
        "Unsupported content encoding \"{encoding}\" in request. Send the body uncompressed, without \
         Content-Encoding or with \"identity\"."
    );
    let mut response = detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text);
    let identity = HeaderValue::from_static("identity");
    response
        .headers_mut()
        .insert(header::ACCEPT_ENCODING, identity);
    response
}

fn overloaded(exceeded: LimitExceeded) -> Response {
    let (status, text) = match exceeded {
        LimitExceeded::Total => (
            StatusCode::SERVICE_UNAVAILABLE,
            "The server has no room for this request now. Nothing was changed; please try again.",
        ),
        LimitExceeded::Client => (
            StatusCode::TOO_MANY_REQUESTS,
            "This client uses its share of the server: too many requests, connections, streams or bytes at a time. \
             Nothing was changed; please try again.",
        ),
    };
    let mut response = detail(status, text);
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, RETRY_AFTER_ONE_SECOND);
    response
}

fn retry_later(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::RETRY_AFTER, RETRY_AFTER);
    response
}
