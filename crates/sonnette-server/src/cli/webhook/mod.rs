//! `sonnette webhook`: lists and creates in the store; tests and resends over HTTP.

mod create;
mod retry;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sonnette::domain::{EventFilter, OrganizerSlug, Webhook as WebhookRow};

use super::{local_store, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Subcommand)]
pub(super) enum Webhook {
    /// List webhooks
    List(List),
    /// Create a webhook and print its number and secret
    Create(create::Create),
    /// Send an example notification to a webhook, over HTTP
    Test(test::Test),
    /// Resend notifications that were not delivered to a webhook, over HTTP
    Retry(retry::Retry),
}

#[derive(Args)]
pub(super) struct List {
    /// Organizer of the webhooks [default: all organizers]
    organizer: Option<OrganizerSlug>,
    /// Print a JSON array of objects
    #[arg(long)]
    json: bool,
}

impl Webhook {
    pub(super) fn run(self, settings: &Settings) -> Result<ExitCode> {
        match self {
            Self::List(list) => list.run(settings)?,
            Self::Create(create) => create.run(settings)?,
            Self::Test(test) => return test.run(settings),
            Self::Retry(retry) => retry.run(settings)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let organizers = match &self.organizer {
            Some(slug) => vec![local_store::organizer(&store, slug)?],
            None => local_store::organizers(&store)?,
        };
        let mut entries = Vec::new();
        for rows in &organizers {
            let slug = rows.organizer.slug.as_str();
            entries.extend(rows.webhooks.values().map(|webhook| to_json(slug, webhook)));
        }
        output::print_list(&entries, self.json)
    }
}

/// A webhook as JSON, without its secret and the credentials of its URL.
fn to_json(organizer: &str, webhook: &WebhookRow) -> Value {
    let (all_events, limit_events) = match &webhook.events {
        EventFilter::All => (true, Vec::new()),
        EventFilter::Only(slugs) => (false, slugs.iter().collect()),
    };
    json!({
        "id": webhook.id.0,
        "organizer": organizer,
        "enabled": webhook.is_enabled(),
        "target_url": target_url(webhook),
        "all_events": all_events,
        "limit_events": limit_events,
        "action_types": webhook.action_types,
        "comment": webhook.comment,
    })
}

fn target_url(webhook: &WebhookRow) -> String {
    match webhook.target.uri() {
        Ok(uri) => uri.to_string(),
        Err(_) => "(invalid)".to_owned(),
    }
}
