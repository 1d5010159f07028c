//! How a request reached the server.

use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;

use crate::edge::AppState;
use crate::edge::client_address::{client_address, network_of};
use crate::edge::links::BaseUrl;

/// How a request reached the server: cookies, links and login throttling depend on it.
pub(crate) struct RequestOrigin {
    /// Scheme and host under which clients know this server; no slash at the end.
    pub(crate) base_url: String,
    /// Whether the client uses TLS.
    pub(crate) is_https: bool,
    /// The client's network, by which login attempts are counted; empty without a peer address.
    pub(crate) network: String,
}

impl RequestOrigin {
    /// The absolute URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }
}

impl FromRequestParts<AppState> for RequestOrigin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let BaseUrl(base_url) = BaseUrl::from_request_parts(parts, state).await?;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let network = peer.map(|info| {
            let client = client_address(&state.settings, &parts.headers, info.0.ip());
            network_of(client).to_string()
        });
        Ok(Self {
            is_https: base_url.starts_with("https:"),
            base_url,
            network: network.unwrap_or_default(),
        })
    }
}
