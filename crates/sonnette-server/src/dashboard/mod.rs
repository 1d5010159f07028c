//! The dashboard: every page of it on one screen.
//!
//! Pages are written on the server and work without scripts; a script adds what is live. They change nothing by
//! themselves: like the API they ask the engine and the store. An organizer's pages are there twice: for users who log in,
//! and below `/portal/` for those whom a platform lets in, perhaps inside a frame.

mod accounts;
mod action_words;
mod address;
mod assets;
mod attempts;
mod audit;
mod catalogue;
mod cookies;
mod dress;
mod error;
mod faults;
mod frame;
mod json;
mod language;
pub(crate) mod live;
mod mending;
mod notifications;
mod organizer;
mod overview;
mod posted;
mod registering;
mod said;
mod samples;
mod session;
mod times;
mod tokens;
mod visitor;
mod webhooks;
mod when;
mod words;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use crate::edge::AppState;
use accounts::{everyone, log_in, own, passwords, portal, users};
use error::PageError;

/// Every page.
#[rustfmt::skip] // One line for each page.
pub(crate) fn router(state: AppState) -> Router {
    let pages = Router::new()
        .route("/", get(overview::show_overview))
        .route("/assets/{file}", assets::route())
        .route("/language/{language}/", get(language::choose_language))
        .route("/login/", get(log_in::show_log_in).post(log_in::log_in))
        .route("/logout/", post(log_in::log_out))
        .route("/forgot/", get(passwords::show_forgot).post(passwords::forgot))
        .route("/password/{link}/", get(passwords::show_password).post(passwords::choose_password))
        .route("/account/", get(own::show_account).post(own::change_password))
        .route("/account/sessions/end/", post(own::log_out_everywhere))
        .route("/users/", get(everyone::show_everyone).post(everyone::invite_anyone))
        .route("/users/{user}/", get(everyone::show_anyone).post(everyone::change_anyone))
        .route("/portal/", get(portal::enter_portal))
        .merge(organizer_pages("/organizers/{organizer}"))
        .merge(organizer_pages("/portal/{organizer}"));
    pages
        .fallback(|| async { PageError::NotFound })
        .layer(CatchPanicLayer::custom(broken))
        .layer(from_fn_with_state(state.clone(), dress::dress))
        .with_state(state)
}

/// The pages of an organizer.
#[rustfmt::skip] // One line for each page.
fn organizer_pages(base: &str) -> Router<AppState> {
    let at = |path: &str| format!("{base}{path}");
    Router::new()
        .route(&at("/"), get(overview::show_first_page))
        .route(&at("/users/"), get(users::show_users).post(users::invite_user))
        .route(&at("/users/{user}/"), get(users::show_user).post(users::change_user))
        .route(&at("/live/"), get(live::watch))
        .route(&at("/attempts/"), get(attempts::list::show))
        .route(&at("/webhooks/"), get(webhooks::list::show))
        .route(&at("/webhooks/{id}/"), get(webhooks::show::show))
        .route(&at("/webhooks/{id}/deliveries/"), get(webhooks::deliveries::show))
        .route(&at("/webhooks/{id}/attempts/{attempt}/"), get(attempts::show::show))
        .route(&at("/webhooks/new/"), get(registering::show_new).post(registering::create))
        .route(&at("/webhooks/{id}/edit/"), get(registering::show_edit).post(registering::save_edit))
        .route(&at("/webhooks/{id}/test/"), get(mending::test::show_test).post(mending::test::send_test))
        .route(&at("/webhooks/{id}/deliveries/{notification}/retry/"), post(mending::waiting::retry))
        .route(&at("/webhooks/{id}/resend/"), get(mending::resend::show_resend).post(mending::resend::resend))
        .route(&at("/webhooks/{id}/expedite/"), post(mending::waiting::expedite))
        .route(&at("/webhooks/{id}/drop/"), get(mending::waiting::ask_to_drop).post(mending::waiting::drop_waiting))
        .route(&at("/webhooks/{id}/enable/"), get(mending::switch::ask_to_enable).post(mending::switch::enable))
        .route(&at("/webhooks/{id}/disable/"), get(mending::switch::ask_to_disable).post(mending::switch::disable))
        .route(&at("/webhooks/{id}/delete/"), get(mending::switch::ask_to_delete).post(mending::switch::delete))
        .route(&at("/webhooks/{id}/secret/"), get(mending::secret::show_secret).post(mending::secret::set_secret))
        .route(&at("/webhooks/{id}/secret/rotate/"), get(mending::secret::ask_to_rotate).post(mending::secret::rotate))

        .route(&at("/notifications/"), get(notifications::list::show))
        .route(&at("/notifications/{id}/"), get(notifications::one::show))
        .route(&at("/notifications/{id}/replay/"), get(notifications::replay::ask).post(notifications::replay::replay))

        .route(&at("/action-types/"), get(catalogue::list::show))
        .route(&at("/action-types/new/"), get(catalogue::edit::show_new).post(catalogue::edit::create))
        .route(&at("/action-types/{name}/"), get(catalogue::one::show))
        .route(&at("/action-types/{name}/edit/"), get(catalogue::edit::show_change).post(catalogue::edit::change))
        .route(&at("/action-types/{name}/delete/"), get(catalogue::delete::ask).post(catalogue::delete::delete))

        .route(&at("/tokens/"), get(tokens::show).post(tokens::create))
        .route(&at("/tokens/{id}/"), get(tokens::show_change).post(tokens::change))
        .route(&at("/tokens/{id}/activate/"), post(tokens::activate))
        .route(&at("/tokens/{id}/deactivate/"), get(tokens::ask_deactivate).post(tokens::deactivate))

        .route(&at("/settings/"), get(organizer::settings::show).post(organizer::settings::change))
        .route(&at("/settings/events/"), get(organizer::events::show).post(organizer::events::add))
        .route(&at("/settings/events/{slug}/"), get(organizer::event::show).post(organizer::event::change))
        .route(&at("/settings/events/{slug}/delete/"), get(organizer::event::ask_delete).post(organizer::event::delete))

        .route(&at("/audit/"), get(audit::show))
}

fn broken(_: Box<dyn std::any::Any + Send>) -> axum::response::Response {
    tracing::error!("a page broke down");
    axum::response::IntoResponse::into_response(PageError::Internal)
}
