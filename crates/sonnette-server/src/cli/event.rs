//! `sonnette event`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{EventSlug, OrganizerSlug};

use super::{output, registry};
use crate::admin::Author;
use crate::admin::error::AdminError;
use crate::admin::events::{self, NewEvent};
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
        let organizer = registry::organizer(&store, &create.organizer)?.organizer;
        let event = NewEvent {
            slug: create.slug.clone(),
            name: create.name,
            date_from: None,
        };
        let (author, now) = (Author::command_line(), SystemClock.now());
        match events::create(&store, &author, organizer.id, event, now) {
            Ok(created) => output::line(format_args!(
                "created event {} of {}",
                created.slug, organizer.slug
            )),
            Err(AdminError::NotFound) => bail!("the organizer {} has just gone", organizer.slug),
            Err(AdminError::Taken) => {
                bail!("{} has an event {} already", organizer.slug, create.slug)
            }
            Err(error) => Err(error.into()),
        }
    }
}
