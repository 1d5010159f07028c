//! The HTTP surface: every route of the program on one screen.

mod api;
mod around;
mod body;
mod describe;
mod document;
pub(crate) mod drf;
mod error;
mod fields;
mod front;
mod guard;
mod idempotency;
mod links;
mod lists;
mod reply;
mod state;
mod table;
mod token_use;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get};
use sonnette::domain::Permission::{Organizer, Publish, Webhooks};
use utoipa::openapi::{OpenApi, Paths};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use utoipa_axum::routes;
use utoipa_swagger_ui::SwaggerUi;

use api::{
    action_types, audit, beside, events, notifications, organizers, stream, tokens, webhooks,
};
use guard::{Guard, guard};
pub(crate) use state::{AppState, HttpSettings};
use table::{Access, Need, Table};

const BASE: &str = "/api/v1";
const OPEN: Option<Access> = None;
const REGISTRY: Option<Access> = Some(Access {
    read: Need::Member,
    write: Need::AnyOf(&[Organizer]),
});
const SETTINGS: Option<Access> = Some(Access::all(Need::AnyOf(&[Webhooks])));
const READING: Need = Need::AnyOf(&[Webhooks, Publish]);

/// Every path with its methods, and what a token needs for them.
fn routes() -> Routes {
    Routes::default()
        .at(OPEN, routes!(idempotency::query_idempotency))
        .at(OPEN, routes!(around::get_openapi))
        .at(
            Some(Access {
                read: Need::Token,
                write: Need::Operator,
            }),
            routes!(organizers::list_organizers, organizers::create_organizer),
        )
        .at(
            REGISTRY,
            routes!(organizers::get_organizer, organizers::change_organizer),
        )
        .at(REGISTRY, routes!(events::list_events, events::create_event))
        .at(
            REGISTRY,
            routes!(
                events::get_event,
                events::change_event,
                events::delete_event
            ),
        )
        .at(
            REGISTRY,
            routes!(
                action_types::list_action_types,
                action_types::create_action_type
            ),
        )
        .at(
            REGISTRY,
            routes!(
                action_types::get_action_type,
                action_types::change_action_type,
                action_types::delete_action_type
            ),
        )
        .at(REGISTRY, routes!(tokens::list_tokens, tokens::create_token))
        .at(
            REGISTRY,
            routes!(tokens::change_token, tokens::deactivate_token),
        )
        .at(
            Some(Access {
                read: READING,
                write: Need::AnyOf(&[Publish]),
            }),
            routes!(
                notifications::find::list_notifications,
                notifications::publish::publish_notifications
            ),
        )
        .at(
            Some(Access::all(READING)),
            routes!(notifications::find::get_notification),
        )
        .at(
            Some(Access::all(READING)),
            routes!(notifications::find::replay_notification),
        )
        .at(
            SETTINGS,
            routes!(
                webhooks::read::list_webhooks,
                webhooks::create::create_webhook,
                webhooks::describe::describe_webhooks
            ),
        )
        .at(
            SETTINGS,
            routes!(
                webhooks::read::get_webhook,
                webhooks::change::replace_webhook,
                webhooks::change::change_webhook,
                webhooks::disable::disable_webhook,
                webhooks::describe::describe_webhook
            ),
        )
        .at(
            SETTINGS,
            routes!(
                beside::secret::get_webhook_secret,
                beside::secret::set_webhook_secret
            ),
        )
        .at(SETTINGS, routes!(beside::secret::rotate_webhook_secret))
        .at(
            SETTINGS,
            routes!(
                beside::settings::get_webhook_settings,
                beside::settings::change_webhook_settings
            ),
        )
        .at(SETTINGS, routes!(beside::attempts::list_webhook_attempts))
        .at(SETTINGS, routes!(beside::attempts::get_attempt))
        .at(SETTINGS, routes!(beside::deliveries::list_deliveries))
        .at(SETTINGS, routes!(beside::resend::retry_delivery))
        .at(SETTINGS, routes!(beside::resend::retry_webhook))
        .at(SETTINGS, routes!(beside::resend::expedite_webhook))
        .at(SETTINGS, routes!(beside::resend::drop_webhook_deliveries))
        .at(SETTINGS, routes!(beside::test::test_webhook))
        .at(SETTINGS, routes!(beside::health::get_webhook_health))
        .at(SETTINGS, routes!(beside::attempts::list_attempts))
        .at(SETTINGS, routes!(audit::list_audit))
        .at(SETTINGS, routes!(stream::watch_organizer))
}

/// Paths outside the API.
fn server_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(around::get_health))
        .routes(routes!(around::get_readiness))
        .routes(routes!(around::get_metrics))
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

/// Every route of the program. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: links behind a
/// proxy depend on who the peer is.
pub(crate) fn router(state: AppState) -> Router {
    let Routes { router, table } = routes();
    let table = Arc::new(table);
    let check = Guard {
        state: state.clone(),
        table: table.clone(),
    };
    let api = router.layer(from_fn_with_state(check, guard));
    let (mut router, _) = api.merge(server_routes()).split_for_parts();
    for (template, _) in table.iter() {
        if let Some(bare) = template.strip_suffix('/') {
            router = router.route(bare, any(front::missing_slash));
        }
    }
    let routes = router
        .route("/", get(around::get_front_page))
        .merge(
            SwaggerUi::new("/api/docs")
                .config(utoipa_swagger_ui::Config::from("/api/v1/openapi.json")),
        )
        .fallback(front::nowhere)
        .method_not_allowed_fallback(front::not_here)
        .with_state(state);
    Router::new().fallback(front::enter).with_state(routes)
}

/// The document of the REST API, as `GET /api/v1/openapi.json` answers it.
pub(crate) fn openapi() -> OpenApi {
    let Routes { router, table } = routes();
    document::finish(router.merge(server_routes()).into_openapi(), &table)
}

#[cfg(test)]
mod tests;
