//! Reads and writes cookies.
//!
//! Browsers see the names with the suffix of this server, so that two servers on one host do not log out each other's users.
//! Handlers see the names without it: the [`layer`](super::layer) translates.

use axum::response::Response;
use cookie::{Cookie, SameSite};
use http::{HeaderMap, HeaderValue, header};

use super::paths::PORTAL_PREFIX;
use crate::edge::AppState;

/// Where a cookie applies and how it is protected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CookieScope {
    /// Only for the pages of the portal, which may be in a frame of another site.
    pub(crate) is_portal: bool,
    /// Only over TLS.
    pub(crate) is_https: bool,
}

impl CookieScope {
    /// A cookie with this scope that scripts cannot read.
    pub(crate) fn cookie(
        self,
        state: &AppState,
        name: &'static str,
        value: String,
    ) -> Cookie<'static> {
        let path = if self.is_portal { PORTAL_PREFIX } else { "/" };
        let mut cookie = Cookie::build((name, value))
            .path(path)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.is_https)
            .build();
        if self.is_portal && self.is_https && !state.settings.embed_origins.is_empty() {
            // In a frame of another site, browsers keep and send no other cookie.
            cookie.set_same_site(SameSite::None);
            cookie.set_partitioned(true);
        }
        cookie
    }

    /// A cookie that removes the one with this name and scope from the browser.
    pub(crate) fn removal(self, state: &AppState, name: &'static str) -> Cookie<'static> {
        let mut cookie = self.cookie(state, name, String::new());
        cookie.make_removal();
        cookie
    }
}

/// What the names of all cookies begin with.
const COOKIE_PREFIX: &str = "sonnette_";

/// Keeps the cookies of this server, under the names that handlers know.
pub(super) fn remove_suffix(headers: &mut HeaderMap, suffix: &str) {
    let own: Vec<String> = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter_map(|(name, value)| Some(format!("{}={value}", name.strip_suffix(suffix)?)))
        .collect();
    headers.remove(header::COOKIE);
    if !own.is_empty()
        && let Ok(value) = HeaderValue::try_from(own.join("; "))
    {
        headers.insert(header::COOKIE, value);
    }
}

/// Gives the cookies of a response the names that browsers see.
pub(super) fn add_suffix(headers: &mut HeaderMap, suffix: &str) {
    let named: Vec<HeaderValue> = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| {
            let (name, rest) = value.to_str().ok()?.split_once('=')?;
            let suffix = if name.starts_with(COOKIE_PREFIX) {
                suffix
            } else {
                ""
            };
            HeaderValue::try_from(format!("{name}{suffix}={rest}")).ok()
        })
        .collect();
    headers.remove(header::SET_COOKIE);
    for value in named {
        headers.append(header::SET_COOKIE, value);
    }
}

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

/// Adds a cookie to a response, if there is one.
pub(crate) fn set<'a>(mut response: Response, cookie: impl Into<Option<Cookie<'a>>>) -> Response {
    if let Some(cookie) = cookie.into()
        && let Ok(value) = HeaderValue::from_str(&cookie.to_string())
    {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    response
}
