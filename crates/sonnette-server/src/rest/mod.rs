//! The REST API: all its routes on one screen.

pub(crate) mod action_types;
pub(crate) mod audit;
pub(crate) mod drf;
pub(crate) mod events;
mod fields;
mod filters;
mod idempotency_query;
mod json_body;
mod metrics_format;
pub(crate) mod notifications;
mod openapi;
pub(crate) mod organizers;
mod pagination;
mod path_params;
pub(crate) mod portal;
mod probes;
pub(crate) mod stream;
mod stream_resume;
pub(crate) mod subjects;
pub(crate) mod tokens;
mod violation_text;
pub(crate) mod webhooks;

use std::sync::{Arc, LazyLock};

use axum::middleware::{from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::any;
use axum::{Extension, Router};
use bytes::Bytes;
use http::{HeaderValue, header};
use sonnette::domain::Permission::{Organizer, Publish, Webhooks};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::{OpenApi, Paths};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::edge::access::{Requirement, RouteAccess, RouteTable};
use crate::edge::ascii_json::to_vec;
use crate::edge::authorize::{Authorizer, authorize};
use crate::edge::{AppState, normalize};
use action_types as actions;
use notifications::{get, list, publish, replay};
use probes::OpenApiDocument;
use webhooks::{
    attempts, change, create, deliveries, disable, health, options, pending, read, resend, secret,
    settings, test,
};

const BASE_PATH: &str = "/api/v1";

/// No token is needed.
const NO_TOKEN_NEEDED: Option<RouteAccess> = None;
const OPERATOR_ACCESS: Option<RouteAccess> = Some(RouteAccess {
    read: Requirement::Token,
    write: Requirement::Operator,
});
const REGISTRY_ACCESS: Option<RouteAccess> = Some(RouteAccess {
    read: Requirement::Member,
    write: Requirement::AnyOf(&[Organizer]),
});
const PUBLISH_ACCESS: Option<RouteAccess> = Some(RouteAccess {
    read: Requirement::AnyOf(&[Webhooks, Publish]),
    write: Requirement::AnyOf(&[Publish]),
});
const NOTIFICATION_ACCESS: Option<RouteAccess> =
    Some(RouteAccess::all(Requirement::AnyOf(&[Webhooks, Publish])));
const ERASURE_ACCESS: Option<RouteAccess> =
    Some(RouteAccess::all(Requirement::AnyOf(&[Organizer])));
const WEBHOOK_ACCESS: Option<RouteAccess> = Some(RouteAccess::all(Requirement::AnyOf(&[Webhooks])));

/// Every route of the API with its methods, and the permission that a token needs.
#[rustfmt::skip] // One line for each path.
fn routes() -> Routes {
    Routes::default()
        .at(NO_TOKEN_NEEDED, routes!(idempotency_query::query_idempotency))
        .at(NO_TOKEN_NEEDED, routes!(probes::get_openapi))

        .at(OPERATOR_ACCESS, routes!(organizers::list_organizers, organizers::create_organizer))
        .at(REGISTRY_ACCESS, routes!(organizers::get_organizer, organizers::change_organizer))
        .at(REGISTRY_ACCESS, routes!(events::list_events, events::create_event))
        .at(REGISTRY_ACCESS, routes!(events::get_event, events::change_event, events::delete_event))
        .at(REGISTRY_ACCESS, routes!(actions::list_action_types, actions::create_action_type))
        .at(REGISTRY_ACCESS, routes!(actions::get_action_type, actions::change_action_type, actions::delete_action_type))
        .at(REGISTRY_ACCESS, routes!(tokens::list_tokens, tokens::create_token))
        .at(REGISTRY_ACCESS, routes!(tokens::change_token, tokens::deactivate_token))

        .at(PUBLISH_ACCESS, routes!(list::list_notifications, publish::publish_notifications))
        .at(NOTIFICATION_ACCESS, routes!(get::get_notification))
        .at(NOTIFICATION_ACCESS, routes!(replay::replay_notification))

        .at(ERASURE_ACCESS, routes!(subjects::erase_subject))

        .at(WEBHOOK_ACCESS, routes!(read::list_webhooks, create::create_webhook, options::describe_webhooks))
        .at(WEBHOOK_ACCESS, routes!(read::get_webhook, change::replace_webhook, change::change_webhook, disable::disable_webhook, options::describe_webhook))
        .at(WEBHOOK_ACCESS, routes!(secret::get_webhook_secret, secret::set_webhook_secret))
        .at(WEBHOOK_ACCESS, routes!(secret::rotate_webhook_secret))
        .at(WEBHOOK_ACCESS, routes!(settings::get_webhook_settings, settings::change_webhook_settings))
        .at(WEBHOOK_ACCESS, routes!(attempts::list_webhook_attempts))
        .at(WEBHOOK_ACCESS, routes!(attempts::get_attempt))
        .at(WEBHOOK_ACCESS, routes!(deliveries::list_deliveries))
        .at(WEBHOOK_ACCESS, routes!(resend::retry_delivery))
        .at(WEBHOOK_ACCESS, routes!(resend::retry_webhook))
        .at(WEBHOOK_ACCESS, routes!(pending::expedite_webhook))
        .at(WEBHOOK_ACCESS, routes!(pending::drop_webhook_deliveries))
        .at(WEBHOOK_ACCESS, routes!(test::test_webhook))
        .at(WEBHOOK_ACCESS, routes!(health::get_webhook_health))

        .at(WEBHOOK_ACCESS, routes!(attempts::list_attempts))
        .at(WEBHOOK_ACCESS, routes!(audit::list_audit))
        .at(WEBHOOK_ACCESS, routes!(stream::watch_organizer))
        .at(WEBHOOK_ACCESS, routes!(portal::create_portal_link))
}

/// The probes and the metrics, outside the API.
fn server_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(probes::get_health))
        .routes(routes!(probes::get_readiness))
        .routes(routes!(probes::get_metrics))
}

/// The routes of the API, and the permissions that they need.
#[derive(Default)]
struct Routes {
    router: OpenApiRouter<AppState>,
    table: RouteTable,
}

impl Routes {
    /// Adds a path with all its methods.
    fn at(mut self, access: Option<RouteAccess>, routes: UtoipaMethodRouter<AppState>) -> Self {
        let (schemas, paths, methods) = routes;
        let mut prefixed = Paths::new();
        for (path, item) in paths.paths {
            let path = format!("{BASE_PATH}{path}");
            self.table.add(path.clone(), access, &item);
            prefixed.paths.insert(path, item);
        }
        self.router = self.router.routes((schemas, prefixed, methods));
        self
    }
}

/// The routes of the API, of its documentation and of the probes. What is not found here falls through.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    static OPENAPI_JSON: LazyLock<Bytes> =
        LazyLock::new(|| to_vec(&openapi()).unwrap_or_default().into());
    let Routes { router: api, table } = routes();
    let table = Arc::new(table);
    let authorizer = Arc::new(Authorizer {
        state: state.clone(),
        routes: table.clone(),
    });
    let (api, _) = api.split_for_parts();
    let (server, _) = server_routes().split_for_parts();
    let api = api
        .method_not_allowed_fallback(normalize::method_not_allowed)
        .layer(CatchPanicLayer::custom(normalize::handler_panicked))
        .layer(from_fn_with_state(authorizer, authorize));
    let mut router = api.merge(server.method_not_allowed_fallback(normalize::method_not_allowed));
    for (template, _) in table.iter() {
        if let Some(bare) = template.strip_suffix('/') {
            router = router.route(bare, any(normalize::redirect_to_slash));
        }
    }
    router
        .route("/api", any(normalize::not_found))
        .route("/api/{*rest}", any(normalize::not_found))
        .merge(documentation())
        .layer(Extension(OpenApiDocument(&OPENAPI_JSON)))
}

/// The pages that show the document.
fn documentation() -> Router<AppState> {
    let config = utoipa_swagger_ui::Config::from("/api/v1/openapi.json");
    let pages: Router<AppState> = SwaggerUi::new("/api/docs").config(config).into();
    pages.layer(map_response(with_security_headers))
}

/// As on the pages of the dashboard. The documentation also sets inline styles and shows images from `data:` URLs.
async fn with_security_headers(mut response: Response) -> Response {
    let policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                  connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The document of the REST API, as `GET /api/v1/openapi.json` answers it.
pub(crate) fn openapi() -> OpenApi {
    let Routes { router, table } = routes();
    openapi::complete(router.merge(server_routes()).into_openapi(), &table)
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
