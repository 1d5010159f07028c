//! Who looks at a page: a user who has logged in, or whoever a platform let in to one organizer's pages.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, RawPathParams};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use http::HeaderMap;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};
use ring::digest::{SHA256, digest};
use serde_json::Value;
use sonnette::domain::{
    Access, Holder, OrganizerId, Permission, Session, TokenHash, TokenId, User, WebhookId,
};
use sonnette::engine::{Registry, Tenant};
use sonnette::store::{Actor, AuditNote};

use super::cookies;
use super::error::PageError;
use super::frame::{Frame, Place, Who};
use crate::credentials::token_hash;
use crate::http::links::Base;
use crate::http::registry::Author;
use crate::http::{AppState, links};

/// What all pages that a platform embeds begin with: their session is apart from that of a user in the same browser.
pub(super) const PORTAL: &str = "/portal/";

const SESSION: &str = "sonnette_session";
const PORTAL_SESSION: &str = "sonnette_portal";
/// What ties the forms of somebody who is not logged in to their browser.
const VISIT: &str = "sonnette_visit";

/// A session that nobody uses ends.
const USER_IDLE: SignedDuration = SignedDuration::from_hours(7 * 24);
const PORTAL_IDLE: SignedDuration = SignedDuration::from_hours(2);
/// How late the end of a session may be moved on: not every page need write.
const EXTENDED_EVERY: SignedDuration = SignedDuration::from_mins(10);

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
            Self::User(user) => user.access.reaches(organizer),
            Self::Portal { organizer: own, .. } => *own == organizer,
        }
    }

    /// Whether they may do everything everywhere.
    pub(crate) fn is_operator(&self) -> bool {
        matches!(self, Self::User(user) if user.access == Access::Operator)
    }

    fn actor(&self) -> Actor {
        match self {
            Self::User(user) => Actor::User(user.id),
            Self::Portal { token, .. } => Actor::Token(*token),
        }
    }

    /// A line of the audit log: what they change, and when.
    pub(crate) fn note(&self, action: &'static str, data: Value, at: Timestamp) -> AuditNote {
        AuditNote {
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
    pub(crate) registry: Arc<Registry>,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, PageError> {
        let registry = state.refresh()?;
        let path = parts.uri.path();
        let visitor = match session_text(&parts.headers, path) {
            Some(text) => visitor(state, &registry, text).await?,
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
    pub(crate) tenant: Arc<Tenant>,
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
        let users = state.store(move |store| store.users(None)).await?;
        let may_grant = |user: &&User| {
            user.has_password && user.access.allows(organizer, Permission::Organizer)
        };
        let (operators, own): (Vec<_>, Vec<_>) = users
            .iter()
            .filter(may_grant)
            .partition(|user| user.access == Access::Operator);
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
            .and_then(|(_, slug)| registry.tenant(slug))
            .filter(|tenant| visitor.reaches(tenant.organizer.id))
            .ok_or(PageError::NotFound)?
            .clone();
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
                || matches!(&visitor, Visitor::User(user) if matches!(&user.access, Access::Organizers(held) if held.len() > 1)),
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
        let user = match session_text(&parts.headers, path) {
            Some(text) => match visitor(state, &*state.refresh()?, text).await? {
                Some(Visitor::User(user)) => Some(user),
                _ => None,
            },
            None => None,
        };
        let mut cookie = None;
        frame.csrf = if let Some(token) = csrf_token(&parts.headers, path) {
            token
        } else {
            let text = crate::credentials::random_secret_text()?;
            let token = csrf_of(&text);
            let Ok(origin) = Origin::from_request_parts(parts, state).await;
            cookie = Some(built(VISIT, text, "/", origin.secure));
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
    /// From this address; empty where there is none.
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
            client.to_string()
        });
        Ok(Self {
            secure: base.starts_with("https:"),
            base,
            address: address.unwrap_or_default(),
        })
    }
}

async fn visitor(
    state: &AppState,
    registry: &Registry,
    text: &str,
) -> Result<Option<Visitor>, PageError> {
    found(state, registry, token_hash(text), true).await
}

/// Whose session this is; `used`: they are here, so that it goes on.
async fn found(
    state: &AppState,
    registry: &Registry,
    hash: TokenHash,
    used: bool,
) -> Result<Option<Visitor>, PageError> {
    let now = state.now();
    let found = state
        .store(move |store| {
            let Some(session) = store.session(&hash, now)? else {
                return Ok(None);
            };
            let expires = now + idle(&session);
            if used && expires.duration_since(session.expires) >= EXTENDED_EVERY {
                store.extend_session(&hash, expires, now)?;
            }
            Ok(match session.holder {
                Holder::User(id) => store.user(id)?.map(Visitor::User),
                Holder::Portal { organizer, token } => Some(Visitor::Portal { organizer, token }),
            })
        })
        .await?;
    Ok(found.filter(|visitor| match visitor {
        Visitor::User(_) => true,
        Visitor::Portal { organizer, token } => registry.tokens().any(|known| {
            known.id == *token
                && known.active
                && known.scope.allows(*organizer, Permission::Webhooks)
        }),
    }))
}

/// What somebody came in with, to look again later whether it still opens an organizer's pages.
pub(super) struct Pass(TokenHash);

impl Pass {
    /// Of whoever sent these headers.
    pub(super) fn of(headers: &HeaderMap, path: &str) -> Option<Self> {
        session_text(headers, path).map(|text| Self(token_hash(text)))
    }

    /// Whether it does. Looking does not make the visit longer.
    pub(super) async fn opens(
        &self,
        state: &AppState,
        organizer: OrganizerId,
        permission: Permission,
    ) -> Result<bool, PageError> {
        let registry = state.sonnette.registry();
        let visitor = found(state, &registry, self.0, false).await?;
        Ok(visitor.is_some_and(|visitor| visitor.may(organizer, permission)))
    }
}

fn idle(session: &Session) -> SignedDuration {
    match session.holder {
        Holder::User(_) => USER_IDLE,
        Holder::Portal { .. } => PORTAL_IDLE,
    }
}

/// Begins a session: it is in the store, and the cookie opens it.
pub(super) async fn begin(
    state: &AppState,
    holder: Holder,
    secure: bool,
) -> Result<Cookie<'static>, PageError> {
    let text = crate::credentials::random_secret_text()?;
    let (hash, now) = (token_hash(&text), state.now());
    let mut session = Session {
        holder,
        created: now,
        expires: now,
    };
    session.expires = now + idle(&session);
    state
        .store(move |store| store.add_session(&hash, &session))
        .await?;
    Ok(match holder {
        Holder::User(_) => built(SESSION, text, "/", secure),
        Holder::Portal { .. } => {
            let mut cookie = built(PORTAL_SESSION, text, PORTAL, secure);
            if secure && !state.settings.embed_origins.is_empty() {
                // In a frame of another site a browser keeps and sends no other cookie.
                cookie.set_same_site(SameSite::None);
                cookie.set_partitioned(true);
            }
            cookie
        }
    })
}

/// Ends the session of whoever sent these headers; the cookie takes the browser's away.
pub(super) async fn end(
    state: &AppState,
    headers: &HeaderMap,
    secure: bool,
) -> Result<Cookie<'static>, PageError> {
    if let Some(text) = cookies::get(headers, SESSION) {
        let hash = token_hash(text);
        state.store(move |store| store.end_session(&hash)).await?;
    }
    let mut cookie = built(SESSION, String::new(), "/", secure);
    cookie.make_removal();
    Ok(cookie)
}

fn built(name: &'static str, text: String, path: &'static str, secure: bool) -> Cookie<'static> {
    Cookie::build((name, text))
        .path(path)
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .build()
}

fn session_text<'a>(headers: &'a HeaderMap, path: &str) -> Option<&'a str> {
    let name = if path.starts_with(PORTAL) {
        PORTAL_SESSION
    } else {
        SESSION
    };
    cookies::get(headers, name)
}

/// What the forms of a page carry: nobody without the cookie can work it out.
pub(super) fn csrf_token(headers: &HeaderMap, path: &str) -> Option<String> {
    let text = session_text(headers, path).or_else(|| cookies::get(headers, VISIT))?;
    Some(csrf_of(text))
}

fn csrf_of(text: &str) -> String {
    let hash = digest(&SHA256, format!("form of {text}").as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}
