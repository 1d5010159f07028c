//! What every answer of the dashboard gets on its way out: headers that keep a page to itself, and words for an error.

use askama::Template;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};

use super::error::PageError;
use super::layout::{Frame, Who, page};
use super::visitor::{Origin, PORTAL};
use super::{flash, language};
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "shell/error.html")]
struct ErrorPage {
    f: Frame,
    status: u16,
    error: PageError,
    /// What the permission is called that somebody lacks.
    lacks: String,
}

/// The layer.
pub(crate) async fn dress(
    State(state): State<AppState>,
    origin: Origin,
    request: Request,
    next: Next,
) -> Response {
    let (headers, uri) = (request.headers().clone(), request.uri().clone());
    let slashless = !uri.path().ends_with('/') && !uri.path().starts_with("/assets/");
    if slashless && matches!(*request.method(), Method::GET | Method::HEAD) {
        let query = uri
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let whole = format!("{}/{query}", uri.path());
        let there = axum::response::Redirect::temporary(language::local(&whole));
        return unkept(there.into_response());
    }
    let portal = uri.path().starts_with(PORTAL);
    let answer = next.run(request).await;
    let mut response = flash::keep(&state, portal, origin.secure, answer);
    // An id in the path that is none; forms that cannot be read have an error of their own.
    let strange_path = response.status() == StatusCode::BAD_REQUEST
        && response.extensions().get::<PageError>().is_none();
    if strange_path {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    if strange_path || response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.extensions_mut().insert(PageError::NotFound);
    }
    if headers.contains_key("hx-request") && response.status() == StatusCode::SEE_OTHER {
        // A page that fetches itself again must not take another for its own.
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    if let Some(error) = response.extensions_mut().remove::<PageError>() {
        response = told_in_words(Frame::bare(&headers, &uri), error, response.status());
    }
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return unkept(response);
    }
    keep_to_itself(&state, uri.path(), &mut response);
    flash::told(&state, (portal, origin.secure), &headers, response)
}

/// Nothing but what says otherwise is kept: addresses lead to visits and passwords.
fn unkept(mut response: Response) -> Response {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

fn told_in_words(f: Frame, error: PageError, status: StatusCode) -> Response {
    let lacks = match &error {
        PageError::Forbidden {
            lacks: Some(permission),
            ..
        } => f.w.t(&format!("permission-{permission}")).into_owned(),
        _ => String::new(),
    };
    let page = page(&ErrorPage {
        lacks,
        f,
        status: status.as_u16(),
        error,
    });
    let mut response = page.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response());
    *response.status_mut() = status;
    response
}

/// Nothing but our own files, no script or style in the page, no frame but a platform's around its portal.
fn keep_to_itself(state: &AppState, path: &str, response: &mut Response) {
    let ancestors = match &state.settings.embed_origins {
        origins if path.starts_with(PORTAL) && !origins.is_empty() => origins.join(" "),
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
