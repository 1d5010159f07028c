//! The layer around all pages: adds a trailing slash, renders errors, and sets security headers and flash messages.

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, Method, StatusCode, Uri, header};

use super::cookies::{self, CookieScope};
use super::error::PageError;
use super::flash;
use super::layout::{Layout, LayoutUser, render};
use super::paths::{is_portal, local_path};
use super::request_origin::RequestOrigin;
use crate::edge::AppState;
use crate::edge::error::RETRY_AFTER;

#[derive(Template)]
#[template(path = "shell/error.html")]
struct ErrorTemplate {
    layout: Layout,
    status: u16,
    error: PageError,
    /// The name of the permission that the user lacks.
    missing_permission: String,
}

/// Applies the layer to a request.
pub(crate) async fn apply(
    State(state): State<AppState>,
    origin: RequestOrigin,
    mut request: Request,
    next: Next,
) -> Response {
    let suffix = &state.settings.cookie_suffix;
    cookies::remove_suffix(request.headers_mut(), suffix);
    let mut response = respond(&state, &origin, request, next).await;
    cookies::add_suffix(response.headers_mut(), suffix);
    response
}

async fn respond(
    state: &AppState,
    origin: &RequestOrigin,
    request: Request,
    next: Next,
) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(redirect) = trailing_slash_redirect(&uri)
    {
        return with_no_store(redirect);
    }
    let scope = CookieScope {
        is_portal: is_portal(uri.path()),
        is_https: origin.is_https,
    };
    let response = next.run(request).await;
    let mut response = map_extractor_errors(flash::set_cookie(state, scope, response));
    if headers.contains_key("hx-request") && response.status() == StatusCode::SEE_OTHER {
        // A page that reloads itself must not replace itself by the target of a redirect.
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        response = render_error(Layout::new(&headers, &uri), error, response.status());
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        // Pages, and the bare statuses of the event stream.
        let headers = response.headers_mut();
        headers.entry(header::RETRY_AFTER).or_insert(RETRY_AFTER);
    }
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return with_no_store(response);
    }
    set_security_headers(state, uri.path(), &mut response);
    flash::remove_cookie(state, scope, &headers, response)
}

/// A redirect to the same URL with a slash at the end of its path, if it has none. Assets have none.
fn trailing_slash_redirect(uri: &Uri) -> Option<Response> {
    if uri.path().ends_with('/') || uri.path().starts_with("/assets/") {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}"));
    let url = format!("{}/{}", uri.path(), query.unwrap_or_default());
    Some(Redirect::temporary(local_path(&url)).into_response())
}

/// Turns the bare answers of extractors and of the router into error pages.
fn map_extractor_errors(mut response: Response) -> Response {
    // A path parameter that does not parse. A form that cannot be read has its own error.
    let is_invalid_path = response.status() == StatusCode::BAD_REQUEST
        && response.extensions().get::<PageError>().is_none();
    if is_invalid_path {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    if is_invalid_path || response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.extensions_mut().insert(PageError::NotFound);
    }
    response
}

/// Forbids caches to keep a response, unless it says otherwise: redirects contain session and password links.
fn with_no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn render_error(layout: Layout, error: PageError, status: StatusCode) -> Response {
    let missing_permission = match &error {
        PageError::Forbidden {
            permission: Some(permission),
            ..
        } => layout
            .texts
            .get(&format!("permission-{permission}"))
            .into_owned(),
        _ => String::new(),
    };
    let rendered = render(&ErrorTemplate {
        missing_permission,
        layout,
        status: status.as_u16(),
        error,
    });
    let mut response =
        rendered.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    *response.status_mut() = status;
    response
}

/// Allows only the server's own files, no inline script or style, and no frame except a platform's around its portal.
fn set_security_headers(state: &AppState, path: &str, response: &mut Response) {
    let ancestors = match &state.settings.embed_origins {
        origins if is_portal(path) && !origins.is_empty() => origins.join(" "),
        _ => "'none'".to_owned(),
    };
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    if ancestors == "'none'" {
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::VARY, "Cookie, Accept-Language"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
}
