//! Authorizes every request to the API, in pretix's order: idempotency key, representation, token, organizer and
//! permission, method.

use std::sync::Arc;

use axum::extract::{FromRequestParts, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use percent_encoding::percent_decode_str;
use sonnette::domain::{Permission, Scope, Token, TokenHash};
use sonnette::engine::{OrganizerSnapshot, RegistrySnapshot};
use sonnette::store::Actor;

use super::access::{Route, RouteTable};
use super::authorization_header::{AuthenticationError, token_of};
use super::content_negotiation::negotiate;
use super::describe_path;
use super::error::ApiError;
use super::idempotency;
use super::query::Query;
use super::state::AppState;
use crate::admin::{Author, tokens};
use crate::credentials::token_hash;

/// The route of publications, whose tokens are looked up in memory first.
const PUBLISH_ROUTE: &str = "/api/v1/organizers/{organizer}/notifications/";
/// The route that responds with an event stream instead of JSON.
const STREAM_ROUTE: &str = "/api/v1/organizers/{organizer}/stream/";

/// Who sends a request, and for which organizer.
#[derive(Clone)]
pub(crate) struct Caller {
    /// The token of the request.
    pub(crate) token: Arc<Token>,
    /// SHA-256 of the token's text.
    pub(crate) hash: TokenHash,
    /// The registry in which the token was found.
    pub(crate) registry: Arc<RegistrySnapshot>,
    /// `None` for paths without an organizer.
    organizer_snapshot: Option<Arc<OrganizerSnapshot>>,
}

impl Caller {
    /// The organizer in the path.
    pub(crate) fn organizer(&self) -> Result<&Arc<OrganizerSnapshot>, ApiError> {
        self.organizer_snapshot
            .as_ref()
            .ok_or_else(ApiError::forbidden)
    }

    /// The caller as the author of changes.
    pub(crate) fn author(&self) -> Author {
        Author {
            actor: Actor::Token(self.token.id),
            operator: self.is_operator(),
            permissions: tokens::permissions_of(&self.token),
        }
    }

    /// Whether the token is an operator's.
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
            .ok_or(ApiError::Unauthenticated(AuthenticationError::NotProvided))
    }
}

/// What [`authorize`] needs.
pub(crate) struct Authorizer {
    /// The state of the server.
    pub(crate) state: AppState,
    /// The routes of the API.
    pub(crate) routes: Arc<RouteTable>,
}

/// Middleware that passes an authorized request to its handler, and answers every other request itself.
pub(crate) async fn authorize(
    State(authorizer): State<Arc<Authorizer>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let template = path.as_str();
    let Some(route) = authorizer.routes.get(template) else {
        return next.run(request).await;
    };
    if route.access.is_none() {
        return next.run(request).await;
    }
    let key = match idempotency::key_of(template, &request) {
        Ok(key) => key,
        Err(error) => return with_api_headers(error.into_response(), route),
    };
    let Some(key) = key else {
        return check_and_run(&authorizer.state, route, template, request, next).await;
    };
    // A stored response is given only to a caller that may still make the request.
    let (parts, body) = request.into_parts();
    let caller = match negotiate_and_authenticate(&authorizer.state, template, &parts).await {
        Ok(caller) => caller,
        Err(error) => return with_api_headers(error.into_response(), route),
    };
    let is_permitted = check_permission(route, template, &parts.method, &caller).is_ok();
    let request = Request::from_parts(parts, body);
    let (shared, path) = (authorizer.clone(), path.clone());
    let handler = async move {
        match shared.routes.get(path.as_str()) {
            Some(route) => check_and_run(&shared.state, route, path.as_str(), request, next).await,
            None => ApiError::not_found().into_response(),
        }
    };
    let response = idempotency::run_once(&authorizer.state, key, handler).await;
    match response {
        Ok(response) if response.status().is_success() && !is_permitted => {
            with_api_headers(ApiError::forbidden().into_response(), route)
        }
        Ok(response) => response,
        Err(error) => with_api_headers(error.into_response(), route),
    }
}

async fn check_and_run(
    state: &AppState,
    route: &Route,
    template: &str,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let response = match check(state, route, template, &parts).await {
        Ok(_) if parts.method == Method::OPTIONS && !route.has_options_handler => {
            describe_path::describe(template)
        }
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    };
    with_api_headers(response, route)
}

/// Checks representation, token, organizer, permission and method, in pretix's order.
async fn check(
    state: &AppState,
    route: &Route,
    template: &str,
    request: &Parts,
) -> Result<Caller, ApiError> {
    let caller = negotiate_and_authenticate(state, template, request).await?;
    check_permission(route, template, &request.method, &caller)?;
    if !route.methods.contains(&request.method) {
        let detail = format!("Method \"{}\" not allowed.", request.method);
        return Err(ApiError::Detail(StatusCode::METHOD_NOT_ALLOWED, detail));
    }
    Ok(caller)
}

/// Checks the representation and finds the token.
async fn negotiate_and_authenticate(
    state: &AppState,
    template: &str,
    request: &Parts,
) -> Result<Caller, ApiError> {
    check_accept(request, template == STREAM_ROUTE)?;
    let is_publication = template == PUBLISH_ROUTE && request.method == Method::POST;
    let path = request.uri.path();
    authenticate(state, &request.headers, path, is_publication).await
}

/// Checks that the token may do this, and that the organizer in the path exists.
fn check_permission(
    route: &Route,
    template: &str,
    method: &Method,
    caller: &Caller,
) -> Result<(), ApiError> {
    let organizer = caller
        .organizer_snapshot
        .as_ref()
        .map(|organizer_snapshot| organizer_snapshot.organizer.id);
    let is_missing = template.contains("{organizer}") && organizer.is_none();
    let is_allowed = route
        .requirement(method)
        .is_some_and(|requirement| requirement.is_met_by(caller.token.scope, organizer));
    if is_missing || !is_allowed {
        return Err(ApiError::forbidden());
    }
    Ok(())
}

/// Checks that the client accepts JSON, or for the stream any text.
fn check_accept(request: &Parts, is_stream: bool) -> Result<(), ApiError> {
    let mut accepts = request
        .headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let first = accepts.next();
    let joined =
        first.map(|first| accepts.fold(first.to_owned(), |joined, next| joined + "," + next));
    if is_stream
        && joined
            .as_deref()
            .is_some_and(|accept| accept.contains("text/"))
    {
        return Ok(());
    }
    let query = request.uri.query().map(Query::new);
    let format = query.as_ref().and_then(|query| query.last("format"));
    negotiate(format, joined.as_deref())
}

/// Checks that the token of a request to `/idempotency_query` may still read what is stored for it.
pub(crate) async fn check_stored_access(
    state: &AppState,
    headers: &HeaderMap,
) -> Result<(), ApiError> {
    let caller = authenticate(state, headers, "", false).await?;
    match caller.token.scope {
        Scope::Organizer(_, held) if !held.contains(Permission::Webhooks) => {
            Err(ApiError::forbidden())
        }
        Scope::Operator | Scope::Organizer(..) => Ok(()),
    }
}

/// Finds the token and the organizer of a request. Publications load the registry only for an unknown token or
/// organizer; every other request sees all committed changes of the registry.
async fn authenticate(
    state: &AppState,
    headers: &HeaderMap,
    path: &str,
    is_publication: bool,
) -> Result<Caller, ApiError> {
    let text = token_of(
        headers
            .get(header::AUTHORIZATION)
            .map(HeaderValue::as_bytes),
    )?;
    let hash = token_hash(text);
    let slug = organizer_of(path);
    let find = |registry: &RegistrySnapshot| {
        let token = registry.token(&hash).cloned();
        let slug = slug.as_deref();
        (token, slug.and_then(|slug| registry.organizer(slug)))
    };
    let sonnette = &state.sonnette;
    let mut registry = if is_publication {
        sonnette.registry()
    } else {
        sonnette.refresh().await?
    };
    let (mut token, mut organizer_snapshot) = find(&registry);
    if is_publication && (token.is_none() || organizer_snapshot.is_none()) {
        registry = sonnette.refresh().await?;
        (token, organizer_snapshot) = find(&registry);
    }
    let token = token.ok_or(AuthenticationError::Unknown)?;
    if !token.active {
        return Err(AuthenticationError::Inactive.into());
    }
    state.record_token_use(token.id);
    Ok(Caller {
        token,
        hash,
        registry,
        organizer_snapshot,
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

fn with_api_headers(mut response: Response, route: &Route) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, route.allow.clone());
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
