//! What the layout template shows around each page.

use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, Uri};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::domain::{Language, Permission, Permissions};

use super::assets;
use super::error::PageError;
use super::flash::{self, Flash};
use super::language::language_of;
use super::paths::is_portal;
use super::texts::Texts;

/// What the layout template shows around a page.
pub(crate) struct Layout {
    /// The texts of the page's language.
    pub(crate) texts: &'static Texts,
    pub(crate) user: LayoutUser,
    /// The organizer whose page it is, if it is one of an organizer.
    pub(crate) organizer: Option<LayoutOrganizer>,
    /// The CSRF token for forms; empty on error pages.
    pub(crate) csrf: String,
    /// Nearly all hosts cannot be reached, so that failures count against no webhook.
    pub(crate) has_outage: bool,
    /// Deliveries are held after a restore: those of the organizer of the page, or of any that the user has access to.
    pub(crate) is_held: bool,
    /// The result of the user's last action.
    pub(crate) flash: Option<Flash>,
    /// Path and query of the page.
    pub(crate) current_url: String,
}

/// The user as the layout shows them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LayoutUser {
    /// Not logged in.
    Anonymous,
    /// Logged in.
    User { email: String, is_operator: bool },
    /// A customer of a platform, in the portal.
    Portal,
}

/// An organizer as the layout shows it.
pub(crate) struct LayoutOrganizer {
    /// The prefix of the paths of its pages, without a slash at the end.
    pub(crate) base: String,
    pub(crate) name: String,
    /// Whether the user has access to other organizers too.
    pub(crate) has_others: bool,
    /// The permissions that the user holds for the organizer.
    pub(crate) permissions: Permissions,
}

/// A link of an organizer's navigation.
pub(crate) struct Tab {
    /// The key of its text.
    pub(crate) key: &'static str,
    pub(crate) url: String,
    /// Whether the current page is this one or below it.
    pub(crate) is_current: bool,
}

/// The navigation of an organizer: the key of the text, the path, and the permissions of which the page needs one.
#[rustfmt::skip] // One line for each page.
const TABS: &[(&str, &str, &[Permission])] = &[
    ("tab-webhooks", "/webhooks/", &[Permission::Webhooks]),
    ("tab-log", "/attempts/", &[Permission::Webhooks]),
    ("tab-notifications", "/notifications/", &[Permission::Webhooks, Permission::Publish]),
    // Any access to the organizer is enough.
    ("tab-catalogue", "/action-types/", &[]),
    ("tab-tokens", "/tokens/", &[Permission::Organizer]),
    ("tab-users", "/users/", &[Permission::Organizer]),
    ("tab-settings", "/settings/", &[Permission::Organizer]),
    ("tab-audit", "/audit/", &[Permission::Webhooks]),
];

impl Layout {
    /// A layout without user and organizer, in the language of the request.
    pub(super) fn new(headers: &HeaderMap, uri: &Uri) -> Self {
        let texts = Texts::of(language_of(headers));
        Self {
            texts,
            user: if is_portal(uri.path()) {
                LayoutUser::Portal
            } else {
                LayoutUser::Anonymous
            },
            organizer: None,
            csrf: String::new(),
            has_outage: false,
            is_held: false,
            flash: flash::read(headers, texts),
            current_url: uri
                .path_and_query()
                .map_or("/", |path_and_query| path_and_query.as_str())
                .to_owned(),
        }
    }

    /// The URL of an asset.
    #[expect(
        clippy::unused_self,
        reason = "templates can only call methods of what they are given"
    )]
    pub(crate) fn asset(&self, name: &str) -> &'static str {
        assets::url(name)
    }

    /// The code of the page's language.
    pub(crate) fn lang(&self) -> &'static str {
        self.texts.language().as_str()
    }

    /// The other languages: code, name, and the URL that chooses it.
    pub(crate) fn languages(&self) -> Vec<(&'static str, &'static str, String)> {
        let next = utf8_percent_encode(&self.current_url, NON_ALPHANUMERIC);
        [
            (Language::English, "English"),
            (Language::French, "Français"),
        ]
        .into_iter()
        .filter(|(language, _)| *language != self.texts.language())
        .map(|(language, name)| {
            let code = language.as_str();
            (code, name, format!("/language/{code}/?next={next}"))
        })
        .collect()
    }

    /// The navigation of the organizer. Webhooks are listed for all users: those who may not see them learn on that page
    /// whom to ask.
    pub(crate) fn tabs(&self) -> Vec<Tab> {
        let Some(organizer) = &self.organizer else {
            return Vec::new();
        };
        TABS.iter()
            .filter(|(_, path, permissions)| {
                *path == "/webhooks/" || self.can_open(organizer, path, permissions)
            })
            .map(|(key, path, _)| {
                let url = format!("{}{path}", organizer.base);
                Tab {
                    key,
                    is_current: self.current_url.starts_with(&url),
                    url,
                }
            })
            .collect()
    }

    /// The URL of the first page of the organizer that the user may open.
    pub(crate) fn first_page(&self) -> Option<String> {
        let organizer = self.organizer.as_ref()?;
        let first = TABS
            .iter()
            .find(|(_, path, permissions)| self.can_open(organizer, path, permissions));
        first.map(|(_, path, _)| format!("{}{path}", organizer.base))
    }

    fn can_open(
        &self,
        organizer: &LayoutOrganizer,
        path: &str,
        permissions: &[Permission],
    ) -> bool {
        // Customers of a platform do not see who works for the organizer.
        (self.user != LayoutUser::Portal || path != "/audit/")
            && (permissions.is_empty()
                || permissions
                    .iter()
                    .any(|permission| organizer.permissions.contains(*permission)))
    }
}

/// Renders a template.
pub(crate) fn render(template: &impl askama::Template) -> Result<Response, PageError> {
    Ok(Html(template.render()?).into_response())
}
