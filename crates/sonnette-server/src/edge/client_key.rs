//! The client by which requests, connections and bytes are counted.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, header};
use sonnette::domain::TokenId;

use super::authorization_header::token_of;
use super::client_address::{client_address, network_of};
use super::state::AppState;
use crate::credentials::token_hash;

/// A client: a platform behind one address may be many, so a valid token counts, and the address only without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ClientKey {
    /// The token of the request.
    Token(TokenId),
    /// The network that the request comes from.
    Network(IpAddr),
}

impl ClientKey {
    /// The client of a request. The token is looked up in memory, so one that was created a moment ago may be unknown.
    pub(crate) fn of(state: &AppState, headers: &HeaderMap, peer: IpAddr) -> Self {
        let authorization = headers.get(header::AUTHORIZATION);
        let token = authorization.and_then(|value| {
            let text = token_of(Some(HeaderValue::as_bytes(value))).ok()?;
            let registry = state.sonnette.registry();
            let token = registry.token(&token_hash(text))?;
            token.active.then_some(token.id)
        });
        token.map_or_else(
            || Self::Network(network_of(client_address(&state.settings, headers, peer))),
            Self::Token,
        )
    }
}
