//! `sonnette event`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use sonnette::domain::{Event as Concert, EventId, EventSlug, OrganizerSlug};
use sonnette::store::{ChangeResult, RegistryStore as _};

use super::{audit, output, registry};
use crate::config::Settings;

/// The command.
#[derive(Subcommand)]
pub(super) enum Event {
    /// Creates an event of an organizer
    Create(Create),
}

#[derive(Args)]
pub(super) struct Create {
    /// Whose event it is
    organizer: OrganizerSlug,
    /// Short name in URLs and bodies
    slug: EventSlug,
    /// Shown to people [default: the slug]
    #[arg(long)]
    name: Option<String>,
}

impl Event {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let Self::Create(create) = self;
        let store = registry::open(settings)?;
        let organizer = registry::organizer(&store, &create.organizer)?
            .organizer
            .clone();
        let name = create.name.unwrap_or_else(|| create.slug.to_string());
        let event = Concert {
            id: EventId(0),
            slug: create.slug,
            name,
            date_from: None,
        };
        let note = audit::note(
            "sonnette.event.created",
            json!({"slug": event.slug, "name": event.name}),
        );
        match store.add_event(organizer.id, &event, note)? {
            ChangeResult::Done(made) => output::line(format_args!(
                "created event {} of {}",
                made.slug, organizer.slug
            )),
            ChangeResult::Missing => bail!("the organizer {} has just gone", organizer.slug),
            _ => bail!("{} has an event {} already", organizer.slug, event.slug),
        }
    }
}
