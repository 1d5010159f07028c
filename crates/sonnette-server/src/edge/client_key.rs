//! The client by which requests, connections and bytes are counted.

use std::net::IpAddr;

use sonnette::domain::TokenId;

/// A client: a platform behind one address may be many, so a valid token counts, and the address only without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ClientKey {
    /// The token of the request.
    Token(TokenId),
    /// The network that the request comes from.
    Network(IpAddr),
}
