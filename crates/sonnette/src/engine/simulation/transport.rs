//! The sender of the simulation: passes requests to the model.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;

use http::HeaderValue;
use tokio::sync::oneshot;

use super::model::Model;
use crate::domain::{HttpExchange, Webhook};
use crate::engine::sender::{ConnectionPool, PreparedWebhook, Request, Transport};

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
