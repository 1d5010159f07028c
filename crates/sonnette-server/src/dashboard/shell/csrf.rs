//! Protection against cross-site request forgery: each form carries a token that is derived from a cookie.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::Cookie;
use http::HeaderMap;
use ring::digest::{SHA256, digest};

use super::cookies::{self, CookieScope};
use super::error::PageError;
use super::session::session_cookie_value;
use crate::credentials::random_session_token;
use crate::edge::AppState;

/// Ties the forms of a guest to the browser; users have a session cookie for that.
const GUEST_COOKIE: &str = "sonnette_visit";

/// The token that the forms of a page carry. Only who has the cookie can compute it.
pub(crate) fn csrf_token(headers: &HeaderMap, path: &str) -> Option<String> {
    let cookie =
        session_cookie_value(headers, path).or_else(|| cookies::get(headers, GUEST_COOKIE))?;
    Some(token_for(cookie))
}

/// A cookie for a guest, and the token that the guest's forms carry.
pub(crate) fn new_guest_token(
    state: &AppState,
    is_https: bool,
) -> Result<(Cookie<'static>, String), PageError> {
    let value = random_session_token()?;
    let token = token_for(&value);
    let scope = CookieScope {
        is_portal: false,
        is_https,
    };
    Ok((scope.cookie(state, GUEST_COOKIE, value), token))
}

fn token_for(cookie: &str) -> String {
    let hash = digest(&SHA256, format!("form of {cookie}").as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}
