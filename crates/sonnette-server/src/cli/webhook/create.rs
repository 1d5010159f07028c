//! `sonnette webhook create`.

use std::collections::BTreeSet;

use anyhow::{Result, anyhow};
use clap::Args;
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::dialect::{Catalogue, UnknownAction};
use sonnette::domain::{ActionTypeName, EventSlug, OrganizerSlug, TargetUrl};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::RegistryStore as _;
use sonnette::store::sqlite::SqliteStore;

use super::to_json;
use crate::admin::Author;
use crate::admin::validation::{Nullable, Violation};
use crate::admin::webhooks::change;
use crate::admin::webhooks::fields::{self, WebhookFields, WebhookInput, WriteMode};
use crate::cli::{local_store, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Args)]
pub(in crate::cli) struct Create {
    /// Organizer of the webhook
    organizer: OrganizerSlug,
    /// URL that receives the notifications
    target_url: TargetUrl,
    /// Action type to receive, such as pretix.event.order.placed; repeatable
    #[arg(long = "action-type", value_name = "ACTION_TYPE", required = true)]
    action_types: Vec<ActionTypeName>,
    /// Event to receive notifications of; repeatable [default: all events]
    #[arg(long = "event", value_name = "SLUG")]
    events: Vec<EventSlug>,
    /// Comment
    #[arg(long)]
    comment: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    json: bool,
}

impl Create {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let rows = local_store::organizer(&store, &self.organizer)?;
        let fields = self.fields(&store, &rows)?;
        let (author, now) = (Author::command_line(), SystemClock.now());
        let webhook = change::new_webhook(rows.organizer.id, fields, now)?;
        let slug = self.organizer.as_str();
        let data = to_json(slug, &webhook);
        let made = change::create(&store, &author, &webhook, data, &[], now)?;
        let secret = made.secrets.current.text();
        if self.json {
            let mut object = to_json(slug, &made);
            object["secret"] = json!(secret);
            return output::print_line(serde_json::to_string_pretty(&object)?);
        }
        output::print_line(format_args!("created webhook {}", made.id))?;
        output::print_line(format_args!("secret {secret}"))
    }

    /// The fields by the rules of the API: the organizer knows the action types and the events.
    fn fields(&self, store: &SqliteStore, rows: &OrganizerSnapshot) -> Result<WebhookFields> {
        let names: BTreeSet<String> = self.action_types.iter().map(ToString::to_string).collect();
        let action_types = fields::action_types(names, |name| rows.catalogue.is_selectable(name));
        let known = store.events(rows.organizer.id)?;
        let limit_events =
            fields::limit_events(self.events.iter().map(ToString::to_string), |slug| {
                known.iter().any(|event| event.slug.as_str() == slug)
            });
        let input = WebhookInput {
            target: Some(self.target_url.clone()),
            limit_events: Some(limit_events.map_err(|violation| self.message(rows, violation))?),
            action_types: Some(action_types.map_err(|violation| self.message(rows, violation))?),
            comment: Some(Nullable(self.comment.clone())),
            ..WebhookInput::default()
        };
        input
            .complete(WriteMode::Create)
            .map_err(|violation| self.message(rows, violation))
    }

    fn message(&self, rows: &OrganizerSnapshot, violation: Violation) -> anyhow::Error {
        let organizer = &self.organizer;
        match violation {
            Violation::UnknownActionType(name) => {
                anyhow!(
                    "{organizer} has no action type {name}{}",
                    hint(&rows.catalogue, &name)
                )
            }
            Violation::UnknownEvent(slug) => {
                anyhow!("{organizer} has no event {slug}; create it with `sonnette event create`")
            }
            other => anyhow!("the webhook is not valid: {other:?}"),
        }
    }
}

/// What helps whoever gave an unknown action type: the dialect that is off, or similar names.
fn hint(catalogue: &Catalogue, name: &str) -> String {
    let (intro, similar) = match catalogue.find_reason_unknown(name) {
        UnknownAction::DialectOff(dialect) => {
            return format!(
                ": the dialect {dialect} is off for this organizer; an operator adds it to its `dialects`"
            );
        }
        UnknownAction::Explained(reason) => return format!(": {reason}"),
        UnknownAction::PretixWildcard { similar } => (
            ": only the wildcards of the list exist for pretix; similar names are ",
            similar,
        ),
        UnknownAction::NoSuchName { similar } => ("; similar names are ", similar),
    };
    if similar.is_empty() {
        return "; `GET organizers/…/action_types/` and the catalogue on the pages list them"
            .to_owned();
    }
    format!("{intro}{}", similar.join(", "))
}
