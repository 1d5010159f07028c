//! The data of a submitted form.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, HeaderValue, Method, header};
use url::form_urlencoded;

use super::csrf::csrf_token;
use super::error::PageError;
use crate::credentials::token_hash;
use crate::edge::AppState;
use crate::edge::read_body::read_limited;

/// Maximum size of a form of a page whose extractor checks the session before the form is read.
const MAX_BODY_BYTES: usize = 1 << 20;
/// Maximum size of a form that anybody can send.
const MAX_GUEST_BODY_BYTES: usize = 16 << 10;
/// The paths of the forms that anybody can send.
const GUEST_PATHS: [&str; 4] = ["/login/", "/logout/", "/forgot/", "/password/"];
const MAX_FIELDS: usize = 5_000;

/// The fields of a form, in the order they were sent. The extractor has checked the CSRF token.
pub(crate) struct FormData(Vec<(String, String)>);

impl FormData {
    /// The first value of a field without leading and trailing white space; empty if the field is missing.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.get_all(name).next().unwrap_or_default().trim()
    }

    /// The first value of a field as it was sent, for passwords.
    pub(crate) fn get_untrimmed(&self, name: &str) -> &str {
        self.get_all(name).next().unwrap_or_default()
    }

    /// All values of a field.
    pub(crate) fn get_all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the field was sent: a checkbox that is checked, or the button that was pressed.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.get_all(name).next().is_some()
    }

    /// The first value of a field, if it is not empty.
    pub(crate) fn get_non_empty(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }
}

impl FromRequest<AppState> for FormData {
    type Rejection = PageError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, PageError> {
        if request.method() != Method::POST || is_cross_site(request.headers()) {
            return Err(PageError::InvalidCsrfToken);
        }
        let expected = csrf_token(request.headers(), request.uri().path())
            .ok_or(PageError::InvalidCsrfToken)?;
        let limit = if is_guest_path(request.uri().path()) {
            MAX_GUEST_BODY_BYTES
        } else {
            MAX_BODY_BYTES
        };
        let (head, body) = request.into_parts();
        let body = read_limited(&head.headers, body, limit)
            .await
            .map_err(|_| PageError::UnreadableForm)?;
        let pairs = form_urlencoded::parse(&body);
        if pairs.clone().nth(MAX_FIELDS).is_some() {
            return Err(PageError::UnreadableForm);
        }
        let form = Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        );
        // Hashes are compared, so that the time of the comparison tells nothing about the token.
        if token_hash(form.get("csrf")) != token_hash(&expected) {
            return Err(PageError::InvalidCsrfToken);
        }
        Ok(form)
    }
}

fn is_guest_path(path: &str) -> bool {
    GUEST_PATHS.iter().any(|guest| path.starts_with(guest))
}

/// Whether the browser says that a page of another site sent the request. Old browsers do not say; then the token decides.
fn is_cross_site(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    !matches!(site, None | Some(b"same-origin" | b"none"))
        || !kind.starts_with("application/x-www-form-urlencoded")
}
