//! What came of what somebody did, told once on the page they are sent to.

use std::time::Duration;

use axum::response::{IntoResponse, Redirect, Response};
use cookie::{Cookie, SameSite};
use http::HeaderMap;

use super::cookies;
use super::words::Words;

const COOKIE: &str = "sonnette_said";
/// Whoever does not follow for so long is not told any more.
const LIFE: Duration = Duration::from_mins(1);

/// To the page at `url`, which begins by telling the message `said-` and `key`.
pub(crate) fn go(url: &str, key: &str) -> Response {
    go_counted(url, key, 0)
}

/// The same, of a message with a number, `$count`.
pub(crate) fn go_counted(url: &str, key: &str, count: u64) -> Response {
    let cookie = Cookie::build((COOKIE, format!("{key}.{count}")))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(LIFE.try_into().unwrap_or_default())
        .build();
    cookies::set(Redirect::to(url).into_response(), cookie)
}

/// What is told, and how it looks.
pub(crate) struct Said {
    /// In words.
    pub(crate) text: String,
    /// The class that gives it its colour.
    pub(crate) class: &'static str,
}

/// What was done, but is not well yet.
const WARNINGS: &[&str] = &[
    "webhook-saved-plain",
    "webhook-saved-private",
    "webhook-saved-uncallable",
    "expedited-failing",
];

/// What there is to tell to whoever sent these headers.
pub(super) fn read(headers: &HeaderMap, w: &Words) -> Option<Said> {
    if headers.contains_key("hx-request") {
        return None;
    }
    let (key, count) = cookies::get(headers, COOKIE)?.split_once('.')?;
    let class = if WARNINGS.contains(&key) {
        "warn"
    } else {
        "good"
    };
    let key = format!("said-{key}");
    let text = w.n(&key, count.parse::<u64>().ok()?);
    (text != key).then_some(Said { text, class })
}

/// Takes the message away from whoever has been told.
pub(super) fn told(headers: &HeaderMap, response: Response) -> Response {
    if headers.contains_key("hx-request") || cookies::get(headers, COOKIE).is_none() {
        return response;
    }
    let mut cookie = Cookie::build((COOKIE, "")).path("/").build();
    cookie.make_removal();
    cookies::set(response, cookie)
}
