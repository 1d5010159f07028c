//! `sonnette webhook test` and `sonnette webhook retry`: the server does it.

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Args;
use hyper::Method;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{OrganizerSlug, WebhookId};

use crate::cli::http_client::Client;
use crate::cli::{block_on, output};
use crate::config::Settings;

const DAY: i64 = 24 * 60 * 60;

#[derive(Args)]
pub(in crate::cli) struct Test {
    /// Whose webhook it is
    organizer: OrganizerSlug,
    /// Its number
    id: WebhookId,
    /// Which example to send [default: of the first of its action types]
    #[arg(long, value_name = "ACTION_TYPE")]
    action_type: Option<String>,
    /// The whole attempt as an object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(in crate::cli) struct Retry {
    /// Whose webhook it is
    organizer: OrganizerSlug,
    /// Its number
    id: WebhookId,
    /// What was published since then (2026-11-21T10:00:00Z) [default: as long as the log is kept]
    #[arg(long, value_name = "TIME")]
    since: Option<Timestamp>,
    /// And not after this
    #[arg(long, value_name = "TIME")]
    until: Option<Timestamp>,
    /// Only what stands so: `given_up`, `dropped`, `missed`
    #[arg(long)]
    state: Option<String>,
    /// Only count
    #[arg(long)]
    dry_run: bool,
}

impl Test {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitCode> {
        let mut body = Map::new();
        if let Some(name) = self.action_type {
            body.insert("action_type".to_owned(), Value::String(name));
        }
        let answer = post(
            settings,
            &format!("organizers/{}/webhooks/{}/test/", self.organizer, self.id),
            body,
        )?;
        if self.json {
            output::line(serde_json::to_string_pretty(&answer)?)?;
        } else {
            let text = |key: &str| answer[key].as_str().unwrap_or("-").to_owned();
            let what = match answer["error"].as_str() {
                Some(error) => error.to_owned(),
                None => format!("answered {}", answer["return_code"]),
            };
            output::line(format_args!(
                "{} to {}: {what}",
                text("action_type"),
                text("target_url")
            ))?;
        }
        Ok(if answer["success"] == json!(true) {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }
}

impl Retry {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let days = i64::try_from(settings.log_days).unwrap_or(i64::MAX / DAY);
        let kept = || Timestamp::from_second(SystemClock.now().as_second() - days * DAY);
        let since = match self.since {
            Some(since) => since,
            None => kept().context("no such time")?,
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
        let answer = post(
            settings,
            &format!("organizers/{}/webhooks/{}/retry/", self.organizer, self.id),
            body,
        )?;
        output::line(&answer["count"])
    }
}

fn post(settings: &Settings, path: &str, body: Map<String, Value>) -> Result<Value> {
    let client = Client::new(settings)?;
    let answer = block_on(client.call(
        Method::POST,
        path,
        Some(Value::Object(body).to_string().into_bytes()),
    ))?;
    serde_json::from_slice(&answer).context("the server's answer is no JSON")
}
