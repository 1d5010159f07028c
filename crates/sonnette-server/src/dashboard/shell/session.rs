//! Sessions, and the cookies that open them: a user's, and that of a portal, which are apart.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cookie::{Cookie, SameSite};
use http::HeaderMap;
use jiff::SignedDuration;
use ring::digest::{SHA256, digest};
use sonnette::domain::{OrganizerId, Permission, Session, SessionOwner, TokenHash};
use sonnette::engine::RegistrySnapshot;

use super::cookies;
use super::error::PageError;
use super::visitor::{PORTAL, Visitor};
use crate::credentials::token_hash;
use crate::edge::AppState;

const SESSION: &str = "sonnette_session";
const PORTAL_SESSION: &str = "sonnette_portal";
/// What ties the forms of somebody who is not logged in to their browser.
const VISIT: &str = "sonnette_visit";

/// A session that nobody uses ends.
const USER_IDLE: SignedDuration = SignedDuration::from_hours(7 * 24);
const PORTAL_IDLE: SignedDuration = SignedDuration::from_hours(2);
/// How late the end of a session may be moved on: not every page need write.
const EXTENDED_EVERY: SignedDuration = SignedDuration::from_mins(10);

/// What opens pages: the text of a cookie, hashed, and which of the two cookies it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    hash: TokenHash,
    portal: bool,
}

impl Pass {
    /// Of whoever sent these headers to this path.
    pub(super) fn of(headers: &HeaderMap, path: &str) -> Option<Self> {
        session_text(headers, path).map(|text| Self {
            hash: token_hash(text),
            portal: path.starts_with(PORTAL),
        })
    }

    /// The session, told apart from others.
    pub(super) fn session(self) -> TokenHash {
        self.hash
    }

    /// Whether it opens what takes `permission`. Looking does not make the visit longer.
    pub(super) async fn opens(
        &self,
        state: &AppState,
        organizer: OrganizerId,
        permission: Permission,
    ) -> Result<bool, PageError> {
        let registry = state.sonnette.registry();
        let visitor = self.visitor(state, &registry, false).await?;
        Ok(visitor.is_some_and(|visitor| visitor.may(organizer, permission)))
    }

    /// Whose it is; `used`: they are here, so that the session goes on.
    pub(super) async fn visitor(
        self,
        state: &AppState,
        registry: &RegistrySnapshot,
        used: bool,
    ) -> Result<Option<Visitor>, PageError> {
        let (hash, now) = (self.hash, state.now());
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
                    SessionOwner::User(id) => store.user(id)?.map(Visitor::User),
                    SessionOwner::Portal { organizer, token } => {
                        Some(Visitor::Portal { organizer, token })
                    }
                })
            })
            .await?;
        // The cookie of one kind of session is not that of the other.
        Ok(found.filter(|visitor| match visitor {
            Visitor::User(_) => !self.portal,
            Visitor::Portal { organizer, token } => {
                self.portal
                    && registry.tokens().any(|known| {
                        known.id == *token
                            && known.active
                            && known.scope.allows(*organizer, Permission::Webhooks)
                    })
            }
        }))
    }
}

fn idle(session: &Session) -> SignedDuration {
    match session.holder {
        SessionOwner::User(_) => USER_IDLE,
        SessionOwner::Portal { .. } => PORTAL_IDLE,
    }
}

/// Begins a session: it is in the store, and the cookie opens it. None: the password of this hash is no longer
/// the user's.
pub(crate) async fn begin(
    state: &AppState,
    holder: SessionOwner,
    hash_of_password: Option<String>,
    secure: bool,
) -> Result<Option<Cookie<'static>>, PageError> {
    let text = crate::credentials::random_secret_text()?;
    let (hash, now) = (token_hash(&text), state.now());
    let mut session = Session {
        holder,
        created: now,
        expires: now,
    };
    session.expires = now + idle(&session);
    let added = state
        .store(move |store| store.add_session(&hash, &session, hash_of_password.as_deref()))
        .await?;
    Ok(added.then(|| match holder {
        SessionOwner::User(_) => built(SESSION, text, "/", secure),
        SessionOwner::Portal { .. } => built_for_portal(state, PORTAL_SESSION, text, secure),
    }))
}

/// Ends the session of whoever sent these headers; the cookie takes the browser's away.
pub(crate) async fn end(
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

/// Ties the forms of somebody who is not logged in to their browser: a cookie, and what their forms carry.
pub(crate) fn visit(secure: bool) -> Result<(Cookie<'static>, String), PageError> {
    let text = crate::credentials::random_secret_text()?;
    let token = csrf_of(&text);
    Ok((built(VISIT, text, "/", secure), token))
}

/// A cookie of the portal's pages, which may be in a frame.
pub(crate) fn built_for_portal(
    state: &AppState,
    name: &'static str,
    text: String,
    secure: bool,
) -> Cookie<'static> {
    let mut cookie = built(name, text, PORTAL, secure);
    if secure && !state.settings.embed_origins.is_empty() {
        // In a frame of another site a browser keeps and sends no other cookie.
        cookie.set_same_site(SameSite::None);
        cookie.set_partitioned(true);
    }
    cookie
}

/// A cookie for the pages below `path`.
pub(crate) fn built(
    name: &'static str,
    text: String,
    path: &'static str,
    secure: bool,
) -> Cookie<'static> {
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
pub(crate) fn csrf_token(headers: &HeaderMap, path: &str) -> Option<String> {
    let text = session_text(headers, path).or_else(|| cookies::get(headers, VISIT))?;
    Some(csrf_of(text))
}

fn csrf_of(text: &str) -> String {
    let hash = digest(&SHA256, format!("form of {text}").as_bytes());
    URL_SAFE_NO_PAD.encode(hash)
}
