//! `sonnette webhook test`, over HTTP.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::{Map, Value, json};
use sonnette::domain::{OrganizerSlug, WebhookId};

use crate::cli::http_client::ApiClient;
use crate::cli::{block_on, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Args)]
pub(in crate::cli) struct Test {
    /// Organizer of the webhook
    organizer: OrganizerSlug,
    /// Number of the webhook
    id: WebhookId,
    /// Action type of the example [default: the webhook's first action type]
    #[arg(long, value_name = "ACTION_TYPE")]
    action_type: Option<String>,
    /// Print the attempt as a JSON object
    #[arg(long)]
    json: bool,
}

impl Test {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitCode> {
        let mut body = Map::new();
        if let Some(name) = self.action_type {
            body.insert("action_type".to_owned(), Value::String(name));
        }
        let path = format!("organizers/{}/webhooks/{}/test/", self.organizer, self.id);
        let client = ApiClient::new(settings)?;
        let response = block_on(client.post_json(&path, &Value::Object(body)))?;
        if self.json {
            output::print_line(serde_json::to_string_pretty(&response)?)?;
        } else {
            let text = |key: &str| response[key].as_str().unwrap_or("-").to_owned();
            let what = match response["error"].as_str() {
                Some(error) => error.to_owned(),
                None => format!("responded {}", response["return_code"]),
            };
            output::print_line(format_args!(
                "{} to {}: {what}",
                text("action_type"),
                text("target_url")
            ))?;
        }
        Ok(if response["success"] == json!(true) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}
