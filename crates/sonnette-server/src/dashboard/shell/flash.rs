//! What came of what somebody did, told once on the page they are sent to.

use std::time::Duration;

use ::cookie::Cookie;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;

use super::texts::Words;
use super::{cookies, session};
use crate::edge::AppState;

const COOKIE: &str = "sonnette_said";
/// Whoever does not follow for so long is not told any more.
const LIFE: Duration = Duration::from_mins(1);

/// To the page at `url`, which begins by telling the message `said-` and `key`.
pub(crate) fn go(url: &str, key: &str) -> Response {
    go_counted(url, key, 0)
}

/// The same, of a message with a number, `$count`.
pub(crate) fn go_counted(url: &str, key: &str, count: u64) -> Response {
    let mut response = Redirect::to(url).into_response();
    let message = format!("{key}.{count}");
    response.extensions_mut().insert(ToTell(message));
    response
}

/// A message on its way into a cookie: what a cookie has to be like depends on the request.
#[derive(Clone)]
struct ToTell(String);

fn cookie(state: &AppState, text: String, portal: bool, secure: bool) -> Cookie<'static> {
    if portal {
        session::built_for_portal(state, COOKIE, text, secure)
    } else {
        session::built(COOKIE, text, "/", secure)
    }
}

/// Lets the message of a response be told on the next page: of a portal or of the others.
pub(crate) fn keep(
    state: &AppState,
    portal: bool,
    secure: bool,
    mut response: Response,
) -> Response {
    let Some(ToTell(message)) = response.extensions_mut().remove() else {
        return response;
    };
    let mut cookie = cookie(state, message, portal, secure);
    cookie.set_max_age(::cookie::time::Duration::try_from(LIFE).unwrap_or_default());
    cookies::set(response, cookie)
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
pub(crate) fn read(headers: &HeaderMap, w: &Words) -> Option<Said> {
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
pub(crate) fn told(
    state: &AppState,
    (portal, secure): (bool, bool),
    headers: &HeaderMap,
    response: Response,
) -> Response {
    if headers.contains_key("hx-request") || cookies::get(headers, COOKIE).is_none() {
        return response;
    }
    let mut cookie = cookie(state, String::new(), portal, secure);
    cookie.make_removal();
    cookies::set(response, cookie)
}
