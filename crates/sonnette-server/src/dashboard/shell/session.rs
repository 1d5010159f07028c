//! Sessions and their cookies. Users and portals have separate cookies.

use cookie::Cookie;
use http::HeaderMap;
use jiff::{SignedDuration, Timestamp};
use sonnette::domain::{OrganizerId, Permission, Session, SessionOwner, TokenHash};
use sonnette::store::{Store, StoreError};

use super::cookies::{self, CookieScope};
use super::current_user::CurrentUser;
use super::error::PageError;
use super::paths::is_portal;
use crate::credentials::{random_session_token, token_hash};
use crate::edge::AppState;

const USER_COOKIE: &str = "sonnette_session";
const PORTAL_COOKIE: &str = "sonnette_portal";

/// An unused session expires after this time.
const USER_IDLE_TIMEOUT: SignedDuration = SignedDuration::from_hours(7 * 24);
const PORTAL_IDLE_TIMEOUT: SignedDuration = SignedDuration::from_hours(2);
/// A session in use is extended at most this often, so that not every request writes to the store.
const EXTEND_INTERVAL: SignedDuration = SignedDuration::from_mins(10);

/// The key of a session: the hash of the cookie's value, and which of the two cookies it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SessionKey {
    hash: TokenHash,
    is_portal: bool,
}

impl SessionKey {
    /// The key that a request to this path carries.
    pub(crate) fn from_headers(headers: &HeaderMap, path: &str) -> Option<Self> {
        session_cookie_value(headers, path).map(|value| Self {
            hash: token_hash(value),
            is_portal: is_portal(path),
        })
    }

    /// The hash under which the store knows the session.
    pub(crate) fn hash(self) -> TokenHash {
        self.hash
    }

    /// Whether the session gives `permission` for `organizer`. Does not extend the session.
    pub(crate) async fn is_allowed(
        self,
        state: &AppState,
        organizer: OrganizerId,
        permission: Permission,
    ) -> Result<bool, PageError> {
        let user = self.current_user(state, false).await?;
        Ok(user.is_some_and(|user| user.has_permission(organizer, permission)))
    }

    /// The owner of the session; `None` if it has expired. `extend` moves its end.
    pub(crate) async fn current_user(
        self,
        state: &AppState,
        extend: bool,
    ) -> Result<Option<CurrentUser>, PageError> {
        let (hash, now) = (self.hash, state.now());
        let found = state
            .read(move |store| {
                let Some(session) = store.session(&hash, now)? else {
                    return Ok(None);
                };
                let expires = now + idle_timeout(&session);
                let is_due = expires.duration_since(session.expires) >= EXTEND_INTERVAL;
                let user = self.owner(store, session.owner)?;
                Ok(user.map(|user| (user, (extend && is_due).then_some(expires))))
            })
            .await?;
        let Some((user, extension)) = found else {
            return Ok(None);
        };
        if let Some(expires) = extension {
            self.extend(state, expires, now);
        }
        Ok(Some(user))
    }

    /// Extends the session. The page does not wait for it: it is shown while the store cannot be written, too.
    fn extend(self, state: &AppState, expires: Timestamp, now: Timestamp) {
        let (hash, state) = (self.hash, state.clone());
        tokio::spawn(async move {
            let extended = state.write(move |store| store.extend_session(&hash, expires, now));
            if extended.await.is_err() {
                tracing::warn!("a session was not extended");
            }
        });
    }

    /// The owner of a session; `None` if the cookie is of the other kind, if the user has been removed, or if the token
    /// that opened the portal is not valid any more.
    fn owner(
        self,
        store: &dyn Store,
        holder: SessionOwner,
    ) -> Result<Option<CurrentUser>, StoreError> {
        match holder {
            SessionOwner::User(id) if !self.is_portal => Ok(store.user(id)?.map(CurrentUser::User)),
            SessionOwner::Portal { organizer, token } if self.is_portal => {
                let opener = store.token(token)?.filter(|token| {
                    token.active && token.scope.allows(organizer, Permission::Webhooks)
                });
                Ok(opener.map(|_| CurrentUser::Portal { organizer, token }))
            }
            SessionOwner::User(_) | SessionOwner::Portal { .. } => Ok(None),
        }
    }
}

fn idle_timeout(session: &Session) -> SignedDuration {
    match session.owner {
        SessionOwner::User(_) => USER_IDLE_TIMEOUT,
        SessionOwner::Portal { .. } => PORTAL_IDLE_TIMEOUT,
    }
}

/// Stores a new session and returns its cookie; `None` if `password_hash` is no longer the user's.
pub(crate) async fn start_session(
    state: &AppState,
    holder: SessionOwner,
    password_hash: Option<String>,
    is_https: bool,
) -> Result<Option<Cookie<'static>>, PageError> {
    let value = random_session_token()?;
    let (hash, now) = (token_hash(&value), state.now());
    let mut session = Session {
        owner: holder,
        created: now,
        expires: now,
    };
    session.expires = now + idle_timeout(&session);
    let added = state
        .write(move |store| store.add_session(&hash, &session, password_hash.as_deref()))
        .await?;
    let is_portal = matches!(holder, SessionOwner::Portal { .. });
    let scope = CookieScope {
        is_portal,
        is_https,
    };
    Ok(added.then(|| scope.cookie(state, cookie_name(is_portal), value)))
}

/// Ends the user's session and returns a cookie that removes the session cookie.
pub(crate) async fn end_session(
    state: &AppState,
    headers: &HeaderMap,
    is_https: bool,
) -> Result<Cookie<'static>, PageError> {
    if let Some(value) = cookies::get(headers, USER_COOKIE) {
        let hash = token_hash(value);
        state.write(move |store| store.end_session(&hash)).await?;
    }
    let scope = CookieScope {
        is_portal: false,
        is_https,
    };
    Ok(scope.removal(state, USER_COOKIE))
}

fn cookie_name(is_portal: bool) -> &'static str {
    if is_portal {
        PORTAL_COOKIE
    } else {
        USER_COOKIE
    }
}

/// The value of the session cookie that applies to this path.
pub(crate) fn session_cookie_value<'a>(headers: &'a HeaderMap, path: &str) -> Option<&'a str> {
    cookies::get(headers, cookie_name(is_portal(path)))
}
