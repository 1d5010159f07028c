//! A form that was sent from one of our pages.

use axum::extract::{FromRequest, Request};
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::{BodyExt as _, Limited};
use url::form_urlencoded;

use super::error::PageError;
use super::session::csrf_token;
use crate::credentials::token_hash;
use crate::edge::AppState;

/// Bytes that a form may have.
const LONGEST: usize = 1 << 20;
/// Fields that it may have.
const MOST_FIELDS: usize = 5_000;

/// The fields of a form, in the order they were sent. It came from our own page: that was checked.
pub(crate) struct Posted(Vec<(String, String)>);

impl Posted {
    /// The first value of a field, less white space around it; empty if it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default().trim()
    }

    /// The same as it was sent: for passwords.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Every value of a field.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether a box was ticked, or a button pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// The value of a field, if it is filled in.
    pub(crate) fn filled(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }
}

impl FromRequest<AppState> for Posted {
    type Rejection = PageError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, PageError> {
        if request.method() != Method::POST || comes_from_elsewhere(request.headers()) {
            return Err(PageError::Stale);
        }
        let expected =
            csrf_token(request.headers(), request.uri().path()).ok_or(PageError::Stale)?;
        let body = Limited::new(request.into_body(), LONGEST);
        let body = body.collect().await.map_err(|_| PageError::Unreadable)?;
        let body = body.to_bytes();
        let pairs = form_urlencoded::parse(&body);
        if pairs.clone().nth(MOST_FIELDS).is_some() {
            return Err(PageError::Unreadable);
        }
        let posted = Self(
            pairs
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        );
        // Hashes of the two, so that the time it takes tells nothing of where they differ.
        if token_hash(posted.get("csrf")) != token_hash(&expected) {
            return Err(PageError::Stale);
        }
        Ok(posted)
    }
}

/// Browsers say whether a request was begun by a page of another site; what says nothing is judged by its token alone.
fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    !matches!(site, None | Some(b"same-origin" | b"none"))
        || !kind.starts_with("application/x-www-form-urlencoded")
}
