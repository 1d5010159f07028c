//! Receivers: what is sent to them, and what they answer.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::oneshot;

use super::model::Model;
use crate::domain::{HttpExchange, Outcome, SendFailure, Webhook};
use crate::engine::sender::{ConnectionPool, PreparedWebhook, Request, Transport};

/// How long a request may take; the real sender has the same limit.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// How a receiver answers for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Mood {
    Well,
    Error,
    Gone,
    Refusing,
    Busy,
    Broken,
    Dead,
}

impl Mood {
    pub(super) const ALL: [Self; 10] = [
        Self::Well,
        Self::Well,
        Self::Well,
        Self::Error,
        Self::Error,
        Self::Gone,
        Self::Refusing,
        Self::Busy,
        Self::Broken,
        Self::Dead,
    ];

    /// What it answers; `wait` is what a busy one asks for.
    pub(super) fn outcome(self, wait: Duration) -> Outcome {
        let status = match self {
            Self::Well => 200,
            Self::Error => 500,
            Self::Gone => 410,
            Self::Refusing => 422,
            Self::Busy => 429,
            Self::Broken => return Outcome::Failed(SendFailure::ConnectionClosed),
            Self::Dead => return Outcome::Failed(SendFailure::NoHost),
        };
        Outcome::Answered {
            status,
            retry_after: (self == Self::Busy).then_some(wait),
        }
    }
}

pub(super) fn timed_out() -> Outcome {
    Outcome::Failed(SendFailure::NoHost)
}

/// Passes requests to the model, which answers them when the simulation says so.
pub(super) struct ScriptedTransport(pub(super) Rc<RefCell<Model>>);

impl Transport for ScriptedTransport {
    fn prepare(&self, webhook: &Webhook) -> PreparedWebhook {
        PreparedWebhook::new(webhook, &HeaderValue::from_static("simulation"))
    }

    fn send<'a>(
        &'a self,
        _: &'a ConnectionPool,
        request: Request<'a>,
    ) -> Pin<Box<dyn Future<Output = HttpExchange> + 'a>> {
        let target = request
            .prepared
            .target
            .as_ref()
            .unwrap()
            .origin
            .host
            .clone();
        let (reply, answer) = oneshot::channel();
        let message = request.message_id;
        self.0
            .borrow_mut()
            .begin(message, &target, request.test, reply);
        Box::pin(async move {
            match answer.await {
                Ok(exchange) => exchange,
                // The process has crashed.
                Err(_) => std::future::pending().await,
            }
        })
    }
}
