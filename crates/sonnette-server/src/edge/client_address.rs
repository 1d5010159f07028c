//! The address of the client, as trusted proxies report it.

use std::net::IpAddr;

use http::HeaderMap;

use super::state::HttpSettings;

/// The address of the client: the last entry of `X-Forwarded-For` that was not added by a trusted proxy.
pub(crate) fn client_address(settings: &HttpSettings, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let mut client = peer;
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for address in forwarded.iter().rev() {
        match address.trim().parse() {
            Ok(previous) if is_trusted(settings, client) => client = previous,
            _ => break,
        }
    }
    client
}

/// Whether the peer is a trusted proxy.
pub(crate) fn is_trusted(settings: &HttpSettings, peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    let mut networks = settings.trusted_proxies.iter();
    networks.any(|network| network.contains(&peer))
}
