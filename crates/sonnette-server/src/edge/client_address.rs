//! The address of the client, as trusted proxies report it.

use std::net::IpAddr;

use http::HeaderMap;

use crate::edge::HttpSettings;

/// Where a request came from in the first place: trusted proxies say whom they had it from, the nearest last.
pub(crate) fn client_address(settings: &HttpSettings, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
    let mut client = peer;
    let said: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for address in said.iter().rev() {
        match address.trim().parse() {
            Ok(before) if is_trusted(settings, client) => client = before,
            _ => break,
        }
    }
    client
}

pub(crate) fn is_trusted(settings: &HttpSettings, peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    let mut networks = settings.trusted_proxies.iter();
    networks.any(|network| network.contains(&peer))
}
