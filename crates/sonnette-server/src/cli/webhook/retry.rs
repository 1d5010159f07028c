//! `sonnette webhook retry`, over HTTP.

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{OrganizerSlug, WebhookId};

use crate::cli::http_client::ApiClient;
use crate::cli::{block_on, choices, output};
use crate::config::Settings;

const SECONDS_PER_DAY: i64 = 24 * 60 * 60;

/// The arguments of the command.
#[derive(Args)]
pub(in crate::cli) struct Retry {
    /// Organizer of the webhook
    organizer: OrganizerSlug,
    /// Number of the webhook
    id: WebhookId,
    /// Resend notifications published since this time (2026-11-21T10:00:00Z) [default: the retention of the log]
    #[arg(long, value_name = "TIME", value_parser = choices::parse_time)]
    since: Option<Timestamp>,
    /// Resend notifications published until this time
    #[arg(long, value_name = "TIME", value_parser = choices::parse_time)]
    until: Option<Timestamp>,
    /// Resend only deliveries in this state: `given_up`, `dropped`, `missed`
    #[arg(long)]
    state: Option<String>,
    /// Only count the notifications
    #[arg(long)]
    dry_run: bool,
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
        let path = format!("organizers/{}/webhooks/{}/retry/", self.organizer, self.id);
        let client = ApiClient::new(settings)?;
        let response = block_on(client.post_json(&path, &Value::Object(body)))?;
        output::print_line(&response["count"])
    }
}
