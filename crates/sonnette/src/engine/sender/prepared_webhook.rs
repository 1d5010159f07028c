//! What is the same in every request of a webhook, computed once.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Uri};
use rustls::pki_types::ServerName;

use super::signature::SigningKeys;
use crate::domain::{ExtraHeader, OrganizerId, SendFailure, TargetUrl, Webhook};

/// What is the same in every request of one version of a webhook.
pub struct PreparedWebhook {
    pub(super) organizer: OrganizerId,
    pub(in crate::engine) target: Result<Target, SendFailure>,
    pub(super) keys: SigningKeys,
    pub(super) timeout: Option<Duration>,
    /// The headers that are the same in every request, in order, without `Host`.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    /// These headers as they are recorded, with secrets masked.
    pub(super) recorded_headers: String,
}

impl PreparedWebhook {
    /// Parses the URL and the headers of `webhook` and loads its keys.
    ///
    /// With an unsupported URL this succeeds, and every attempt fails: its owner sees it in the log.
    pub fn new(webhook: &Webhook, user_agent: &HeaderValue) -> Self {
        let mut headers = vec![
            (USER_AGENT, user_agent.clone()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ];
        headers.extend(basic_authorization(&webhook.target).map(|value| (AUTHORIZATION, value)));
        let extra: Vec<_> = webhook
            .settings
            .headers
            .iter()
            .filter_map(parse_extra)
            .collect();
        headers.retain(|(name, _)| extra.iter().all(|(other, _)| other != name));
        let first_extra = headers.len();
        headers.extend(extra);
        let record = format_recorded_headers(&headers, first_extra);
        Self {
            organizer: webhook.organizer,
            target: Target::new(&webhook.target),
            keys: SigningKeys::new(webhook),
            timeout: webhook.settings.timeout,
            headers,
            recorded_headers: record,
        }
    }
}

impl fmt::Debug for PreparedWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PreparedWebhook")
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

/// The target of the requests of a webhook.
#[derive(Debug)]
pub(in crate::engine) struct Target {
    pub(in crate::engine) origin: Arc<Origin>,
    /// `/path?query`, as HTTP/1.1 wants it.
    pub(super) path: String,
    /// Without credentials, as HTTP/2 wants it.
    pub(super) absolute: Uri,
    /// `Host`.
    pub(super) authority: HeaderValue,
}

/// The server that a connection leads to. Connections are reused for the same origin only.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::engine) struct Origin {
    /// Without the brackets of an IPv6 address.
    pub(in crate::engine) host: String,
    pub(super) port: u16,
    /// The name to verify, for `https`.
    pub(super) tls: Option<ServerName<'static>>,
}

impl Target {
    pub(super) fn new(url: &TargetUrl) -> Result<Self, SendFailure> {
        let absolute = url
            .uri()
            .map_err(|reason| SendFailure::UnsupportedTarget { reason })?;
        Self::from_uri(absolute).ok_or(SendFailure::NoHost)
    }

    fn from_uri(absolute: Uri) -> Option<Self> {
        let https = absolute.scheme() == Some(&http::uri::Scheme::HTTPS);
        let standard = if https { 443 } else { 80 };
        let port = absolute.port_u16().unwrap_or(standard);
        let written = absolute.host().filter(|host| !host.is_empty())?;
        let host = written
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let authority = if port == standard {
            written.to_owned()
        } else {
            format!("{written}:{port}")
        };
        let tls = if https {
            Some(ServerName::try_from(host.trim_end_matches('.').to_owned()).ok()?)
        } else {
            None
        };
        Some(Self {
            origin: Arc::new(Origin { host, port, tls }),
            path: absolute.path_and_query()?.as_str().to_owned(),
            authority: HeaderValue::try_from(authority).ok()?,
            absolute,
        })
    }
}

fn basic_authorization(url: &TargetUrl) -> Option<HeaderValue> {
    let (user, password) = url.credentials()?;
    let encoded = STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// None: only the sender may set this header. Settings with such headers are already refused where they are entered.
fn parse_extra(header: &ExtraHeader) -> Option<(HeaderName, HeaderValue)> {
    const RESERVED_HEADERS: &[&str] = &[
        "host",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "x-partners-signature",
    ];
    let name = HeaderName::try_from(&header.name).ok()?;
    let text = name.as_str();
    let is_reserved = RESERVED_HEADERS.contains(&text)
        || text.ends_with("connection")
        || text == "keep-alive"
        || text.starts_with("content-")
        || text.starts_with("webhook-");
    let mut value = HeaderValue::try_from(&header.value).ok()?;
    value.set_sensitive(true);
    (!is_reserved).then_some((name, value))
}

fn format_recorded_headers(headers: &[(HeaderName, HeaderValue)], first_extra: usize) -> String {
    let mut lines = String::new();
    for (at, (name, value)) in headers.iter().enumerate() {
        let masked = at >= first_extra || value.is_sensitive();
        let shown = value.to_str().ok().filter(|_| !masked).unwrap_or("***");
        // Writing to a `String` cannot fail.
        let _ = writeln!(lines, "{name}: {shown}");
    }
    lines
}
