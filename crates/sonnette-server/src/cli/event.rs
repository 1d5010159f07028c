//! `sonnette event`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use sonnette::domain::{Event as EventRow, EventId, EventSlug, OrganizerSlug};
use sonnette::store::{ChangeResult, RegistryStore as _};

use super::{audit, local_store, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Subcommand)]
pub(super) enum Event {
    /// Create an event of an organizer
    Create(Create),
}

#[derive(Args)]
pub(super) struct Create {
    /// Organizer of the event
    organizer: OrganizerSlug,
    /// Short name in URLs and bodies
    slug: EventSlug,
    /// Display name [default: the slug]
    #[arg(long)]
    name: Option<String>,
}

impl Event {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let Self::Create(create) = self;
        let store = local_store::open(settings)?;
        let organizer = local_store::organizer(&store, &create.organizer)?.organizer;
        let name = create.name.unwrap_or_else(|| create.slug.to_string());
        let event = EventRow {
            id: EventId(0),
            slug: create.slug,
            name,
            date_from: None,
        };
        let entry = audit::new_entry(
            "sonnette.event.created",
            json!({"slug": event.slug, "name": event.name}),
        );
        match store.add_event(organizer.id, &event, entry)? {
            ChangeResult::Done(made) => output::line(format_args!(
                "created event {} of {}",
                made.slug, organizer.slug
            )),
            ChangeResult::Missing => bail!("organizer {} no longer exists", organizer.slug),
            _ => bail!("{} already has an event {}", organizer.slug, event.slug),
        }
    }
}
