//! What happens to a request before it meets a route.

use axum::body::HttpBody;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::{BoxError, Router};
use bytes::Bytes;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderValue, Method, StatusCode, header};
use tower::Service as _;

use crate::edge::error::ApiError;

const API: &str = "/api/v1/";

/// Refuses what no route should see (no segment of a path of the API is empty), takes `.json` for the final slash, and
/// hands on.
pub(crate) async fn enter<B>(routes: &mut Router, mut request: http::Request<B>) -> Response
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
    if request.uri().path().starts_with(API) && request.uri().path().contains("//") {
        return nowhere().await;
    }
    if let Some(uri) = without_suffix(request.uri()) {
        *request.uri_mut() = uri;
    }
    match routes.call(request).await {
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
    if !stem.starts_with(API) || stem == "/api/v1/openapi" {
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

/// A path of the API without its final slash: readers are sent to the right one, writers are not.
pub(crate) async fn missing_slash(request: Request) -> Response {
    let forgiven = [Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS];
    if !forgiven.contains(request.method()) {
        return nowhere().await;
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
        Err(_) => nowhere().await,
    }
}

/// A method that a path outside the API does not have.
pub(crate) async fn not_here(method: Method) -> ApiError {
    ApiError::Detail(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("Method \"{method}\" not allowed."),
    )
}

/// What is answered when a handler has panicked; the hook of the program has told the log.
pub(crate) fn broken(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request broke down");
    ApiError::Internal.into_response()
}

/// No route.
pub(crate) async fn nowhere() -> Response {
    ApiError::not_found().into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_suffix_for_the_slash() {
        let turned = |path: &str| without_suffix(&path.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(
            turned("/api/v1/organizers.json?a=1").as_deref(),
            Some("/api/v1/organizers/?a=1")
        );
        assert_eq!(
            turned("/api/v1/organizers.json/").as_deref(),
            Some("/api/v1/organizers/")
        );
        assert_eq!(turned("/api/v1/openapi.json"), None);
        assert_eq!(turned("/assets/a.json"), None);
    }
}
