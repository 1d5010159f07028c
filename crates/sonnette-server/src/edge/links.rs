//! The address a request was sent to, as the outside knows it: for links in answers.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, header};

use crate::edge::AppState;
use crate::edge::HttpSettings;
use crate::edge::client_address::is_trusted;
use crate::edge::error::ApiError;
use crate::edge::query::Query;

/// The address of a request and its query.
pub(crate) struct Address {
    /// Absolute, without the query.
    pub(crate) url: String,
    /// The query as sent.
    pub(crate) raw_query: String,
    /// The query, decoded.
    pub(crate) query: Query,
}

/// Scheme and host of ours, as the outside knows them; no slash at the end.
pub(crate) struct Base(pub(crate) String);

impl FromRequestParts<AppState> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|info| info.0.ip());
        Ok(Self(base(&state.settings, &parts.headers, peer)))
    }
}

impl FromRequestParts<AppState> for Address {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Ok(Base(base)) = Base::from_request_parts(parts, state).await;
        let path = parts.uri.path();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self {
            url: format!("{base}{path}"),
            query: Query::new(&raw_query),
            raw_query,
        })
    }
}

/// Scheme and host. `public_url` says so; else a trusted proxy; else the request itself.
fn base(settings: &HttpSettings, headers: &HeaderMap, peer: Option<IpAddr>) -> String {
    if let Some(url) = &settings.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let trusted = peer.is_some_and(|peer| is_trusted(settings, peer));
    let said = |name: &str| {
        let value = headers.get(name).filter(|_| trusted)?.to_str().ok()?;
        let first = value.split(',').next().unwrap_or_default().trim();
        (!first.is_empty()).then_some(first)
    };
    let scheme = match said("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let given = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = said("x-forwarded-host")
        .or(given)
        .filter(|host| is_host(host))
        .unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// Nothing that could end the host and begin something else.
fn is_host(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn believes_trusted_proxies_only() {
        let mut settings = HttpSettings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..HttpSettings::default()
        };
        let sent = headers(&[
            ("host", "inner:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "hooks.example"),
        ]);
        let of = |settings: &HttpSettings, peer: &str| base(settings, &sent, peer.parse().ok());
        assert_eq!(of(&settings, "10.1.2.3"), "https://hooks.example");
        assert_eq!(of(&settings, "192.0.2.1"), "http://inner:8080");
        settings.public_url = "https://public.example/".parse().ok();
        assert_eq!(of(&settings, "192.0.2.1"), "https://public.example");
    }

    #[test]
    fn a_host_is_a_host() {
        let settings = HttpSettings::default();
        assert_eq!(
            base(&settings, &headers(&[("host", "a/b?")]), None),
            "http://localhost"
        );
        assert_eq!(
            base(&settings, &headers(&[("host", "[::1]:8080")]), None),
            "http://[::1]:8080"
        );
    }
}
