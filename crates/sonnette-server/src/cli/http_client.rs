//! A small HTTP client: one connection for each request, which is all that a command needs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::Misuse;
use crate::config::{SecretString, Settings};

/// For a whole request; longer than a test may take.
const PATIENCE: Duration = Duration::from_secs(45);

/// Speaks to the server of the settings.
pub(super) struct Client {
    base: Url,
    token: SecretString,
    http: Http,
}

/// Speaks to anybody.
pub(super) struct Http {
    tls: TlsConnector,
}

/// One request.
pub(super) struct Outgoing {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl Client {
    /// For the server and the token of the settings.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let Some(token) = settings.token.clone() else {
            return Err(Misuse(
                "no token: give --token, SONNETTE_TOKEN, or token in the file".to_owned(),
            )
            .into());
        };
        let mut base = match &settings.url {
            Some(url) => url.clone(),
            None => local_url(settings)?,
        };
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self {
            base,
            token,
            http: Http::new(settings)?,
        })
    }

    /// A call of the API below `api/v1/`; `Ok` with whatever JSON a 2xx carries, else an error with the server's text.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes> {
        let answer = tokio::time::timeout(PATIENCE, self.exchange(method, path, body));
        let (status, body) = answer
            .await
            .map_err(|_| anyhow!("{} did not answer in time", self.base))??;
        if status.is_success() {
            return Ok(body);
        }
        bail!("the server answered {status}: {}", error_text(&body));
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes)> {
        let response = self.open(method, path, body, "application/json").await?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .context("the answer broke off")?;
        Ok((status, body.to_bytes()))
    }

    /// The answer as it begins, whatever its status.
    pub(super) async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        accept: &'static str,
    ) -> Result<Response<Incoming>> {
        let url = self
            .base
            .join("api/v1/")
            .and_then(|api| api.join(path))
            .context("no URL")?;
        let mut credential = HeaderValue::from_str(&format!("Token {}", self.token.expose()))
            .map_err(|_| Misuse("the token holds what no token can".to_owned()))?;
        credential.set_sensitive(true);
        let mut headers = vec![
            (AUTHORIZATION, credential),
            (ACCEPT, HeaderValue::from_static(accept)),
        ];
        if body.is_some() {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        let body = body.unwrap_or_default().into();
        self.http
            .send(Outgoing {
                method,
                url,
                headers,
                body,
            })
            .await
    }
}

/// Where a server with these settings can be reached from here.
fn local_url(settings: &Settings) -> Result<Url> {
    let mut address = settings.listen;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Url::parse(&format!("http://{address}/")).context("no URL")
}

/// What the server says is wrong, for people.
pub(super) fn error_text(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(Value::Object(fields)) if fields.len() == 1 && fields.contains_key("detail") => {
            fields["detail"]
                .as_str()
                .map_or_else(|| fields["detail"].to_string(), str::to_owned)
        }
        Ok(other) => other.to_string(),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(500)]).into_owned(),
    }
}

impl Http {
    /// Believes the system's authorities and those of the settings.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &settings.extra_ca_file {
            let place = || format!("extra_ca_file: {} cannot be used", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(place)? {
                roots
                    .add(certificate.with_context(place)?)
                    .with_context(place)?;
            }
        }
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Sends a request; the answer as it begins.
    pub(super) async fn send(&self, outgoing: Outgoing) -> Result<Response<Incoming>> {
        let Outgoing {
            method,
            url,
            headers,
            body,
        } = outgoing;
        let host = url
            .host()
            .ok_or_else(|| anyhow!("the URL has no host"))?
            .to_owned();
        let port = url.port_or_known_default().unwrap_or(80);
        let mut request = Request::builder()
            .method(method)
            .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(
                HOST,
                &url[url::Position::BeforeHost..url::Position::AfterPort],
            )
            .header(USER_AGENT, concat!("sonnette/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(body))?;
        let place = || format!("{host}:{port} cannot be reached");
        let stream = match &host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), port)).await,
            Host::Ipv4(ip) => TcpStream::connect((*ip, port)).await,
            Host::Ipv6(ip) => TcpStream::connect((*ip, port)).await,
        };
        let stream = stream.with_context(place)?;
        stream.set_nodelay(true)?;
        if url.scheme() == "https" {
            let name = match host.clone() {
                Host::Domain(name) => ServerName::try_from(name)?,
                Host::Ipv4(ip) => ServerName::from(IpAddr::V4(ip)),
                Host::Ipv6(ip) => ServerName::from(IpAddr::V6(ip)),
            };
            return exchange(
                self.tls.connect(name, stream).await.with_context(place)?,
                request,
            )
            .await;
        }
        exchange(stream, request).await
    }
}

async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // What goes wrong here, whoever reads the answer hears of.
        let _ = connection.await;
    });
    sender
        .send_request(request)
        .await
        .context("the server did not answer")
}
