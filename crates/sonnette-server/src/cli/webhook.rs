//! `sonnette webhook`: listing and creating on the store, testing and sending again over HTTP.

mod create;
mod remote;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sonnette::domain::{EventFilter, OrganizerSlug, Webhook as Registered};

use super::{output, registry};
use crate::config::Settings;

/// The command.
#[derive(Subcommand)]
pub(super) enum Webhook {
    /// Lists the webhooks of an organizer
    List(List),
    /// Registers a webhook and prints its number and secret
    Create(create::Create),
    /// Sends an example to a webhook, over HTTP
    Test(remote::Test),
    /// Sends again what a webhook was not delivered, over HTTP
    Retry(remote::Retry),
}

#[derive(Args)]
pub(super) struct List {
    /// Whose webhooks; all organizers' if left out
    organizer: Option<OrganizerSlug>,
    /// As an array of objects
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
        let store = registry::open(settings)?;
        let organizers = match &self.organizer {
            Some(slug) => vec![registry::organizer(&store, slug)?],
            None => registry::organizers(&store)?,
        };
        let mut entries = Vec::new();
        for rows in &organizers {
            let slug = rows.organizer.slug.as_str();
            entries.extend(rows.webhooks.values().map(|webhook| entry(slug, webhook)));
        }
        output::list(&entries, self.json)
    }
}

/// A webhook as it is listed: without secrets, and without the credentials of its URL.
fn entry(organizer: &str, webhook: &Registered) -> Value {
    let (all_events, limit_events) = match &webhook.events {
        EventFilter::All => (true, Vec::new()),
        EventFilter::Only(slugs) => (false, slugs.iter().collect()),
    };
    json!({
        "id": webhook.id.0,
        "organizer": organizer,
        "enabled": webhook.is_enabled(),
        "target_url": shown(webhook),
        "all_events": all_events,
        "limit_events": limit_events,
        "action_types": webhook.action_types,
        "comment": webhook.comment,
    })
}

fn shown(webhook: &Registered) -> String {
    match webhook.target.uri() {
        Ok(uri) => uri.to_string(),
        Err(_) => "(cannot be called)".to_owned(),
    }
}
