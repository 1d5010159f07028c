//! `sonnette webhook test` and `sonnette webhook retry`, over HTTP.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{OrganizerSlug, WebhookId};

use crate::cli::http_client::ApiClient;
use crate::cli::{block_on, output};
use crate::config::Settings;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

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

#[derive(Args)]
pub(in crate::cli) struct Retry {
    /// Organizer of the webhook
    organizer: OrganizerSlug,
    /// Number of the webhook
    id: WebhookId,
    /// Resend notifications published since this time (2026-11-21T10:00:00Z) [default: the retention of the log]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// Resend notifications published until this time
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Resend only deliveries in this state: `given_up`, `dropped`, `missed`
    #[arg(long)]
    state: Option<String>,
    /// Only count the notifications
    #[arg(long)]
    dry_run: bool,
}

impl Test {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitCode> {
        let mut body = Map::new();
        if let Some(name) = self.action_type {
            body.insert("action_type".to_owned(), Value::String(name));
        }
        let response = post(
            settings,
            &format!("organizers/{}/webhooks/{}/test/", self.organizer, self.id),
            body,
        )?;
        if self.json {
            output::line(serde_json::to_string_pretty(&response)?)?;
        } else {
            let text = |key: &str| response[key].as_str().unwrap_or("-").to_owned();
            let what = match response["error"].as_str() {
                Some(error) => error.to_owned(),
                None => format!("responded {}", response["return_code"]),
            };
            output::line(format_args!(
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

impl Retry {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let days = i64::try_from(settings.log_days).unwrap_or(i64::MAX / SECONDS_PER_DAY);
        let retention_start =
            || Timestamp::from_second(SystemClock.now().as_second() - days * SECONDS_PER_DAY);
        let since = match self.since {
            Some(since) => since,
            None => retention_start().context("log_days is out of range")?,
        };
        let mut body = Map::new();
        body.insert("since".to_owned(), json!(since));
        if let Some(until) = self.until {
            body.insert("until".to_owned(), json!(until));
        }
        if let Some(state) = self.state {
            body.insert("state".to_owned(), json!(state));
        }
        if self.dry_run {
            body.insert("dry_run".to_owned(), json!(true));
        }
        let response = post(
            settings,
            &format!("organizers/{}/webhooks/{}/retry/", self.organizer, self.id),
            body,
        )?;
        output::line(&response["count"])
    }
}

fn post(settings: &Settings, path: &str, body: Map<String, Value>) -> Result<Value> {
    let client = ApiClient::new(settings)?;
    let response = block_on(client.request(
        Method::POST,
        path,
        Some(Value::Object(body).to_string().into_bytes()),
    ))?;
    serde_json::from_slice(&response).context("the response is not valid JSON")
}
