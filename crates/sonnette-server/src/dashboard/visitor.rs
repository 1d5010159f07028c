//! Who looks at a page: a user who has logged in, or whoever a platform let in to one organizer's pages.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams};
use cookie::Cookie;
use http::request::Parts;
use jiff::Timestamp;
use serde_json::Value;
use sonnette::domain::{OrganizerId, Permission, TokenId, User, UserAccess, WebhookId};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};
use sonnette::store::{Actor, NewAuditEntry};

use super::error::PageError;
use super::frame::{Frame, Place, Who};
use super::session::{self, Pass, csrf_token};
use crate::admin::Author;
use crate::edge::AppState;
use crate::edge::links;
use crate::edge::links::Base;

/// What all pages that a platform embeds begin with: their session is apart from that of a user in the same browser.
pub(super) const PORTAL: &str = "/portal/";

/// Who looks at a page.
#[derive(Debug, Clone)]
pub(crate) enum Visitor {
    /// A user who has logged in.
    User(User),
    /// Whoever a platform let in.
    Portal {
        /// To whose pages.
        organizer: OrganizerId,
        /// By which token.
        token: TokenId,
    },
}

impl Visitor {
    /// Whether they may do what needs `permission` for `organizer`. A portal opens webhooks and what is beside them.
    pub(crate) fn may(&self, organizer: OrganizerId, permission: Permission) -> bool {
        match self {
            Self::User(user) => user.access.allows(organizer, permission),
            Self::Portal { organizer: own, .. } => {
                *own == organizer && permission == Permission::Webhooks
            }
        }
    }

    /// Whether they have anything to do with `organizer`.
    pub(crate) fn reaches(&self, organizer: OrganizerId) -> bool {
        match self {
            Self::User(user) => user.access.can_view(organizer),
            Self::Portal { organizer: own, .. } => *own == organizer,
        }
    }

    /// Whether they may do everything everywhere.
    pub(crate) fn is_operator(&self) -> bool {
        matches!(self, Self::User(user) if user.access == UserAccess::Operator)
    }

    fn actor(&self) -> Actor {
        match self {
            Self::User(user) => Actor::User(user.id),
            Self::Portal { token, .. } => Actor::Token(*token),
        }
    }

    /// A line of the audit log: what they change, and when.
    pub(crate) fn note(&self, action: &'static str, data: Value, at: Timestamp) -> NewAuditEntry {
        NewAuditEntry {
            actor: self.actor(),
            action,
            data,
            at,
        }
    }
}

/// Somebody who is logged in, and what all their pages have.
pub(crate) struct Visit {
    /// Who.
    pub(crate) visitor: Visitor,
    /// For the templates.
    pub(crate) frame: Frame,
    /// The registry as it is now.
    pub(crate) registry: Arc<RegistrySnapshot>,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let registry = state.refresh().await?;
        let path = parts.uri.path();
        let visitor = match Pass::of(&parts.headers, path) {
            Some(pass) => pass.visitor(state, &registry, true).await?,
            None => None,
        };
        let Some(visitor) = visitor else {
            return Err(if path.starts_with(PORTAL) {
                PageError::PortalOver
            } else {
                let whole = parts
                    .uri
                    .path_and_query()
                    .map_or("/", |whole| whole.as_str());
                PageError::LogIn(whole.to_owned())
            });
        };
        let mut frame = Frame::bare(&parts.headers, &parts.uri);
        frame.csrf = csrf_token(&parts.headers, path).unwrap_or_default();
        frame.who = match &visitor {
            Visitor::User(user) => Who::User {
                email: user.email.to_string(),
                operator: visitor.is_operator(),
            },
            Visitor::Portal { .. } => Who::Portal,
        };
        Ok(Self {
            visitor,
            frame,
            registry,
        })
    }
}

/// Somebody at the pages of an organizer.
pub(crate) struct Desk {
    /// Who.
    pub(crate) visitor: Visitor,
    /// For the templates.
    pub(crate) frame: Frame,
    /// Whose pages.
    pub(crate) tenant: Arc<OrganizerSnapshot>,
    /// What the paths of all its pages begin with; no slash at the end.
    pub(crate) base: String,
}

impl Desk {
    /// Whose pages.
    pub(crate) fn organizer(&self) -> OrganizerId {
        self.tenant.organizer.id
    }

    /// Whether they may do what needs `permission`.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.visitor.may(self.organizer(), permission)
    }

    /// Who they are to those who change the registry.
    pub(crate) fn author(&self) -> Author {
        let holds = Permission::ALL.iter().copied();
        Author {
            actor: self.visitor.actor(),
            operator: self.visitor.is_operator(),
            holds: holds.filter(|permission| self.may(*permission)).collect(),
        }
    }

    /// Tells those who lack `permission` whom to ask.
    pub(crate) async fn need(
        &self,
        state: &AppState,
        permission: Permission,
    ) -> Result<(), PageError> {
        if self.may(permission) {
            return Ok(());
        }
        let organizer = self.organizer();
        if let Visitor::Portal { .. } = self.visitor {
            // Who works here is nothing for a platform's customers.
            return Err(PageError::Forbidden {
                lacks: Some(permission),
                ask: Vec::new(),
            });
        }
        let users = state.store(move |store| store.users(None)).await?;
        let may_grant = |user: &&User| {
            user.has_password && user.access.allows(organizer, Permission::Organizer)
        };
        let (operators, own): (Vec<_>, Vec<_>) = users
            .iter()
            .filter(may_grant)
            .partition(|user| user.access == UserAccess::Operator);
        let ask = own.into_iter().chain(operators).take(5);
        Err(PageError::Forbidden {
            lacks: Some(permission),
            ask: ask.map(|user| user.email.to_string()).collect(),
        })
    }

    /// A webhook of this organizer.
    pub(crate) fn webhook(
        &self,
        id: WebhookId,
    ) -> Result<&Arc<sonnette::domain::Webhook>, PageError> {
        self.tenant.webhooks.get(&id).ok_or(PageError::NotFound)
    }

    /// Where one of its pages is; `path` begins with a slash.
    pub(crate) fn url(&self, path: impl std::fmt::Display) -> String {
        format!("{}{path}", self.base)
    }
}

impl FromRequestParts<AppState> for Desk {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let Visit {
            visitor,
            mut frame,
            registry,
        } = Visit::from_request_parts(parts, state).await?;
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| PageError::NotFound)?;
        let slug = params.iter().find(|(name, _)| *name == "organizer");
        let tenant = slug
            .and_then(|(_, slug)| registry.organizer(slug))
            .filter(|tenant| visitor.reaches(tenant.organizer.id))
            .ok_or(PageError::NotFound)?;
        let organizer = &tenant.organizer;
        let root = match &visitor {
            Visitor::User(_) => "/organizers/",
            Visitor::Portal { .. } => PORTAL,
        };
        let base = format!("{root}{}", organizer.slug);
        frame.place = Some(Place {
            base: base.clone(),
            name: organizer.name.clone(),
            several: visitor.is_operator()
                || matches!(&visitor, Visitor::User(user) if matches!(&user.access, UserAccess::Organizers(held) if held.len() > 1)),
            may: Permission::ALL
                .iter()
                .copied()
                .filter(|permission| visitor.may(organizer.id, *permission))
                .collect(),
        });
        Ok(Self {
            visitor,
            frame,
            tenant,
            base,
        })
    }
}

/// Somebody who need not be logged in.
pub(crate) struct Guest {
    /// For the templates.
    pub(crate) frame: Frame,
    /// Ties the forms of the page to the browser; goes with the answer.
    pub(crate) cookie: Option<Cookie<'static>>,
    /// Whether they are logged in all the same.
    pub(crate) user: Option<User>,
}

impl FromRequestParts<AppState> for Guest {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let path = parts.uri.path();
        let mut frame = Frame::bare(&parts.headers, &parts.uri);
        let user = match Pass::of(&parts.headers, path) {
            Some(pass) => match pass.visitor(state, &*state.refresh().await?, true).await? {
                Some(Visitor::User(user)) => Some(user),
                _ => None,
            },
            None => None,
        };
        let mut cookie = None;
        frame.csrf = if let Some(token) = csrf_token(&parts.headers, path) {
            token
        } else {
            let Ok(origin) = Origin::from_request_parts(parts, state).await;
            let (made, token) = session::visit(origin.secure)?;
            cookie = Some(made);
            token
        };
        Ok(Self {
            frame,
            cookie,
            user,
        })
    }
}

/// How the request came in: what cookies, links and limits on how often one may try depend on.
pub(crate) struct Origin {
    /// Scheme and host of ours, as the outside knows them.
    pub(crate) base: String,
    /// Over TLS, as far as the outside is concerned.
    pub(crate) secure: bool,
    /// From this network; empty where there is none.
    pub(crate) address: String,
}

impl Origin {
    /// A page of ours for somebody elsewhere.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl FromRequestParts<AppState> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let Base(base) = Base::from_request_parts(parts, state).await?;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let address = peer.map(|info| {
            let client = links::client(&state.settings, &parts.headers, info.0.ip());
            network(client).to_string()
        });
        Ok(Self {
            secure: base.starts_with("https:"),
            base,
            address: address.unwrap_or_default(),
        })
    }
}

/// An address as one counts by it: of IPv6 the first half, since whoever has one has all of the other.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}
