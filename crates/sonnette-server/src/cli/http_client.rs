//! HTTP clients for commands: one for the REST API, and one for any URL. Each request opens a connection.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
use sonnette::domain::{SendFailure, TlsFailure};
use sonnette::engine::sender::handshake_failure;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::UsageError;
use crate::config::{SecretString, Settings};

/// Maximum time of a request. A webhook test may take up to 30 seconds.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(45);

/// A client of the REST API of the configured server.
pub(super) struct ApiClient {
    base: Url,
    token: SecretString,
    http: HttpClient,
}

/// A client for any HTTP or HTTPS URL.
pub(super) struct HttpClient {
    tls: TlsConnector,
}

/// A request.
pub(super) struct ClientRequest {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
}

impl ApiClient {
    /// Reads the server and the token from the settings.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let Some(token) = settings.client_token()? else {
            return Err(UsageError(
                "no token is set: use --token, SONNETTE_TOKEN, or `token` in the configuration file; SONNETTE_OPERATOR_TOKEN \
                 also serves"
                    .to_owned(),
            )
            .into());
        };
        Ok(Self {
            base: server_url(settings)?,
            token,
            http: HttpClient::new(settings)?,
        })
    }

    /// Sends a request to a path below `api/v1/` and returns the body of a 2xx response.
    ///
    /// # Errors
    /// Any other status, with the server's error text.
    pub(super) async fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Bytes> {
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(method, path, body));
        let (status, body) = answer
            .await
            .map_err(|_| anyhow!("{} did not respond in time", self.base))??;
        if status.is_success() {
            return Ok(body);
        }
        bail!("{}", refusal_text(status, &body));
    }

    /// Sends a POST with a JSON body and returns the JSON of a 2xx response.
    pub(super) async fn post_json(&self, path: &str, body: &Value) -> Result<Value> {
        let body = body.to_string().into_bytes();
        let response = self.request(Method::POST, path, Some(body)).await?;
        serde_json::from_slice(&response).context("the response is not valid JSON")
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<(StatusCode, Bytes)> {
        let accept = (ACCEPT, HeaderValue::from_static("application/json"));
        let response = self.open(method, path, body, vec![accept]).await?;
        let status = response.status();
        let body = response
            .into_body()
            .collect()
            .await
            .context("the response is incomplete")?;
        Ok((status, body.to_bytes()))
    }

    /// Sends a request and returns the response with any status; its body is not read yet.
    pub(super) async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        mut headers: Vec<(HeaderName, HeaderValue)>,
    ) -> Result<Response<Incoming>> {
        let url = self
            .base
            .join("api/v1/")
            .and_then(|api| api.join(path))
            .context("invalid URL")?;
        let mut credential = HeaderValue::from_str(&format!("Token {}", self.token.expose()))
            .map_err(|_| {
                UsageError("the token contains characters that no token has".to_owned())
            })?;
        credential.set_sensitive(true);
        headers.push((AUTHORIZATION, credential));
        if body.is_some() {
            headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        }
        let body = body.unwrap_or_default().into();
        self.http
            .send(ClientRequest {
                method,
                url,
                headers,
                body,
            })
            .await
            .with_context(|| unreachable_server(&self.base))
    }
}

/// Says what to look at when a request to the server failed.
pub(super) fn unreachable_server(url: &Url) -> String {
    let origin = url.origin().ascii_serialization();
    format!("no server responds at {origin} (is it running? --url names another)")
}

/// The URL of the server of these settings, with a slash at the end.
pub(super) fn server_url(settings: &Settings) -> Result<Url> {
    let mut base = match &settings.url {
        Some(url) => url.clone(),
        None => local_url(settings.listen)?,
    };
    if !base.path().ends_with('/') {
        base.set_path(&format!("{}/", base.path()));
    }
    Ok(base)
}

/// The URL of a server on this machine that listens on this address.
pub(super) fn local_url(mut address: SocketAddr) -> Result<Url> {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Url::parse(&format!("http://{address}/")).context("invalid URL")
}

/// What a response other than 2xx says, and what to do about it.
pub(super) fn refusal_text(status: StatusCode, body: &[u8]) -> String {
    let hint = if status == StatusCode::FORBIDDEN {
        "; the organizer does not exist (`sonnette organizer list`), or the token lacks a permission for it"
    } else {
        ""
    };
    format!("the server responded {status}: {}{hint}", error_text(body))
}

/// Formats the error text of a response.
fn error_text(body: &[u8]) -> String {
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

impl HttpClient {
    /// Trusts the system's certificate authorities and those of `extra_ca_file`.
    pub(super) fn new(settings: &Settings) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &settings.extra_ca_file {
            let context = || format!("extra_ca_file: cannot use {}", path.display());
            for certificate in CertificateDer::pem_file_iter(path).with_context(context)? {
                roots
                    .add(certificate.with_context(context)?)
                    .with_context(context)?;
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

    /// Sends a request and returns the response; its body is not read yet.
    pub(super) async fn send(&self, outgoing: ClientRequest) -> Result<Response<Incoming>> {
        let ClientRequest {
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
        let context = || format!("cannot connect to {host}:{port}");
        let stream = match &host {
            Host::Domain(name) => TcpStream::connect((name.as_str(), port)).await,
            Host::Ipv4(ip) => TcpStream::connect((*ip, port)).await,
            Host::Ipv6(ip) => TcpStream::connect((*ip, port)).await,
        };
        let stream = stream.with_context(context)?;
        stream.set_nodelay(true)?;
        if url.scheme() == "https" {
            let name = match host.clone() {
                Host::Domain(name) => ServerName::try_from(name)?,
                Host::Ipv4(ip) => ServerName::from(IpAddr::V4(ip)),
                Host::Ipv6(ip) => ServerName::from(IpAddr::V6(ip)),
            };
            return exchange(
                self.tls
                    .connect(name, stream)
                    .await
                    .map_err(|error| tls_error(&context(), &error))?,
                request,
            )
            .await;
        }
        exchange(stream, request).await
    }
}

/// Sends a request over an open connection and returns the response; its body is not read yet.
pub(super) async fn exchange<S>(
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(async move {
        // An error also ends the response, whose reader reports it.
        let _ = connection.await;
    });
    sender.send_request(request).await.map_err(|error| {
        if error.is_parse() {
            anyhow!("the answer is not HTTP; is it a port for https?")
        } else {
            anyhow::Error::new(error).context("the server did not respond")
        }
    })
}

/// Why no TLS connection is made, in the words of the log of attempts.
fn tls_error(context: &str, error: &io::Error) -> anyhow::Error {
    let failure = handshake_failure(error);
    let is_plain = SendFailure::Tls {
        failure: TlsFailure::NotTls,
    };
    if failure == is_plain {
        return anyhow!("{context}: the server does not speak TLS there; is it an http:// URL?");
    }
    anyhow!("{context}: {failure}")
}
