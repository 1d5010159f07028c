//! Which language a page is in: as chosen, else as the browser prefers.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use cookie::Cookie;
use http::{HeaderMap, header};
use serde::Deserialize;
use sonnette::domain::Language;

use super::cookies;
use super::error::PageError;
use super::session;
use super::visitor::{Origin, PORTAL};
use crate::edge::AppState;

const COOKIE: &str = "sonnette_language";
const A_YEAR: cookie::time::Duration = cookie::time::Duration::days(365);

/// The language for whoever sent these headers.
pub(crate) fn of(headers: &HeaderMap) -> Language {
    if let Some(chosen) = cookies::get(headers, COOKIE).and_then(|word| word.parse().ok()) {
        return chosen;
    }
    let accepted = headers
        .get_all(header::ACCEPT_LANGUAGE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    preferred(accepted).unwrap_or(Language::English)
}

/// The language of ours with the greatest weight; of equals the first. Weight 0 means: not this one.
fn preferred<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Language> {
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
            && best.is_none_or(|(known, _)| weight > known)
        {
            best = Some((weight, language));
        }
    }
    best.map(|(_, language)| language)
}

#[derive(Deserialize)]
pub(crate) struct Back {
    #[serde(default)]
    next: String,
}

/// Keeps a choice of language, and goes back to the page it was made on.
pub(crate) async fn choose_language(
    State(state): State<AppState>,
    Path(word): Path<String>,
    Query(back): Query<Back>,
    origin: Origin,
) -> Result<Response, PageError> {
    let language: Language = word.parse().map_err(|_| PageError::NotFound)?;
    let next = local(&back.next);
    // A portal's choice is its own: a platform makes it for whoever comes from there.
    let portal = next.starts_with(PORTAL);
    let chosen = cookie(&state, language, portal, origin.secure);
    Ok(cookies::set(Redirect::to(next).into_response(), chosen))
}

/// Keeps a choice of language, for the portal's pages or for all.
pub(crate) fn cookie(
    state: &AppState,
    language: Language,
    portal: bool,
    secure: bool,
) -> Cookie<'static> {
    let text = language.as_str().to_owned();
    let mut cookie = if portal {
        session::built_for_portal(state, COOKIE, text, secure)
    } else {
        session::built(COOKIE, text, "/", secure)
    };
    cookie.set_max_age(A_YEAR);
    cookie
}

/// A path of ours, else the front page: nobody is sent elsewhere by a link to us.
pub(crate) fn local(path: &str) -> &str {
    let own = path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_what_is_accepted() {
        let of = |header: &str| preferred([header].into_iter()).map(Language::as_str);
        assert_eq!(of("fr-CA, en;q=0.8"), Some("fr"));
        assert_eq!(of("en;q=0.7,fr;q=0.9"), Some("fr"));
        assert_eq!(of("de, fr;q=0.2, en;q=0.1"), Some("fr"));
        assert_eq!(of("fr;q=0, en;q=0.1"), Some("en"));
        assert_eq!(of("de-CH"), None);
        assert_eq!(of("*"), Some("en"));
        assert_eq!(of("fr;q=x"), None);
    }

    #[test]
    fn leads_nowhere_else() {
        assert_eq!(local("/login/?next=/a/"), "/login/?next=/a/");
        for elsewhere in [
            "//evil.example/",
            "https://evil.example",
            "/\\evil.example",
            "/a b",
            "",
        ] {
            assert_eq!(local(elsewhere), "/");
        }
    }
}
