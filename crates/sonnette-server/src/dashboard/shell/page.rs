//! Extractors that handlers of pages take: the current user, the layout, and the organizer.

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use cookie::Cookie;
use http::request::Parts;
use sonnette::domain::{
    OrganizerId, Permission, Permissions, User, UserAccess, Webhook, WebhookId,
};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};

use super::csrf::{csrf_token, new_guest_token};
use super::current_user::CurrentUser;
use super::error::PageError;
use super::layout::{Layout, LayoutOrganizer, LayoutUser};
use super::paths::{PORTAL_PREFIX, is_portal};
use super::request_origin::RequestOrigin;
use super::session::SessionKey;
use crate::admin::author::Author;
use crate::edge::AppState;

/// People that an error page names as able to grant a missing permission.
const MAX_CONTACTS: usize = 5;

/// A page that needs a session.
pub(crate) struct UserPage {
    /// Who requests it.
    pub(crate) current_user: CurrentUser,
    /// For the template.
    pub(crate) layout: Layout,
    /// The registry at the time of the request.
    pub(crate) registry: Arc<RegistrySnapshot>,
}

impl FromRequestParts<AppState> for UserPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let registry = state.refresh().await?;
        let path = parts.uri.path();
        let current_user = match SessionKey::from_headers(&parts.headers, path) {
            Some(key) => key.current_user(state, true).await?,
            None => None,
        };
        let mut layout = Layout::new(&parts.headers, &parts.uri);
        let Some(current_user) = current_user else {
            return Err(if is_portal(path) {
                PageError::PortalSessionExpired
            } else {
                PageError::LoginRequired(layout.current_url)
            });
        };
        layout.csrf = csrf_token(&parts.headers, path).unwrap_or_default();
        layout.has_outage = state.sonnette.has_outage();
        layout.is_held = registry
            .held_organizers()
            .any(|organizer| current_user.can_view(organizer));
        layout.user = match &current_user {
            CurrentUser::User(user) => LayoutUser::User {
                email: user.email.to_string(),
                is_operator: current_user.is_operator(),
            },
            CurrentUser::Portal { .. } => LayoutUser::Portal,
        };
        Ok(Self {
            current_user,
            layout,
            registry,
        })
    }
}

/// A page of an organizer.
pub(crate) struct OrganizerPage {
    /// Who requests it.
    pub(crate) current_user: CurrentUser,
    /// For the template.
    pub(crate) layout: Layout,
    /// The organizer with its webhooks and action types.
    pub(crate) organizer: Arc<OrganizerSnapshot>,
    /// The prefix of the paths of all its pages, without a slash at the end.
    pub(crate) base: String,
}

impl OrganizerPage {
    /// The organizer's id.
    pub(crate) fn organizer_id(&self) -> OrganizerId {
        self.organizer.organizer.id
    }

    /// Whether the current user holds `permission` for the organizer.
    pub(crate) fn has_permission(&self, permission: Permission) -> bool {
        self.current_user
            .has_permission(self.organizer_id(), permission)
    }

    /// The permissions that the current user holds for the organizer.
    pub(crate) fn permissions(&self) -> Permissions {
        let all = Permission::ALL.iter().copied();
        all.filter(|permission| self.has_permission(*permission))
            .collect()
    }

    /// The current user as the author of a change.
    pub(crate) fn author(&self) -> Author {
        Author {
            actor: self.current_user.actor(),
            operator: self.current_user.is_operator(),
            permissions: self.permissions(),
        }
    }

    /// Refuses the page to users without `permission`; the error names users who can grant it.
    pub(crate) async fn require(
        &self,
        state: &AppState,
        permission: Permission,
    ) -> Result<(), PageError> {
        if self.has_permission(permission) {
            return Ok(());
        }
        let contacts = match self.current_user {
            // Customers of a platform do not see who works for the organizer.
            CurrentUser::Portal { .. } => Vec::new(),
            CurrentUser::User(_) => self.administrators(state, permission).await?,
        };
        Err(PageError::Forbidden {
            permission: Some(permission),
            contacts,
        })
    }

    /// E-mail addresses of users who can grant `permission` for the organizer; operators last.
    async fn administrators(
        &self,
        state: &AppState,
        permission: Permission,
    ) -> Result<Vec<String>, PageError> {
        let organizer = self.organizer_id();
        let users = state.read(move |store| store.users(None)).await?;
        let may_grant = |user: &&User| {
            // Users grant only permissions that they hold.
            let allows = |permission| user.access.allows(organizer, permission);
            user.has_password && allows(Permission::Organizer) && allows(permission)
        };
        let (operators, others): (Vec<_>, Vec<_>) = users
            .iter()
            .filter(may_grant)
            .partition(|user| user.access == UserAccess::Operator);
        let contacts = others.into_iter().chain(operators).take(MAX_CONTACTS);
        Ok(contacts.map(|user| user.email.to_string()).collect())
    }

    /// A webhook of the organizer.
    pub(crate) fn webhook(&self, id: WebhookId) -> Result<&Arc<Webhook>, PageError> {
        self.organizer.webhooks.get(&id).ok_or(PageError::NotFound)
    }

    /// The URL of a page of the organizer; `path` begins with a slash.
    pub(crate) fn url(&self, path: impl fmt::Display) -> String {
        format!("{}{path}", self.base)
    }
}

impl FromRequestParts<AppState> for OrganizerPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let UserPage {
            current_user,
            layout,
            registry,
        } = UserPage::from_request_parts(parts, state).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| PageError::NotFound)?;
        let slug = params.iter().find(|(name, _)| *name == "organizer");
        let (_, slug) = slug.ok_or(PageError::NotFound)?;
        let organizer = registry
            .organizer(slug)
            .filter(|organizer| current_user.can_view(organizer.organizer.id))
            .ok_or_else(|| PageError::UnknownOrganizer(slug.to_owned()))?
            .clone();
        let root = match &current_user {
            CurrentUser::User(_) => "/organizers/",
            CurrentUser::Portal { .. } => PORTAL_PREFIX,
        };
        let base = format!("{root}{}", organizer.organizer.slug);
        let mut page = Self {
            current_user,
            layout,
            organizer,
            base,
        };
        page.layout.is_held = registry.is_held(page.organizer_id());
        page.layout.organizer = Some(LayoutOrganizer {
            base: page.base.clone(),
            name: page.organizer.organizer.name.clone(),
            has_others: has_several_organizers(&page.current_user),
            permissions: page.permissions(),
        });
        Ok(page)
    }
}

/// Whether the user may have access to more than one organizer.
fn has_several_organizers(current_user: &CurrentUser) -> bool {
    match current_user {
        CurrentUser::User(user) => match &user.access {
            UserAccess::Operator => true,
            UserAccess::Organizers(held) => held.len() > 1,
        },
        CurrentUser::Portal { .. } => false,
    }
}

/// A page that needs no session.
pub(crate) struct GuestPage {
    /// For the template.
    pub(crate) layout: Layout,
    /// Ties the forms of the page to the browser; the response must set it.
    pub(crate) cookie: Option<Cookie<'static>>,
    /// The user, if one is logged in all the same.
    pub(crate) user: Option<User>,
}

impl FromRequestParts<AppState> for GuestPage {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let path = parts.uri.path();
        let mut layout = Layout::new(&parts.headers, &parts.uri);
        let user = match SessionKey::from_headers(&parts.headers, path) {
            Some(key) => match key.current_user(state, true).await? {
                Some(CurrentUser::User(user)) => Some(user),
                Some(CurrentUser::Portal { .. }) | None => None,
            },
            None => None,
        };
        let mut cookie = None;
        layout.csrf = if let Some(token) = csrf_token(&parts.headers, path) {
            token
        } else {
            let Ok(origin) = RequestOrigin::from_request_parts(parts, state).await;
            let (new_cookie, token) = new_guest_token(state, origin.is_https)?;
            cookie = Some(new_cookie);
            token
        };
        Ok(Self {
            layout,
            cookie,
            user,
        })
    }
}
