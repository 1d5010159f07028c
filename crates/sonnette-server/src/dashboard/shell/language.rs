//! The language of a page: the user's choice in a cookie, else the browser's preference.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use cookie::Cookie;
use http::{HeaderMap, header};
use serde::Deserialize;
use sonnette::domain::Language;

use super::cookies::{self, CookieScope};
use super::error::PageError;
use super::paths::{is_portal, local_path};
use super::request_origin::RequestOrigin;
use crate::edge::AppState;

const COOKIE: &str = "sonnette_language";
const COOKIE_MAX_AGE: cookie::time::Duration = cookie::time::Duration::days(365);

/// The language for a request.
pub(crate) fn language_of(headers: &HeaderMap) -> Language {
    if let Some(chosen) = cookies::get(headers, COOKIE).and_then(|word| word.parse().ok()) {
        return chosen;
    }
    let accepted = headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    preferred_language(accepted).unwrap_or(Language::English)
}

/// The supported language with the greatest weight in `Accept-Language`, the first of equals. Weight 0 excludes a language.
fn preferred_language<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Language> {
    let mut best: Option<(f32, Language)> = None;
    for range in headers.flat_map(|header| header.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
        let language = match tag.split('-').next().unwrap_or_default() {
            "*" => Some(Language::English),
            word => word.parse().ok(),
        };
        let weight = parts
            .find_map(|part| part.strip_prefix("q="))
            .map_or(Some(1.0), |q| q.trim().parse::<f32>().ok())
            .unwrap_or(0.0);
        if let Some(language) = language
            && weight > 0.0
            && best.is_none_or(|(greatest, _)| weight > greatest)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[derive(Deserialize)]
pub(crate) struct ChooseLanguageQuery {
    /// The page to return to.
    #[serde(default)]
    next: String,
}

/// Stores the user's choice of a language in a cookie and returns to the page.
pub(crate) async fn choose_language(
    State(state): State<AppState>,
    Path(code): Path<String>,
    Query(query): Query<ChooseLanguageQuery>,
    origin: RequestOrigin,
) -> Result<Response, PageError> {
    let language: Language = code.parse().map_err(|_| PageError::NotFound)?;
    let next = local_path(&query.next);
    let scope = CookieScope {
        // The portal has a choice of its own: the platform makes it for its customers.
        is_portal: is_portal(next),
        is_https: origin.is_https,
    };
    let cookie = language_cookie(&state, language, scope);
    Ok(cookies::set(Redirect::to(next).into_response(), cookie))
}

/// A cookie that stores the choice of a language.
pub(crate) fn language_cookie(
    state: &AppState,
    language: Language,
    scope: CookieScope,
) -> Cookie<'static> {
    let mut cookie = scope.cookie(state, COOKIE, language.as_str().to_owned());
    cookie.set_max_age(COOKIE_MAX_AGE);
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_weight_wins() {
        let of = |header: &str| preferred_language([header].into_iter()).map(Language::as_str);
        assert_eq!(of("fr-CA, en;q=0.8"), Some("fr"));
        assert_eq!(of("en;q=0.7,fr;q=0.9"), Some("fr"));
        assert_eq!(of("de, fr;q=0.2, en;q=0.1"), Some("fr"));
        assert_eq!(of("fr;q=0, en;q=0.1"), Some("en"));
        assert_eq!(of("de-CH"), None);
        assert_eq!(of("*"), Some("en"));
        assert_eq!(of("fr;q=x"), None);
    }
}
