//! The public URL of a request, for links in responses.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use http::{HeaderMap, header};

use super::client_address::is_trusted;
use super::error::ApiError;
use super::query::Query;
use super::state::{AppState, HttpSettings};

/// The public URL of a request and its query.
pub(crate) struct RequestUrl {
    /// Absolute, without the query.
    pub(crate) url: String,
    /// The query, still encoded.
    pub(crate) raw_query: String,
    /// The query, decoded.
    pub(crate) query: Query,
}

/// The public URL of the server, without a slash at its end.
pub(crate) struct BaseUrl(pub(crate) String);

impl FromRequestParts<AppState> for BaseUrl {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|info| info.0.ip());
        Ok(Self(base_url(&state.settings, &parts.headers, peer)))
    }
}

impl FromRequestParts<AppState> for RequestUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let Ok(BaseUrl(base)) = BaseUrl::from_request_parts(parts, state).await;
        let path = parts.uri.path();
        let raw_query = parts.uri.query().unwrap_or_default().to_owned();
        Ok(Self {
            url: format!("{base}{path}"),
            query: Query::new(&raw_query),
            raw_query,
        })
    }
}

/// `public_url` if it is set; otherwise what a trusted proxy forwards; otherwise the `Host` header.
fn base_url(settings: &HttpSettings, headers: &HeaderMap, peer: Option<IpAddr>) -> String {
    if let Some(url) = &settings.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let trusted = peer.is_some_and(|peer| is_trusted(settings, peer));
    let forwarded = |name: &str| {
        let value = headers.get(name).filter(|_| trusted)?.to_str().ok()?;
        let first = value.split(',').next().unwrap_or_default().trim();
        (!first.is_empty()).then_some(first)
    };
    let scheme = match forwarded("x-forwarded-proto") {
        Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
        _ => "http",
    };
    let host_header = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = forwarded("x-forwarded-host")
        .or(host_header)
        .filter(|host| is_host(host))
        .unwrap_or("localhost");
    format!("{scheme}://{host}")
}

/// Whether the text has only characters of a host and a port, so that it cannot end the host of a URL.
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
    fn forwarded_headers_count_from_trusted_proxies_only() {
        let mut settings = HttpSettings {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            ..HttpSettings::default()
        };
        let sent = headers(&[
            ("host", "inner:8080"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "hooks.example"),
        ]);
        let of = |settings: &HttpSettings, peer: &str| base_url(settings, &sent, peer.parse().ok());
        assert_eq!(of(&settings, "10.1.2.3"), "https://hooks.example");
        assert_eq!(of(&settings, "192.0.2.1"), "http://inner:8080");
        settings.public_url = "https://public.example/".parse().ok();
        assert_eq!(of(&settings, "192.0.2.1"), "https://public.example");
    }

    #[test]
    fn only_hosts_are_taken_from_the_host_header() {
        let settings = HttpSettings::default();
        assert_eq!(
            base_url(&settings, &headers(&[("host", "a/b?")]), None),
            "http://localhost"
        );
        assert_eq!(
            base_url(&settings, &headers(&[("host", "[::1]:8080")]), None),
            "http://[::1]:8080"
        );
    }
}
