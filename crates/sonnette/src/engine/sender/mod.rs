//! Sends one signed POST request, bounded in time and size, and only to addresses that are public or allowed.
//!
//! The sender does not decide about retries: it returns an [`HttpExchange`], with [`SendFailure::NotProcessed`] if the
//! request is to be repeated at once. It follows no redirects and decompresses nothing.

pub mod address;
mod allow_target;
mod connection;
mod connector;
mod error;
mod header_frame_limit;
mod http1;
mod http2;
mod lookup_limits;
mod pool;
mod prepared_webhook;
mod received_response;
mod resolver;
mod response_body;
mod response_head;
mod response_limits;
#[cfg(test)]
mod response_tests;
mod server_verifier;
mod signature;
mod signed_request;
mod stream;
mod target_connector;
mod tls;

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use tokio::time::timeout;

pub use self::allow_target::{AllowTarget, InvalidAllowTarget};
pub use self::error::handshake_failure;
pub use self::pool::ConnectionPool;
pub use self::prepared_webhook::PreparedWebhook;
pub use self::resolver::Resolver;
pub use self::signature::public_key;
pub use self::target_connector::{TargetConnection, TargetConnector};

use self::connection::Connection;
use self::connector::Connector;
use self::error::{ExchangeError, http2_failure};
use self::prepared_webhook::Target;
use self::received_response::{ReceivedResponse, SendStage};
use self::signed_request::SignedRequest;
use crate::clock::Clock;
use crate::domain::{HttpExchange, OrganizerId, Outcome, SendFailure, Webhook};
use crate::engine::monotonic_clock;
use crate::store::ErrorCause;

/// How requests are sent.
#[derive(Debug, Clone)]
pub struct SenderConfig {
    /// The time limit of an attempt, including the name lookup and reading the response. A webhook may have its own.
    pub timeout: Duration,
    /// How many bytes of a response body are read and kept.
    pub response_limit: usize,
    /// Targets to which requests are sent although their addresses are not public.
    pub allow: Vec<AllowTarget>,
    /// Refuses `http` targets.
    pub require_https: bool,
    /// A PEM file of certificate authorities that are trusted besides those of the system.
    pub extra_ca: Option<PathBuf>,
    /// The value of the `User-Agent` header.
    pub user_agent: String,
    /// How the names of targets are looked up.
    pub resolver: Resolver,
}

impl Default for SenderConfig {
    /// 30 s, 64 KiB, no exceptions.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            response_limit: 64 * 1024,
            allow: Vec::new(),
            require_https: false,
            extra_ca: None,
            user_agent: concat!("sonnette/", env!("CARGO_PKG_VERSION")).to_owned(),
            resolver: Resolver::default(),
        }
    }
}

/// Why a [`SenderConfig`] is invalid.
#[derive(Debug, thiserror::Error)]
pub enum SenderError {
    /// The file of certificate authorities cannot be used.
    #[error("the certificate file {} cannot be used: {reason}", path.display())]
    ExtraCa {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: ErrorCause,
    },
    /// The user agent has characters that a header cannot hold.
    #[error("the user agent {0:?} cannot stand in a header")]
    UserAgent(String),
    /// The TLS library refuses its own defaults.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// Sends requests. It needs a tokio runtime with I/O and time.
pub struct Sender {
    clock: Arc<dyn Clock>,
    rules: Connector,
    timeout: Duration,
    response_limit: usize,
    require_https: bool,
    user_agent: HeaderValue,
}

/// A request to be sent.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The webhook that it is sent to.
    pub prepared: &'a PreparedWebhook,
    /// The value of `webhook-id`: the same in every attempt of a delivery.
    pub message_id: &'a str,
    /// The JSON text to send.
    pub body: Bytes,
    /// Whether to add `webhook-test: 1`.
    pub test: bool,
    /// Whether this repeats a request that ended with [`SendFailure::NotProcessed`]: it is sent over a new connection.
    pub is_repeat: bool,
}

/// Sends requests: over the network, or, in a simulation, to scripted receivers.
pub(crate) trait Transport {
    /// Computes what is the same in every request of a webhook.
    fn prepare(&self, webhook: &Webhook) -> PreparedWebhook;

    /// Sends one request and reads the response. Dropping the future aborts the request.
    fn send<'a>(
        &'a self,
        connections: &'a ConnectionPool,
        request: Request<'a>,
    ) -> Pin<Box<dyn Future<Output = HttpExchange> + 'a>>;
}

impl Transport for Sender {
    fn prepare(&self, webhook: &Webhook) -> PreparedWebhook {
        Sender::prepare(self, webhook)
    }

    fn send<'a>(
        &'a self,
        connections: &'a ConnectionPool,
        request: Request<'a>,
    ) -> Pin<Box<dyn Future<Output = HttpExchange> + 'a>> {
        Box::pin(Sender::send(self, connections, request))
    }
}

impl Sender {
    /// Creates a sender. Reads the certificate authorities from files.
    ///
    /// # Errors
    ///
    /// [`SenderError`] for an invalid setting.
    pub fn new(config: SenderConfig, clock: Arc<dyn Clock>) -> Result<Self, SenderError> {
        let SenderConfig {
            timeout,
            response_limit,
            allow,
            require_https,
            extra_ca,
            user_agent,
            resolver,
        } = config;
        let tls = tls::connector(extra_ca.as_deref(), tls::ALL_PROTOCOLS)?;
        let user_agent =
            HeaderValue::from_str(&user_agent).map_err(|_| SenderError::UserAgent(user_agent))?;
        let rules = Connector {
            allow,
            tls,
            resolver,
        };
        Ok(Self {
            clock,
            rules,
            timeout,
            response_limit,
            require_https,
            user_agent,
        })
    }

    /// Computes what is the same in every request of a webhook.
    pub fn prepare(&self, webhook: &Webhook) -> PreparedWebhook {
        PreparedWebhook::new(webhook, &self.user_agent)
    }

    /// Sends one request and reads the response. Dropping the future aborts the request.
    pub async fn send(&self, connections: &ConnectionPool, request: Request<'_>) -> HttpExchange {
        let started_at = self.clock.now();
        let began = monotonic_clock::now();
        let mut received = ReceivedResponse::new(self.response_limit);
        let mut request_headers = String::new();
        let result = match self.sign(&request, started_at) {
            Err(failure) => Err(failure),
            Ok((target, signed)) => {
                request_headers = signed.recorded_headers();
                let limit = request.prepared.timeout.unwrap_or(self.timeout);
                let organizer = request.prepared.organizer;
                let attempt = self.attempt(connections, target, &signed, organizer, &mut received);
                match timeout(limit, attempt).await {
                    Ok(result) => result,
                    Err(_) => Err(received.timed_out(limit, &target.origin.host)),
                }
            }
        };
        let outcome = match result {
            Ok(()) => received.outcome(),
            Err(failure) => Outcome::Failed(failure),
        };
        let (response_headers, response_body) = received.into_headers_and_body();
        let duration = began.elapsed();
        HttpExchange {
            started_at,
            duration,
            outcome,
            request_headers,
            response_headers,
            response_body,
        }
    }

    fn sign<'a>(
        &self,
        request: &'a Request<'_>,
        now: Timestamp,
    ) -> Result<(&'a Target, SignedRequest<'a>), SendFailure> {
        let target = request.prepared.target.as_ref().map_err(Clone::clone)?;
        if self.require_https && target.origin.tls.is_none() {
            return Err(SendFailure::HttpsRequired);
        }
        let signed = SignedRequest::sign(request, target, now).ok_or(SendFailure::InvalidHeader)?;
        Ok((target, signed))
    }

    /// Sends over a kept connection if there is one that is still open, else over a new one.
    async fn attempt(
        &self,
        connections: &ConnectionPool,
        target: &Target,
        signed: &SignedRequest<'_>,
        organizer: OrganizerId,
        received: &mut ReceivedResponse,
    ) -> Result<(), SendFailure> {
        let origin = &target.origin;
        let kept = if signed.is_repeat {
            None
        } else {
            connections.take(origin).await
        };
        let is_kept = kept.is_some();
        let mut connection = match kept {
            Some(kept) => kept,
            None => self.open(connections, target, organizer, received).await?,
        };
        received.stage = SendStage::AwaitingResponse;
        let result = connection
            .exchange(signed, received, self.clock.now())
            .await;
        match result {
            Ok(()) => {
                connections.put_back(origin, connection);
                Ok(())
            }
            Err(ExchangeError::Failed(failure)) => Err(failure),
            Err(ExchangeError::Closed(failure)) => {
                connections.remove_http2_connection(&connection);
                Err(if is_kept {
                    SendFailure::NotProcessed
                } else {
                    failure
                })
            }
            Err(ExchangeError::NotProcessed(failure)) => {
                connections.remove_http2_connection(&connection);
                Err(if signed.is_repeat {
                    failure
                } else {
                    SendFailure::NotProcessed
                })
            }
        }
    }

    async fn open(
        &self,
        connections: &ConnectionPool,
        target: &Target,
        organizer: OrganizerId,
        received: &mut ReceivedResponse,
    ) -> Result<Connection, SendFailure> {
        received.stage = SendStage::AwaitingConnection;
        let _permit = connections.connect_permit().await;
        // Another request may meanwhile have opened a connection that can be shared.
        if let Some(shared) = connections.http2_connection(&target.origin) {
            return Ok(shared);
        }
        let stream = self
            .rules
            .connect(&target.origin, organizer, &mut received.stage)
            .await?;
        let connection = Connection::open(stream)
            .await
            .map_err(|error| http2_failure(&error))?;
        connections.add_http2_connection(&target.origin, &connection);
        Ok(connection)
    }
}
