//! Cookies, read and written.

use axum::response::Response;
use cookie::Cookie;
use http::{HeaderMap, HeaderValue, header};

/// The value of the cookie with this name.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(known, value)| (known == name).then_some(value))
}

/// The response with a cookie more, if there is one.
pub(crate) fn set<'a>(mut response: Response, cookie: impl Into<Option<Cookie<'a>>>) -> Response {
    if let Some(cookie) = cookie.into()
        && let Ok(value) = HeaderValue::from_str(&cookie.to_string())
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
