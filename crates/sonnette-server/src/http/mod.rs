//! The HTTP surface: every route of the program on one screen.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use ipnet::IpNet;
use sonnette::Sonnette;
use url::Url;

/// What the routes need from the settings.
#[derive(Debug, Clone)]
pub(crate) struct HttpSettings {
    /// How the outside reaches us; used in links. None: as the request says.
    pub(crate) public_url: Option<Url>,
    /// Whose `X-Forwarded-Proto` and `X-Forwarded-Host` are believed.
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Refuses `http` targets when a webhook is saved.
    pub(crate) require_https: bool,
    /// Bytes that the body of a publication may have.
    pub(crate) max_publish_body: usize,
    /// Bytes that any other body may have.
    pub(crate) max_body: usize,
    /// How often the times tokens were used are written down.
    pub(crate) flush_token_use: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            trusted_proxies: Vec::new(),
            require_https: false,
            max_publish_body: 16 << 20,
            max_body: 1 << 20,
            flush_token_use: Duration::from_secs(30),
        }
    }
}

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState {
    /// The engine.
    pub(crate) sonnette: Arc<Sonnette>,
    /// The settings.
    pub(crate) settings: Arc<HttpSettings>,
}

impl AppState {
    /// A state over a running engine.
    pub(crate) fn new(sonnette: Arc<Sonnette>, settings: HttpSettings) -> Self {
        Self { sonnette, settings: Arc::new(settings) }
    }
}

/// Every route of the program. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: links behind a
/// proxy depend on who the peer is.
pub(crate) fn router(state: AppState) -> Router {
    Router::new().with_state(state)
}

/// The document of the REST API, as `GET /api/v1/openapi.json` answers it.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    utoipa::openapi::OpenApi::default()
}
