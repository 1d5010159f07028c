//! The stations that every request to the API passes, in pretix's order: kept answers,
//! representation, token, organizer and permission, method. What comes after is the handler's.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use sonnette::domain::{Scope, Token, TokenHash};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};
use sonnette::store::{Actor, NewAuditEntry};

use crate::admin::{Author, tokens};
use crate::credentials::token_hash;
use crate::edge::AppState;
use crate::edge::access::{Entry, Table};
use crate::edge::idempotency;
use crate::rest::describe_path;
use crate::rest::drf::authorization::{Unauthenticated, token_of};
use crate::rest::drf::media::negotiate;
use crate::rest::drf::pages::Query;
use crate::rest::error::ApiError;

/// Where publications arrive: the one path whose requests are served from the registry in memory.
const PUBLISHING: &str = "/api/v1/organizers/{organizer}/notifications/";
/// The one path that answers something else than JSON.
const STREAM: &str = "/api/v1/organizers/{organizer}/stream/";

/// Who is asking, and for which organizer.
#[derive(Clone)]
pub(crate) struct Caller {
    /// Its token.
    pub(crate) token: Arc<Token>,
    /// SHA-256 of the token's text.
    pub(crate) hash: TokenHash,
    /// The registry that the token was found in.
    pub(crate) registry: Arc<RegistrySnapshot>,
    tenant: Option<Arc<OrganizerSnapshot>>,
}

impl Caller {
    /// The organizer of the path.
    pub(crate) fn tenant(&self) -> Result<&Arc<OrganizerSnapshot>, ApiError> {
        self.tenant.as_ref().ok_or_else(ApiError::forbidden)
    }

    /// A line of the audit log: what it changes, and when.
    pub(crate) fn note(&self, action: &'static str, data: Value, at: Timestamp) -> NewAuditEntry {
        NewAuditEntry {
            actor: Actor::Token(self.token.id),
            action,
            data,
            at,
        }
    }

    /// Who it is to those who change the registry.
    pub(crate) fn author(&self) -> Author {
        Author {
            actor: Actor::Token(self.token.id),
            operator: self.is_operator(),
            holds: tokens::permissions_of(&self.token),
        }
    }

    /// Whether it may do everything everywhere.
    pub(crate) fn is_operator(&self) -> bool {
        self.token.scope == Scope::Operator
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(ApiError::Unauthenticated(Unauthenticated::NotProvided))
    }
}

/// What the guard knows.
pub(crate) struct Guard {
    /// The program.
    pub(crate) state: AppState,
    /// Its paths.
    pub(crate) table: Arc<Table>,
}

/// Lets a request through to its handler, or answers it.
pub(crate) async fn guard(
    State(guard): State<Arc<Guard>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let Some(entry) = guard.table.get(path.as_str()) else {
        return next.run(request).await;
    };
    if entry.access.is_none() {
        return next.run(request).await;
    }
    let kept = match idempotency::key(path.as_str(), &request) {
        Ok(kept) => kept,
        Err(error) => return dressed(error.into_response(), entry),
    };
    let Some(key) = kept else {
        let answer = admit(&guard.state, entry, path.as_str(), request, next).await;
        return dressed(answer.unwrap_or_else(IntoResponse::into_response), entry);
    };
    let whole = guard.clone();
    let template = path.clone();
    let answer = idempotency::once(&guard.state, key, async move {
        let Guard { state, table } = &*whole;
        let Some(entry) = table.get(template.as_str()) else {
            return ApiError::not_found().into_response();
        };
        let answer = admit(state, entry, template.as_str(), request, next).await;
        dressed(answer.unwrap_or_else(IntoResponse::into_response), entry)
    });
    answer
        .await
        .unwrap_or_else(|error| dressed(error.into_response(), entry))
}

async fn admit(
    state: &AppState,
    entry: &Entry,
    template: &str,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    check_accept(&request, template == STREAM)?;
    let publishing = template == PUBLISHING && request.method() == Method::POST;
    let (headers, path) = (request.headers(), request.uri().path());
    let caller = authenticate(state, headers, path, publishing).await?;
    let organizer = caller.tenant.as_ref().map(|tenant| tenant.organizer.id);
    let of_organizer = template.contains("{organizer}");
    let need = entry.need(request.method());
    if of_organizer && organizer.is_none()
        || !need.is_some_and(|need| need.met_by(caller.token.scope, organizer))
    {
        return Err(ApiError::forbidden());
    }
    if !entry.methods.contains(request.method()) {
        let detail = format!("Method \"{}\" not allowed.", request.method());
        return Err(ApiError::Detail(StatusCode::METHOD_NOT_ALLOWED, detail));
    }
    if request.method() == Method::OPTIONS && !entry.describes_itself {
        return Ok(describe_path::describe(template));
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// JSON must do, or for the stream what streams are made of.
fn check_accept(request: &Request, streams: bool) -> Result<(), ApiError> {
    let mut accepts = request
        .headers()
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let first = accepts.next();
    let joined =
        first.map(|first| accepts.fold(first.to_owned(), |joined, next| joined + "," + next));
    if streams
        && joined
            .as_deref()
            .is_some_and(|accept| accept.contains("text/"))
    {
        return Ok(());
    }
    let query = request.uri().query().map(Query::new);
    let format = query.as_ref().and_then(|query| query.last("format"));
    Ok(negotiate(format, joined.as_deref())?)
}

/// Whose token it is. Publishing asks the store only about a token it has never seen; everything else sees every
/// change of the registry, whoever made it.
async fn authenticate(
    state: &AppState,
    headers: &HeaderMap,
    path: &str,
    publishing: bool,
) -> Result<Caller, ApiError> {
    let authorization = headers.get(header::AUTHORIZATION);
    let text = token_of(authorization.map(HeaderValue::as_bytes))?;
    let hash = token_hash(text);
    let sonnette = &state.sonnette;
    let mut registry = if publishing {
        sonnette.registry()
    } else {
        sonnette.refresh().await?
    };
    let mut token = registry.token(&hash).cloned();
    let slug = organizer_of(path);
    let mut tenant = slug.as_deref().and_then(|slug| registry.organizer(slug));
    if publishing && (token.is_none() || tenant.is_none()) {
        registry = sonnette.refresh().await?;
        token = registry.token(&hash).cloned();
        tenant = slug.as_deref().and_then(|slug| registry.organizer(slug));
    }
    let token = token.ok_or(Unauthenticated::Unknown)?;
    if !token.active {
        return Err(Unauthenticated::Inactive.into());
    }
    state.used(token.id);
    Ok(Caller {
        token,
        hash,
        registry,
        tenant,
    })
}

fn organizer_of(path: &str) -> Option<String> {
    let rest = path.strip_prefix("/api/v1/organizers/")?;
    let slug = rest.split('/').next().filter(|slug| !slug.is_empty())?;
    percent_decode_str(slug)
        .decode_utf8()
        .ok()
        .map(std::borrow::Cow::into_owned)
}

fn dressed(mut response: Response, entry: &Entry) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, entry.allow.clone());
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_organizer_in_the_path() {
        assert_eq!(
            organizer_of("/api/v1/organizers/big%65vents/webhooks/").as_deref(),
            Some("bigevents")
        );
        assert_eq!(organizer_of("/api/v1/organizers/"), None);
        assert_eq!(organizer_of("/healthz"), None);
    }
}
