//! `sonnette publish`.

use std::io::Read as _;

use anyhow::{Context as _, Result};
use clap::Args;
use hyper::Method;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use sonnette::domain::OrganizerSlug;

use super::http_client::ApiClient;
use super::{UsageError, block_on, output};
use crate::config::{Settings, without_byte_order_mark};

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Publish {
    /// Organizer that publishes
    organizer: OrganizerSlug,
    /// Action type, such as pretix.event.order.placed
    action_type: String,
    /// Event that the notification belongs to
    #[arg(long, value_name = "SLUG")]
    event: Option<String>,
    /// Data of the notification: JSON, @FILE, or - for standard input
    #[arg(long, value_name = "JSON|@FILE|-", default_value = "{}")]
    data: String,
    /// Key that you choose; a repeated key publishes nothing new
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Opaque key of the person concerned, for erasure
    #[arg(long, value_name = "KEY")]
    subject: Option<String>,
}

impl Publish {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let client = ApiClient::new(settings)?;
        let path = format!("organizers/{}/notifications/", self.organizer);
        let body = self.body()?;
        let answer = block_on(client.request(Method::POST, &path, Some(body)))?;
        output::print_line(String::from_utf8_lossy(&answer).trim_end())
    }

    /// The data is copied into the body as it is, so that numbers keep their digits.
    fn body(self) -> Result<Vec<u8>> {
        let text = match self.data.strip_prefix('@') {
            Some(path) => {
                std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?
            }
            None if self.data == "-" => {
                let mut text = String::new();
                std::io::stdin()
                    .read_to_string(&mut text)
                    .context("cannot read standard input")?;
                text
            }
            None => self.data,
        };
        let text = without_byte_order_mark(&text);
        let data = RawValue::from_string(text.trim().to_owned())
            .map_err(|e| UsageError(format!("--data is not valid JSON: {e}")))?;
        let mut fields = Map::new();
        fields.insert("action_type".to_owned(), Value::String(self.action_type));
        let optional = [
            ("event", self.event),
            ("idempotency_key", self.idempotency_key),
            ("subject", self.subject),
        ];
        for (key, text) in optional {
            if let Some(text) = text {
                fields.insert(key.to_owned(), Value::String(text));
            }
        }
        let mut body = Value::Object(fields).to_string();
        body.truncate(body.len() - 1);
        body.push_str(",\"data\":");
        body.push_str(data.get());
        body.push('}');
        Ok(body.into_bytes())
    }
}
