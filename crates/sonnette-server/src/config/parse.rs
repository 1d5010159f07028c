//! Deserializers that check values.

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::str::FromStr;

use ipnet::IpNet;
use lettre::message::Mailbox;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;

/// A whole number from `MIN` to `MAX`.
pub(super) fn ranged<'de, D, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<u64, D::Error>
where
    D: Deserializer<'de>,
{
    let number = i64::deserialize(deserializer)?;
    u64::try_from(number)
        .ok()
        .filter(|n| (MIN..=MAX).contains(n))
        .ok_or_else(|| D::Error::custom(format!("expected a whole number from {MIN} to {MAX}")))
}

/// A whole number from `MIN` to `MAX`, or nothing.
pub(super) fn optional_ranged<'de, D, const MIN: u64, const MAX: u64>(
    deserializer: D,
) -> Result<Option<u64>, D::Error>
where
    D: Deserializer<'de>,
{
    ranged::<D, MIN, MAX>(deserializer).map(Some)
}

/// A list of texts that are parsed as `T`.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts
        .iter()
        .map(|text| text.parse().map_err(D::Error::custom))
        .collect()
}

/// An address and a port to listen on. A host name is looked up.
pub(super) fn listen_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let found = text.to_socket_addrs().map(Iterator::collect::<Vec<_>>);
    let found = found.unwrap_or_default();
    let ipv4 = found.iter().find(|address| address.is_ipv4());
    ipv4.or(found.first()).copied().ok_or_else(|| {
        let port = text.trim_start_matches(':').parse::<u16>().unwrap_or(8080);
        D::Error::custom(format!(
            "expected an address and a port, such as 127.0.0.1:{port}, or 0.0.0.0:{port} for every address of the machine"
        ))
    })
}

/// A list of networks or single addresses.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    let network = |text: &String| {
        let single = text.parse::<IpAddr>().map(IpNet::from);
        single.or_else(|_| text.parse()).map_err(|_| {
            D::Error::custom(format!(
                "{text:?} is neither a network such as 10.0.0.0/8 nor an address"
            ))
        })
    };
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(network)
        .collect()
}

/// A list of web origins: scheme, host and optional port.
pub(super) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origin = |text: &String| {
        let url = Url::parse(text).ok();
        url.map(|url| url.origin().ascii_serialization())
            .filter(|origin| origin == text.trim_end_matches('/') && origin.starts_with("http"))
            .ok_or_else(|| {
                D::Error::custom(format!(
                    "{text:?} is not an origin such as https://platform.example"
                ))
            })
    };
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(origin)
        .collect()
}

/// An e-mail address with an optional display name.
pub(super) fn mailbox<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Mailbox>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(|_| {
        D::Error::custom("expected an address such as \"Sonnette <webhooks@example.org>\"")
    })
}

/// The URL of the server: pages, links and cookies are at the root of its host.
pub(super) fn public_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Url>, D::Error> {
    let url = web_url(deserializer)?;
    let is_root = |url: &Url| {
        url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    if url.as_ref().is_some_and(|url| !is_root(url)) {
        return Err(D::Error::custom(
            "expected a URL without a path, query or user, such as https://webhooks.example.org: the server needs a host \
             name of its own",
        ));
    }
    Ok(url)
}

/// An absolute `http` or `https` URL.
pub(super) fn web_url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Url>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Url::parse(&text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .map(Some)
        .ok_or_else(|| D::Error::custom("expected a URL that begins with http:// or https://"))
}
