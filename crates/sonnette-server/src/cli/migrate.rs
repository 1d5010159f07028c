//! `sonnette migrate`.

use anyhow::{Result, bail};
use clap::Args;

use super::{local_store, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Migrate {
    /// Move all data to this PostgreSQL database (not available in this version)
    #[arg(long, value_name = "URL")]
    to: Option<String>,
}

impl Migrate {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        if self.to.is_some() {
            bail!("--to: moving to PostgreSQL is not available in this version");
        }
        local_store::open_or_create(settings)?;
        output::print_line(format_args!(
            "the store in {} has the schema of this version",
            settings.data_dir.display()
        ))
    }
}
