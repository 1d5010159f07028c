//! The REST API: all its routes on one screen.

pub(crate) mod action_types;
pub(crate) mod audit;
pub(crate) mod drf;
pub(crate) mod events;
mod fields;
mod idempotency;
mod json_body;
pub(crate) mod notifications;
mod openapi;
pub(crate) mod organizers;
mod pagination;
mod path_params;
pub(crate) mod portal;
mod probes;
pub(crate) mod stream;
pub(crate) mod subjects;
pub(crate) mod tokens;
mod violation_text;
pub(crate) mod webhooks;

use std::sync::{Arc, LazyLock};

use axum::middleware::from_fn_with_state;
use axum::routing::any;
use axum::{Extension, Router};
use sonnette::domain::Permission::{Organizer, Publish, Webhooks};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::{OpenApi, Paths};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use crate::edge::access::{Access, Need, Table};
use crate::edge::ascii_json::to_vec;
use crate::edge::authorize::{Guard, guard};
use crate::edge::{AppState, normalize};
use action_types as actions;
use notifications::{find, publish};
use probes::OpenApiDocument;
use webhooks::{
    attempts, change, create, deliveries, describe, disable, health, read, resend, secret,
    settings, test,
};

const BASE: &str = "/api/v1";

const OPEN: Option<Access> = None;
const OPERATORS: Option<Access> = Some(Access {
    read: Need::Token,
    write: Need::Operator,
});
const REGISTRY: Option<Access> = Some(Access {
    read: Need::Member,
    write: Need::AnyOf(&[Organizer]),
});
const PUBLISHING: Option<Access> = Some(Access {
    read: Need::AnyOf(&[Webhooks, Publish]),
    write: Need::AnyOf(&[Publish]),
});
const PUBLISHED: Option<Access> = Some(Access::all(Need::AnyOf(&[Webhooks, Publish])));
const ERASURE: Option<Access> = Some(Access::all(Need::AnyOf(&[Organizer])));
const WEBHOOKS: Option<Access> = Some(Access::all(Need::AnyOf(&[Webhooks])));

/// Every path of the API with its methods, and what a token needs for them.
#[rustfmt::skip] // One line for each path.
fn routes() -> Routes {
    Routes::default()
        .at(OPEN, routes!(idempotency::query_idempotency))
        .at(OPEN, routes!(probes::get_openapi))

        .at(OPERATORS, routes!(organizers::list_organizers, organizers::create_organizer))
        .at(REGISTRY, routes!(organizers::get_organizer, organizers::change_organizer))
        .at(REGISTRY, routes!(events::list_events, events::create_event))
        .at(REGISTRY, routes!(events::get_event, events::change_event, events::delete_event))
        .at(REGISTRY, routes!(actions::list_action_types, actions::create_action_type))
        .at(REGISTRY, routes!(actions::get_action_type, actions::change_action_type, actions::delete_action_type))
        .at(REGISTRY, routes!(tokens::list_tokens, tokens::create_token))
        .at(REGISTRY, routes!(tokens::change_token, tokens::deactivate_token))

        .at(PUBLISHING, routes!(find::list_notifications, publish::publish_notifications))
        .at(PUBLISHED, routes!(find::get_notification))
        .at(PUBLISHED, routes!(find::replay_notification))

        .at(ERASURE, routes!(subjects::erase_subject))

        .at(WEBHOOKS, routes!(read::list_webhooks, create::create_webhook, describe::describe_webhooks))
        .at(WEBHOOKS, routes!(read::get_webhook, change::replace_webhook, change::change_webhook, disable::disable_webhook, describe::describe_webhook))
        .at(WEBHOOKS, routes!(secret::get_webhook_secret, secret::set_webhook_secret))
        .at(WEBHOOKS, routes!(secret::rotate_webhook_secret))
        .at(WEBHOOKS, routes!(settings::get_webhook_settings, settings::change_webhook_settings))
        .at(WEBHOOKS, routes!(attempts::list_webhook_attempts))
        .at(WEBHOOKS, routes!(attempts::get_attempt))
        .at(WEBHOOKS, routes!(deliveries::list_deliveries))
        .at(WEBHOOKS, routes!(resend::retry_delivery))
        .at(WEBHOOKS, routes!(resend::retry_webhook))
        .at(WEBHOOKS, routes!(resend::expedite_webhook))
        .at(WEBHOOKS, routes!(resend::drop_webhook_deliveries))
        .at(WEBHOOKS, routes!(test::test_webhook))
        .at(WEBHOOKS, routes!(health::get_webhook_health))

        .at(WEBHOOKS, routes!(attempts::list_attempts))
        .at(WEBHOOKS, routes!(audit::list_audit))
        .at(WEBHOOKS, routes!(stream::watch_organizer))
        .at(WEBHOOKS, routes!(portal::create_portal_link))
}

/// Paths outside the API.
fn server_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(probes::get_health))
        .routes(routes!(probes::get_readiness))
        .routes(routes!(probes::get_metrics))
}

/// Routes being laid out, and the table of who may call them.
#[derive(Default)]
struct Routes {
    router: OpenApiRouter<AppState>,
    table: Table,
}

impl Routes {
    fn at(mut self, access: Option<Access>, routes: UtoipaMethodRouter<AppState>) -> Self {
        let (schemas, paths, methods) = routes;
        let mut based = Paths::new();
        for (path, item) in paths.paths {
            let path = format!("{BASE}{path}");
            self.table.add(path.clone(), access, &item);
            based.paths.insert(path, item);
        }
        self.router = self.router.routes((schemas, based, methods));
        self
    }
}

/// The routes of the API, of its documentation and of the probes. What is not found here falls through.
pub(crate) fn router(state: &AppState) -> Router<AppState> {
    static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| to_vec(&openapi()).unwrap_or_default());
    let Routes { router: api, table } = routes();
    let table = Arc::new(table);
    let check = Arc::new(Guard {
        state: state.clone(),
        table: table.clone(),
    });
    let (api, _) = api.split_for_parts();
    let (server, _) = server_routes().split_for_parts();
    let api = api
        .method_not_allowed_fallback(normalize::not_here)
        .layer(CatchPanicLayer::custom(normalize::broken))
        .layer(from_fn_with_state(check, guard));
    let mut router = api.merge(server.method_not_allowed_fallback(normalize::not_here));
    for (template, _) in table.iter() {
        if let Some(bare) = template.strip_suffix('/') {
            router = router.route(bare, any(normalize::missing_slash));
        }
    }
    router
        .route("/api", any(normalize::nowhere))
        .route("/api/{*rest}", any(normalize::nowhere))
        .merge(
            SwaggerUi::new("/api/docs")
                .config(utoipa_swagger_ui::Config::from("/api/v1/openapi.json")),
        )
        .layer(Extension(OpenApiDocument(&DOCUMENT)))
}

/// The document of the REST API, as `GET /api/v1/openapi.json` answers it.
pub(crate) fn openapi() -> OpenApi {
    let Routes { router, table } = routes();
    openapi::finish(router.merge(server_routes()).into_openapi(), &table)
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
