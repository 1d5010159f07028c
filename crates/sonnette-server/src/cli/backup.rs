//! `sonnette backup`.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{local_store, output};
use crate::config::Settings;

/// The command.
#[derive(Args)]
pub(super) struct Backup {
    /// The new file; it must not exist yet. Readable for its owner alone, since it holds every secret
    file: PathBuf,
}

impl Backup {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        local_store::embedded(settings)?;
        if !local_store::exists(settings) {
            bail!("there is no store in {}", settings.data_dir.display());
        }
        let store = local_store::open(settings)?;
        let shown = self.file.display();
        // Made first, and empty, so that it is never readable for others.
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.file)
        {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                bail!("{shown} exists already, and was left as it is")
            }
            Err(e) => return Err(e).context(format!("{shown} cannot be made")),
        }
        if let Err(error) = store.backup(&self.file) {
            // Whatever is there is ours and incomplete.
            let _ = fs::remove_file(&self.file);
            return Err(error).context("the store cannot be copied");
        }
        let size = fs::metadata(&self.file).map_or(0, |m| m.len());
        output::line(format_args!("copied the store to {shown} ({size} bytes)"))
    }
}
