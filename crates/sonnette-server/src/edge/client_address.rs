//! The address of the client, as trusted proxies report it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

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
        match parse_address(address.trim()) {
            Some(previous) if is_trusted(settings, client) => client = previous,
            _ => break,
        }
    }
    client
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip());
    }
    let bare = text.strip_prefix('[')?.strip_suffix(']')?;
    bare.parse::<Ipv6Addr>().ok().map(IpAddr::from)
}

/// The network by which a client is counted: the address itself for IPv4; the /64 network for IPv6, since one client
/// usually holds all addresses of a /64.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Whether the peer is a trusted proxy.
pub(crate) fn is_trusted(settings: &HttpSettings, peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    let mut networks = settings.trusted_proxies.iter();
    networks.any(|network| network.contains(&peer))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn ports_and_brackets_are_stripped() {
        let settings = HttpSettings {
            trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
            ..HttpSettings::default()
        };
        let peer = IpAddr::from([127, 0, 0, 1]);
        for (forwarded, client) in [
            ("203.0.113.5", "203.0.113.5"),
            ("203.0.113.5:4711", "203.0.113.5"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("198.51.100.9, 203.0.113.5:4711", "203.0.113.5"),
            ("198.51.100.9, 203.0.113.5:4711, 127.0.0.1:9", "203.0.113.5"),
            ("unknown", "127.0.0.1"),
            ("203.0.113.5:port", "127.0.0.1"),
            ("[203.0.113.5]", "127.0.0.1"),
        ] {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("x-forwarded-for"),
                HeaderValue::from_static(forwarded),
            )]);
            let expected: IpAddr = client.parse().unwrap();
            assert_eq!(
                client_address(&settings, &headers, peer),
                expected,
                "{forwarded}"
            );
        }
    }
}
