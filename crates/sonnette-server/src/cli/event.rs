//! `sonnette event`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{EventSlug, OrganizerSlug};

use super::{local_store, output};
use crate::admin::Author;
use crate::admin::error::AdminError;
use crate::admin::events::{self, NewEvent};
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
        let organizer = local_store::organizer(&store, &create.organizer)?
            .organizer
            .clone();
        let event = NewEvent {
            slug: create.slug.clone(),
            name: create.name,
            date_from: None,
        };
        let (author, now) = (Author::command_line(), SystemClock.now());
        match events::create(&store, &author, organizer.id, event, now) {
            Ok(created) => output::print_line(format_args!(
                "created event {} of {}",
                created.slug, organizer.slug
            )),
            Err(AdminError::NotFound) => bail!("organizer {} no longer exists", organizer.slug),
            Err(AdminError::Taken) => {
                bail!("{} already has an event {}", organizer.slug, create.slug)
            }
            Err(error) => Err(error.into()),
        }
    }
}
