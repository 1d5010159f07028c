//! The routes of the whole program.

use axum::Router;

use crate::edge::AppState;
use crate::{dashboard, rest};

/// The REST API with its documentation and the probes, and the dashboard for every other path.
///
/// Requests carry the address of their peer as `ConnectInfo<SocketAddr>`: links behind a proxy depend on it.
pub(super) fn router(state: AppState) -> Router {
    rest::router(&state)
        .fallback_service(dashboard::router(state.clone()))
        .with_state(state)
}
