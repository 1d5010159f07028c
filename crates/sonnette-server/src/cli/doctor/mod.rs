//! `sonnette doctor`.

mod url_check;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use rustix::fs::{Access, access};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::Store as _;

use super::{block_on, local_store, output};
use crate::config::{Settings, SettingsError};
use crate::mailer;

/// Less free space than this is a finding.
const MIN_FREE_BYTES: u64 = 256 << 20;
/// A clock before this Unix time is not set: this version did not exist then.
const MIN_PLAUSIBLE_UNIX_SECONDS: i64 = 1_760_000_000;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Doctor {
    /// URLs of receivers: whether a delivery can reach them, by the settings of the server; also compares the clocks
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// Send a test mail to this address
    #[arg(long, value_name = "ADDRESS")]
    mail_to: Option<String>,
}

impl Doctor {
    /// Reports settings that cannot be read; nothing else can be checked then.
    #[expect(clippy::unused_self, reason = "the counterpart of `run`")]
    pub(super) fn report_invalid_settings(&self, error: &SettingsError) -> ExitCode {
        report("settings", Err(anyhow!("{error}")));
        ExitCode::FAILURE
    }

    pub(super) fn run(self, settings: &Settings) -> ExitCode {
        let mut ok = report("settings", check_settings(settings));
        ok &= report("store", check_store(settings));
        ok &= report_damaged_rows(settings);
        report_hold(settings);
        ok &= report("disk space", check_disk_space(&settings.data_dir));
        let now = SystemClock.now();
        let is_set = now.as_second() >= MIN_PLAUSIBLE_UNIX_SECONDS;
        ok &= report(
            "clock",
            if is_set {
                Ok(now.to_string())
            } else {
                Err(anyhow!("{now} is wrong: set the clock"))
            },
        );
        for url in &self.urls {
            let (name, finding) = url_check::check_receiver(settings, url);
            ok &= report(&name, finding);
        }
        for url in settings.url.iter().chain(&settings.public_url) {
            let name = url.origin().ascii_serialization();
            ok &= report(&name, url_check::check_server(settings, url));
        }
        if let Some(address) = &self.mail_to {
            ok &= report("mail", send_test_mail(settings, address));
        }
        if ok {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Prints the result of one check; returns whether it passed.
fn report(check: &str, finding: Result<String>) -> bool {
    let ok = finding.is_ok();
    let (mark, text) = match finding {
        Ok(text) => ('✓', text),
        Err(error) => ('✗', format!("{error:#}")),
    };
    output::print_line(format_args!("{mark} {check}: {text}")).is_ok() && ok
}

/// Reads the files that the settings name.
fn check_settings(settings: &Settings) -> Result<String> {
    local_store::check_database_url(settings)?;
    settings.operator_tokens()?;
    settings.client_token()?;
    settings.mail.password()?;
    Ok("valid".to_owned())
}

/// Opens and checks the store; does not create one.
fn check_store(settings: &Settings) -> Result<String> {
    let file = local_store::path(settings);
    if !local_store::exists(settings)? {
        let directory = local_store::absolute_directory(settings);
        check_creatable(&directory)?;
        return Ok(format!(
            "none yet; `serve` creates it in {}",
            directory.display()
        ));
    }
    let store = local_store::open(settings)?;
    store.check()?;
    store.ping()?;
    let organizers = local_store::organizers(&store)?;
    let webhooks: usize = organizers.iter().map(|o| o.webhooks.len()).sum();
    Ok(format!(
        "{} is intact: {} organizers, {webhooks} webhooks",
        file.display(),
        organizers.len()
    ))
}

/// Reports each row of the store that cannot be read; returns whether there is none.
fn report_damaged_rows(settings: &Settings) -> bool {
    // A store that cannot be looked at has been reported.
    if !local_store::exists(settings).unwrap_or_default() {
        return true;
    }
    let found = local_store::open(settings).and_then(|store| Ok(store.find_damaged_rows()?));
    match found {
        Ok(rows) if rows.is_empty() => report("rows", Ok("all can be read".to_owned())),
        Ok(rows) => {
            for row in rows {
                report("rows", Err(anyhow!("{row}; the server leaves it out")));
            }
            false
        }
        Err(error) => report("rows", Err(error)),
    }
}

/// Says that deliveries are held. That is what the operator asked for, so it is no failure.
fn report_hold(settings: &Settings) {
    // A store that cannot be looked at has been reported.
    if !local_store::exists(settings).unwrap_or_default() {
        return;
    }
    let registry = local_store::open(settings).and_then(|store| local_store::registry(&store));
    if let Some(since) = registry.ok().and_then(|registry| registry.hold()) {
        let text = format!("held since {since} after a restore, until `sonnette resume`");
        report("deliveries", Ok(text));
    }
}

/// Checks that `serve` can create its store in this directory.
fn check_creatable(directory: &Path) -> Result<()> {
    let existing = nearest_existing(directory)?;
    if !existing.is_dir() {
        bail!("{} is not a directory", existing.display());
    }
    access(&existing, Access::WRITE_OK | Access::EXEC_OK).with_context(|| {
        format!(
            "none yet, and `serve` cannot create it in {}",
            directory.display()
        )
    })
}

/// The path itself, or the nearest directory above it that exists.
fn nearest_existing(path: &Path) -> Result<PathBuf> {
    for ancestor in path.ancestors() {
        match ancestor.metadata() {
            Ok(_) => return Ok(ancestor.to_owned()),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => {
                return Err(error).context(format!("cannot look at {}", ancestor.display()));
            }
        }
    }
    bail!("no directory above {} exists", path.display())
}

fn check_disk_space(directory: &Path) -> Result<String> {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let existing = nearest_existing(&absolute)?;
    let stat = rustix::fs::statvfs(&existing)
        .with_context(|| format!("cannot read the free space of {}", existing.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let text = format!("{} MiB free at {}", free >> 20, existing.display());
    if free < MIN_FREE_BYTES {
        Err(anyhow!("only {text}"))
    } else {
        Ok(text)
    }
}

/// Sends a test mail to this address.
fn send_test_mail(settings: &Settings, address: &str) -> Result<String> {
    // The text of the error includes its causes.
    let sent = block_on(async { Ok(mailer::send_test(settings, address).await) })?;
    sent.map_err(|error| anyhow!("{error}"))?;
    let host = settings.mail.host.as_deref().unwrap_or_default();
    Ok(format!("{host} accepted a test mail for {address}"))
}
