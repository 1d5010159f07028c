//! One HTTP/1.1 connection. The load, the raw limit and the setup use the same client.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST};
use http::{HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;

const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// A connection that opens again if the server has closed it.
pub(crate) struct HttpClient {
    address: SocketAddr,
    host: HeaderValue,
    authorization: Option<HeaderValue>,
    cookie: Option<HeaderValue>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl HttpClient {
    pub(crate) fn new(address: SocketAddr, token: Option<&str>) -> Result<Self> {
        let authorization = token.map(|token| format!("Token {token}").parse());
        Ok(Self {
            address,
            host: address.to_string().parse()?,
            authorization: authorization.transpose()?,
            cookie: None,
            sender: None,
        })
    }

    pub(crate) fn set_cookie(&mut self, cookie: HeaderValue) {
        self.cookie = Some(cookie);
    }

    async fn connected(&mut self) -> Result<&mut SendRequest<Full<Bytes>>> {
        let is_open = match &mut self.sender {
            Some(sender) => sender.ready().await.is_ok(),
            None => false,
        };
        if !is_open {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // The connection ends with its sender; an error reaches the request.
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut().context("no connection")
    }

    /// Sends one request and reads the whole response.
    pub(crate) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>> {
        let exchange = self.exchange(method, path, body);
        timeout(REQUEST_TIMEOUT, exchange)
            .await
            .with_context(|| format!("{path}: no response in {REQUEST_TIMEOUT:?}"))?
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Bytes>> {
        let mut request = Request::builder().method(method).uri(path);
        request = request.header(HOST, self.host.clone());
        if !body.is_empty() {
            request = request.header(
                CONTENT_TYPE,
                const { HeaderValue::from_static("application/json") },
            );
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie.clone());
        }
        let request = request.body(Full::new(body))?;
        let response = self.connected().await?.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(parts, body))
    }

    /// Sends JSON, and fails unless the response is a success.
    pub(crate) async fn json(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let response = self.send(method.clone(), path, text.into()).await?;
        if !response.status().is_success() {
            let text = String::from_utf8_lossy(response.body());
            bail!("{method} {path}: {}: {text:.300}", response.status());
        }
        if response.body().is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(response.body()).with_context(|| format!("{method} {path}"))
    }
}
