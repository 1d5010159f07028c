//! `sonnette backup`.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::{local_store, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Backup {
    /// The file to create; it must not exist. Only its owner can read it, because it holds every secret
    file: PathBuf,
}

impl Backup {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let path = self.file.display();
        // SQLite gives a meaning to some relative names, such as `:memory:`.
        let target =
            std::path::absolute(&self.file).context("cannot find the current directory")?;
        // Creating the file first, with its permissions, keeps it unreadable for others throughout.
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.file)
        {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                bail!("{path} already exists and was not changed")
            }
            Err(e) => return Err(e).context(format!("cannot create {path}")),
        }
        if let Err(error) = store.backup(&target) {
            // The file is incomplete.
            let _ = fs::remove_file(&self.file);
            return Err(error).context("cannot copy the store");
        }
        let size = fs::metadata(&self.file).map_or(0, |m| m.len());
        output::print_line(format_args!("copied the store to {path} ({size} bytes)"))
    }
}
