//! Flash messages: the result of an action, shown once on the page that the user is redirected to.

use ::cookie::Cookie;
use ::cookie::time::Duration;
use axum::response::{IntoResponse, Redirect, Response};
use http::HeaderMap;

use super::cookies::{self, CookieScope};
use super::texts::Texts;
use crate::edge::AppState;

const COOKIE: &str = "sonnette_said";
/// A message that is not shown within this time is lost.
const MAX_AGE: Duration = Duration::minutes(1);

/// Redirects to `url`, where the text `flash-{key}` is shown.
pub(crate) fn redirect(url: &str, key: &str) -> Response {
    redirect_with_count(url, key, 0)
}

/// Redirects to `url`, where the text `flash-{key}` is shown with a number, `$count`.
pub(crate) fn redirect_with_count(url: &str, key: &str, count: u64) -> Response {
    let mut response = Redirect::to(url).into_response();
    let message = format!("{key}.{count}");
    response.extensions_mut().insert(PendingFlash(message));
    response
}

/// A message that the response layer puts into a cookie: the attributes of the cookie depend on the request.
#[derive(Clone)]
struct PendingFlash(String);

/// Moves the message of a response into a cookie.
pub(super) fn set_cookie(state: &AppState, scope: CookieScope, mut response: Response) -> Response {
    let Some(PendingFlash(message)) = response.extensions_mut().remove() else {
        return response;
    };
    let mut cookie: Cookie<'static> = scope.cookie(state, COOKIE, message);
    cookie.set_max_age(MAX_AGE);
    cookies::set(response, cookie)
}

/// A message as a page shows it.
pub(crate) struct Flash {
    pub(crate) text: String,
    /// The CSS class.
    pub(crate) class: &'static str,
}

/// Messages about something that was done but needs attention.
const WARNINGS: &[&str] = &[
    "webhook-saved-plain",
    "webhook-saved-private",
    "webhook-saved-uncallable",
    "expedited-failing",
];

/// The message that a request carries. Requests of scripts do not show it.
pub(super) fn read(headers: &HeaderMap, texts: &Texts) -> Option<Flash> {
    if headers.contains_key("hx-request") {
        return None;
    }
    let (key, count) = cookies::get(headers, COOKIE)?.split_once('.')?;
    let class = if WARNINGS.contains(&key) {
        "warn"
    } else {
        "good"
    };
    let key = format!("flash-{key}");
    let text = texts.get_count(&key, count.parse::<u64>().ok()?);
    (text != key).then_some(Flash { text, class })
}

/// Removes the cookie of a message that this response shows.
pub(super) fn remove_cookie(
    state: &AppState,
    scope: CookieScope,
    headers: &HeaderMap,
    response: Response,
) -> Response {
    if headers.contains_key("hx-request") || cookies::get(headers, COOKIE).is_none() {
        return response;
    }
    cookies::set(response, scope.removal(state, COOKIE))
}
