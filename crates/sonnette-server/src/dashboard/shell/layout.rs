//! What every page has around it.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::domain::{Language, Permission, Permissions};

use super::error::PageError;
use super::texts::Words;
use super::visitor::PORTAL;
use super::{assets, flash, language};

/// What every page has around it.
pub(crate) struct Frame {
    /// In which language.
    pub(crate) w: &'static Words,
    /// For whom.
    pub(crate) who: Who,
    /// At whose pages, if at an organizer's.
    pub(crate) place: Option<Place>,
    /// What forms carry to show that they are ours; empty where there is no form.
    pub(crate) csrf: String,
    /// What came of what was done last.
    pub(crate) said: Option<flash::Said>,
    /// The page itself: path and query.
    pub(crate) here: String,
}

/// For whom a page is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Somebody who is not logged in.
    Nobody,
    /// Who is.
    User {
        /// As they log in.
        email: String,
        /// Whether they see everything.
        operator: bool,
    },
    /// Whoever a platform let in.
    Portal,
}

/// An organizer, as the frame shows it.
pub(crate) struct Place {
    /// What the paths of all its pages begin with.
    pub(crate) base: String,
    /// Its name.
    pub(crate) name: String,
    /// Whether whoever looks has others to go to.
    pub(crate) several: bool,
    /// What whoever looks may do there.
    pub(crate) may: Permissions,
}

/// A way to another page of the organizer.
pub(crate) struct Tab {
    /// The key of its name.
    pub(crate) key: &'static str,
    /// Where it leads.
    pub(crate) url: String,
    /// Whether this page is below it.
    pub(crate) current: bool,
}

/// Pages of an organizer: the key of the name, the path, one of which permissions it takes.
#[rustfmt::skip] // One line for each page.
const TABS: &[(&str, &str, &[Permission])] = &[
    ("tab-webhooks", "/webhooks/", &[Permission::Webhooks]),
    ("tab-log", "/attempts/", &[Permission::Webhooks]),
    ("tab-notifications", "/notifications/", &[Permission::Webhooks, Permission::Publish]),
    // Whoever has anything to do with the organizer.
    ("tab-catalogue", "/action-types/", &[]),
    ("tab-tokens", "/tokens/", &[Permission::Organizer]),
    ("tab-users", "/users/", &[Permission::Organizer]),
    ("tab-settings", "/settings/", &[Permission::Organizer]),
    ("tab-audit", "/audit/", &[Permission::Webhooks]),
];

impl Frame {
    /// Around a page for nobody in particular.
    pub(super) fn bare(headers: &HeaderMap, uri: &Uri) -> Self {
        let w = Words::of(language::of(headers));
        Self {
            w,
            who: if uri.path().starts_with(PORTAL) {
                Who::Portal
            } else {
                Who::Nobody
            },
            place: None,
            csrf: String::new(),
            said: flash::read(headers, w),
            here: uri
                .path_and_query()
                .map_or("/", |whole| whole.as_str())
                .to_owned(),
        }
    }

    /// Where an asset is.
    #[expect(
        clippy::unused_self,
        reason = "templates reach it by the frame they have"
    )]
    pub(crate) fn asset(&self, name: &str) -> &'static str {
        assets::url(name)
    }

    /// The language's code.
    pub(crate) fn lang(&self) -> &'static str {
        self.w.language().as_str()
    }

    /// The other languages: code, own name, and where to choose it.
    pub(crate) fn languages(&self) -> Vec<(&'static str, &'static str, String)> {
        let next = utf8_percent_encode(&self.here, NON_ALPHANUMERIC);
        [
            (Language::English, "English"),
            (Language::French, "Français"),
        ]
        .into_iter()
        .filter(|(language, _)| *language != self.w.language())
        .map(|(language, name)| {
            let word = language.as_str();
            (word, name, format!("/language/{word}/?next={next}"))
        })
        .collect()
    }

    /// Ways to the organizer's pages. That to webhooks, which everybody looks for, is there for those too who may not
    /// open it: its page tells them whom to ask.
    pub(crate) fn tabs(&self) -> Vec<Tab> {
        let Some(place) = &self.place else {
            return Vec::new();
        };
        TABS.iter()
            .filter(|(_, path, need)| *path == "/webhooks/" || self.opens(place, path, need))
            .map(|(key, path, _)| {
                let url = format!("{}{path}", place.base);
                Tab {
                    key,
                    current: self.here.starts_with(&url),
                    url,
                }
            })
            .collect()
    }

    /// The first of the organizer's pages that whoever looks may open.
    pub(crate) fn first_page(&self) -> Option<String> {
        let place = self.place.as_ref()?;
        let first = TABS
            .iter()
            .find(|(_, path, need)| self.opens(place, path, need));
        first.map(|(_, path, _)| format!("{}{path}", place.base))
    }

    fn opens(&self, place: &Place, path: &str, need: &[Permission]) -> bool {
        // Who works here is nothing for a platform's customers.
        (self.who != Who::Portal || path != "/audit/")
            && (need.is_empty() || need.iter().any(|need| place.may.contains(*need)))
    }
}

/// A page, written.
pub(crate) fn page(template: &impl askama::Template) -> Result<Response, PageError> {
    Ok(Html(template.render()?).into_response())
}
