//! Connects to a receiver's URL by the rules of deliveries, without sending a request.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::connector::Connector;
use super::prepared_webhook::Target;
use super::received_response::ReceivedResponse;
use super::stream::Stream;
use super::{SenderConfig, SenderError, tls};
use crate::domain::{OrganizerId, SendFailure, TargetUrl};

/// Connects to URLs as a delivery does: the same name lookup, address check, `require_https`, TLS and time limit.
pub struct TargetConnector {
    config: SenderConfig,
    connector: Connector,
}

/// An open connection to a receiver, for HTTP/1.1, and how the receiver is named in a request.
pub struct TargetConnection {
    stream: Stream,
    path: String,
    authority: HeaderValue,
}

impl TargetConnector {
    /// Reads the certificate authorities from files.
    ///
    /// # Errors
    ///
    /// [`SenderError`] for an invalid setting.
    pub fn new(config: SenderConfig) -> Result<Self, SenderError> {
        let rules = Connector {
            allow: config.allow.clone(),
            tls: tls::connector(config.extra_ca.as_deref(), tls::HTTP1_ONLY)?,
            resolver: config.resolver.clone(),
        };
        Ok(Self {
            config,
            connector: rules,
        })
    }

    /// Opens a connection to the receiver.
    ///
    /// # Errors
    ///
    /// Why a delivery to this URL fails, too.
    pub async fn connect(&self, url: &TargetUrl) -> Result<TargetConnection, SendFailure> {
        let target = Target::new(url)?;
        if self.config.require_https && target.origin.tls.is_none() {
            return Err(SendFailure::HttpsRequired);
        }
        let mut progress = ReceivedResponse::new(0);
        let connecting =
            self.connector
                .connect(&target.origin, OrganizerId(0), &mut progress.stage);
        let limit = self.config.timeout;
        let Ok(connected) = timeout(limit, connecting).await else {
            return Err(progress.timed_out(limit, &target.origin.host));
        };
        Ok(TargetConnection {
            stream: connected?,
            path: target.path,
            authority: target.authority,
        })
    }
}

impl TargetConnection {
    /// Path and query, as a request names them.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The value of `Host`.
    pub fn authority(&self) -> &HeaderValue {
        &self.authority
    }
}

impl AsyncRead for TargetConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for TargetConnection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
