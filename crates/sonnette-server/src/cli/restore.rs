//! `sonnette restore`.

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{Args, value_parser};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::NotificationId;
use sonnette::store::sqlite::{DataDirectoryLock, Restore as StoreRestore, RestoreReport};

use super::{local_store, output};
use crate::config::Settings;

/// Notification ids are exact as doubles.
const MAX_NOTIFICATION_ID: i64 = (1 << 53) - 1;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Restore {
    /// The backup, a file that `sonnette backup` has written; it is not changed
    file: PathBuf,
    /// After the next start, accept publications but deliver nothing except tests, until `sonnette resume`
    #[arg(long)]
    hold: bool,
    /// Id of the next notification [default: beyond all that the replaced store has assigned, or if it cannot be read,
    /// beyond those of the backup by 10,000 for each second since the backup, at least 1,000,000]
    #[arg(long, value_name = "N", value_parser = value_parser!(i64).range(1..=MAX_NOTIFICATION_ID))]
    next_id: Option<i64>,
}

impl Restore {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        local_store::check_database_url(settings)?;
        let file = self.file.display();
        // Before the data directory is created.
        File::open(&self.file).with_context(|| format!("cannot read {file}"))?;
        let lock = DataDirectoryLock::acquire(&settings.data_dir)
            .context("a restore needs the server stopped")?;
        let restore = StoreRestore {
            backup: &self.file,
            directory: &settings.data_dir,
            next_id: self.next_id.map(NotificationId),
            hold: self.hold,
            now: SystemClock.now(),
        };
        let report = restore.run(&lock).context("nothing was restored")?;
        print_report(&self.file.display().to_string(), &report)
    }
}

fn print_report(file: &str, report: &RestoreReport) -> Result<()> {
    let of_time = report.backup_time.map_or_else(String::new, |time| {
        format!(", whose newest entry is of {time}")
    });
    output::print_line(format_args!("restored {file}{of_time}"))?;
    match &report.replaced_path {
        Some(replaced) => output::print_line(format_args!(
            "the replaced store is kept as {}",
            replaced.display()
        ))?,
        None => output::print_line("there was no store to replace")?,
    }
    let next = report.next_id;
    if report.has_read_replaced || report.replaced_path.is_none() {
        output::print_line(format_args!("the next notification has the id {next}"))?;
    } else {
        output::print_line(format_args!(
            "the replaced store cannot be read, so ids are skipped: the next notification has the id {next}"
        ))?;
    }
    if report.has_journal {
        let (notifications, attempts) = (
            report.erasure_result.notifications,
            report.erasure_result.attempts,
        );
        output::print_line(format_args!(
            "erasures since the backup are repeated: {notifications} notifications, {attempts} attempts"
        ))?;
    } else {
        output::print_line(
            "there is no journal of erasures (erasures.log): if persons were erased since the backup, erase them again",
        )?;
    }
    if report.is_held {
        output::print_line(
            "after the next start nothing is delivered except tests, until `sonnette resume`",
        )?;
    }
    Ok(())
}
