//! The dashboard: the routes of all pages.
//!
//! The server renders the pages; they work without scripts, and a script updates them live. Pages change things by the
//! functions of `admin/`, as the API does. Each page of an organizer has two URLs: one for users who log in, and one below
//! `/portal/` for customers of a platform, which may embed it in a frame.

mod accounts;
mod action_types;
mod audit;
mod events;
mod notifications;
mod organizers;
mod samples;
mod shell;
mod tokens;
mod users;
mod webhooks;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::edge::AppState;
use accounts::{account, login, passwords, portal};
use organizers::overview;
use shell::error::PageError;
use shell::{assets, language, layer, live};
use users::{organizer_users, server_users};
use webhooks::{actions, attempts, form};

/// The routes of all pages.
#[rustfmt::skip] // One line for each page.
pub(crate) fn router(state: AppState) -> Router {
    let pages = Router::new()
        .route("/", get(overview::show_overview))
        .route("/assets/{file}", assets::route())
        .route("/language/{language}/", get(language::choose_language))
        .route("/login/", get(login::show_login).post(login::login))
        .route("/logout/", post(login::logout))
        .route("/forgot/", get(passwords::show_request_reset).post(passwords::request_reset))
        .route("/password/{link}/", get(passwords::show_password).post(passwords::choose_password))
        .route("/account/", get(account::show_account).post(account::change_password))
        .route("/account/sessions/end/", post(account::logout_everywhere))
        .route("/users/", get(server_users::show_users).post(server_users::invite_user))
        .route("/users/{user}/", get(server_users::show_user).post(server_users::change_user))
        .route("/portal/", get(portal::enter_portal))
        .merge(organizer_pages("/organizers/{organizer}"))
        .merge(organizer_pages("/portal/{organizer}"));
    pages
        .fallback(|| async { PageError::NotFound })
        .layer(CatchPanicLayer::custom(panic_response))
        .layer(from_fn_with_state(state.clone(), layer::apply))
        .with_state(state)
}

/// The routes of an organizer's pages.
#[rustfmt::skip] // One line for each page.
fn organizer_pages(base: &str) -> Router<AppState> {
    let at = |path: &str| format!("{base}{path}");
    Router::new()
        .route(&at("/"), get(overview::show_first_page))
        .route(&at("/users/"), get(organizer_users::show_users).post(organizer_users::invite_user))
        .route(&at("/users/{user}/"), get(organizer_users::show_user).post(organizer_users::change_user))
        .route(&at("/live/"), get(live::stream))
        .route(&at("/attempts/"), get(attempts::list::show))
        .route(&at("/webhooks/"), get(webhooks::list::show))
        .route(&at("/webhooks/{id}/"), get(webhooks::show::show))
        .route(&at("/webhooks/{id}/deliveries/"), get(webhooks::deliveries::show))
        .route(&at("/webhooks/{id}/attempts/{attempt}/"), get(attempts::show::show))
        .route(&at("/webhooks/new/"), get(form::page::show_new).post(form::page::create))
        .route(&at("/webhooks/{id}/edit/"), get(form::page::show_edit).post(form::page::save_edit))
        .route(&at("/webhooks/{id}/test/"), get(actions::test::show_test).post(actions::test::send_test))
        .route(&at("/webhooks/{id}/deliveries/{notification}/retry/"), post(actions::queue::retry))
        .route(&at("/webhooks/{id}/resend/"), get(actions::resend::show_resend).post(actions::resend::resend))
        .route(&at("/webhooks/{id}/expedite/"), post(actions::queue::expedite))
        .route(&at("/webhooks/{id}/drop/"), get(actions::queue::confirm_drop).post(actions::queue::drop_all))
        .route(&at("/webhooks/{id}/enable/"), get(actions::enable::confirm_enable).post(actions::enable::enable))
        .route(&at("/webhooks/{id}/disable/"), get(actions::enable::confirm_disable).post(actions::enable::disable))
        .route(&at("/webhooks/{id}/delete/"), get(actions::enable::confirm_delete).post(actions::enable::delete))
        .route(&at("/webhooks/{id}/secret/"), get(webhooks::secret::show_secret).post(webhooks::secret::set_secret))
        .route(&at("/webhooks/{id}/secret/rotate/"), get(webhooks::secret::confirm_rotate).post(webhooks::secret::rotate))

        .route(&at("/notifications/"), get(notifications::list::show))
        .route(&at("/notifications/{id}/"), get(notifications::show::show))
        .route(&at("/notifications/{id}/replay/"), get(notifications::replay::confirm).post(notifications::replay::replay))

        .route(&at("/action-types/"), get(action_types::list::show))
        .route(&at("/action-types/new/"), get(action_types::form::show_new).post(action_types::form::create))
        .route(&at("/action-types/{name}/"), get(action_types::show::show))
        .route(&at("/action-types/{name}/edit/"), get(action_types::form::show_change).post(action_types::form::change))
        .route(&at("/action-types/{name}/delete/"), get(action_types::delete::confirm).post(action_types::delete::delete))

        .route(&at("/tokens/"), get(tokens::list::show).post(tokens::list::create))
        .route(&at("/tokens/{id}/"), get(tokens::edit::show_change).post(tokens::edit::change))
        .route(&at("/tokens/{id}/activate/"), post(tokens::edit::activate))
        .route(&at("/tokens/{id}/deactivate/"), get(tokens::edit::confirm_deactivate).post(tokens::edit::deactivate))

        .route(&at("/settings/"), get(organizers::settings::show).post(organizers::settings::change))
        .route(&at("/settings/events/"), get(events::list::show).post(events::list::add))
        .route(&at("/settings/events/{slug}/"), get(events::show::show).post(events::show::change))
        .route(&at("/settings/events/{slug}/delete/"), get(events::show::confirm_delete).post(events::show::delete))

        .route(&at("/audit/"), get(audit::list::show))
}

fn panic_response(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    tracing::error!("a handler of a page panicked");
    axum::response::IntoResponse::into_response(PageError::Internal)
}
