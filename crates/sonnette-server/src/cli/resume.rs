//! `sonnette resume`.

use anyhow::{Result, bail};
use clap::Args;
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::OrganizerSlug;
use sonnette::store::HoldStore as _;

use super::{local_store, output};
use crate::admin::Author;
use crate::config::Settings;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Resume {
    /// Resume the deliveries of this organizer only
    #[arg(long, value_name = "SLUG")]
    organizer: Option<OrganizerSlug>,
}

impl Resume {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let registry = local_store::registry(&store)?;
        let organizer = match &self.organizer {
            Some(slug) => Some(local_store::organizer(&store, slug)?.organizer.id),
            None => None,
        };
        if registry.hold().is_none() {
            return output::print_line("no deliveries are held");
        }
        if let (Some(slug), Some(id)) = (&self.organizer, organizer)
            && !registry.is_held(id)
        {
            bail!("the deliveries of {slug} are not held");
        }
        let now = SystemClock.now();
        let entry =
            Author::command_line().audit_entry("sonnette.deliveries.resumed", json!({}), now);
        store.resume_deliveries(organizer, &entry)?;
        match &self.organizer {
            Some(slug) => output::print_line(format_args!("resumed the deliveries of {slug}"))?,
            None => output::print_line("resumed the deliveries of all organizers")?,
        }
        let remaining = local_store::registry(&store)?;
        let held = remaining
            .organizers()
            .filter(|o| remaining.is_held(o.organizer.id));
        match held.count() {
            0 => Ok(()),
            count => output::print_line(format_args!("those of {count} other organizers are held")),
        }
    }
}
