//! Rewrites the path of a request before it is routed, and answers paths that have no route.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Method, StatusCode, header};
use tower::Service as _;

use super::error::ApiError;

const API_PREFIX: &str = "/api/v1/";

/// Refuses NUL in the query and empty path segments, replaces the suffix `.json` by a slash, and serves the request.
pub(crate) async fn serve_normalized<B>(
    router: &mut Router,
    mut request: http::Request<B>,
) -> Response
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    if request
        .uri()
        .query()
        .is_some_and(|query| query.contains("%00") || query.contains('\0'))
    {
        let detail = "Null characters are not allowed in the query.".to_owned();
        return ApiError::Detail(StatusCode::BAD_REQUEST, detail).into_response();
    }
    if request.uri().path().starts_with(API_PREFIX) && request.uri().path().contains("//") {
        return not_found().await;
    }
    if let Some(uri) = without_suffix(request.uri()) {
        *request.uri_mut() = uri;
    }
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn without_suffix(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let stem = path
        .strip_suffix('/')
        .unwrap_or(path)
        .strip_suffix(".json")?;
    if !stem.starts_with(API_PREFIX) || stem == "/api/v1/openapi" {
        return None;
    }
    let query = uri
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{stem}/{query}")).ok()?);
    Uri::from_parts(parts).ok()
}

/// The path of an API route without its final slash: reading methods are redirected, others are not found, as in pretix.
pub(crate) async fn redirect_to_slash(request: Request) -> Response {
    let redirected = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS];
    if !redirected.contains(request.method()) {
        return not_found().await;
    }
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let target = format!("{}/{query}", request.uri().path());
    match HeaderValue::try_from(target) {
        Ok(location) => (
            StatusCode::MOVED_PERMANENTLY,
            [(header::LOCATION, location)],
        )
            .into_response(),
        Err(_) => not_found().await,
    }
}

/// The response to a method that a route does not have.
pub(crate) async fn method_not_allowed(method: Method) -> ApiError {
    ApiError::Detail(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Method \"{method}\" not allowed."),
    )
}

/// The response when a handler has panicked. The panic hook logs the panic itself.
pub(crate) fn handler_panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked; the request is answered with 500");
    ApiError::Internal.into_response()
}

/// The response to a path of the API without a route.
pub(crate) async fn not_found() -> Response {
    ApiError::not_found().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_suffix_stands_for_the_slash() {
        let rewritten =
            |path: &str| without_suffix(&path.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(
            rewritten("/api/v1/organizers.json?a=1").as_deref(),
            Some("/api/v1/organizers/?a=1")
        );
        assert_eq!(
            rewritten("/api/v1/organizers.json/").as_deref(),
            Some("/api/v1/organizers/")
        );
        assert_eq!(rewritten("/api/v1/openapi.json"), None);
        assert_eq!(rewritten("/assets/a.json"), None);
    }
}
