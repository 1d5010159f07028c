//! `sonnette doctor`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use hyper::header::DATE;
use hyper::{Method, Response};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::store::Store as _;
use url::Url;

use super::client::{Http, Outgoing};
use super::{block_on, output, registry};
use crate::config::{Settings, SettingsError};
use crate::mailer;

/// Below this much free space something is wrong.
const LEAST_SPACE: u64 = 256 << 20;
/// A clock that is off by more makes receivers refuse our signatures.
const MOST_SKEW: i64 = 60;
/// A clock that says less is not set: this version did not exist then.
const EARLIEST: i64 = 1_760_000_000;
const PATIENCE: Duration = Duration::from_secs(15);

/// The command.
#[derive(Args)]
pub(super) struct Doctor {
    /// Can these be reached from here? Also compares the clocks
    #[arg(value_name = "URL")]
    urls: Vec<Url>,
    /// Sends a test mail to this address
    #[arg(long, value_name = "ADDRESS")]
    mail_to: Option<String>,
}

impl Doctor {
    /// The report where there is nothing more to look at.
    #[expect(clippy::unused_self, reason = "the counterpart of `run`")]
    pub(super) fn settings_are_wrong(&self, error: &SettingsError) -> ExitCode {
        report("settings", Err(anyhow!("{error}")));
        ExitCode::FAILURE
    }

    pub(super) fn run(self, settings: &Settings) -> ExitCode {
        let usable = registry::embedded(settings).map(|()| "read, and sound".to_owned());
        let mut well = report("settings", usable);
        well &= report("store", store(settings));
        well &= report("disk space", disk_space(&settings.data_dir));
        let now = SystemClock.now();
        let set = now.as_second() >= EARLIEST;
        well &= report(
            "clock",
            if set {
                Ok(now.to_string())
            } else {
                Err(anyhow!("{now} cannot be: set the clock"))
            },
        );
        let urls = self
            .urls
            .iter()
            .chain(&settings.url)
            .chain(&settings.public_url);
        for url in urls {
            well &= report(&origin(url), reach(settings, url));
        }
        if let Some(address) = &self.mail_to {
            well &= report("mail", mail(settings, address));
        }
        if well {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

/// Prints one finding; whether it is a good one.
fn report(what: &str, finding: Result<String>) -> bool {
    let well = finding.is_ok();
    let (mark, text) = match finding {
        Ok(text) => ('✓', text),
        Err(error) => ('✗', format!("{error:#}")),
    };
    output::line(format_args!("{mark} {what}: {text}")).is_ok() && well
}

/// A store is opened and looked through, but none is made.
fn store(settings: &Settings) -> Result<String> {
    let file = registry::file(settings);
    if !registry::exists(settings) {
        return Ok(format!(
            "none yet; `serve` makes one in {}",
            settings.data_dir.display()
        ));
    }
    let store = registry::open(settings)?;
    store.check()?;
    store.ping()?;
    let organizers = registry::organizers(&store)?;
    let webhooks: usize = organizers.iter().map(|o| o.webhooks.len()).sum();
    Ok(format!(
        "{} is whole: {} organizers, {webhooks} webhooks",
        file.display(),
        organizers.len()
    ))
}

fn disk_space(directory: &Path) -> Result<String> {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let there = absolute
        .ancestors()
        .find(|path| path.exists())
        .map_or_else(|| PathBuf::from("/"), Path::to_owned);
    let stat = rustix::fs::statvfs(&there)
        .with_context(|| format!("{} cannot be looked at", there.display()))?;
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let text = format!("{} MiB free at {}", free >> 20, there.display());
    if free < LEAST_SPACE {
        Err(anyhow!("only {text}"))
    } else {
        Ok(text)
    }
}

/// A mail is sent to this address, now.
fn mail(settings: &Settings, address: &str) -> Result<String> {
    block_on(async { Ok(mailer::send_test(settings, address).await?) })?;
    let host = settings.mail.host.as_deref().unwrap_or_default();
    Ok(format!("{host} took a test mail for {address}"))
}

/// The URL without path, query and credentials.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn reach(settings: &Settings, url: &Url) -> Result<String> {
    let http = Http::new(settings)?;
    let outgoing = Outgoing {
        method: Method::GET,
        url: url.clone(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let response = block_on(async {
        tokio::time::timeout(PATIENCE, http.send(outgoing))
            .await
            .map_err(|_| anyhow!("no answer in time"))?
    })?;
    let answered = format!("answers {}", response.status());
    let Some(skew) = skew(&response) else {
        return Ok(answered);
    };
    if skew.abs() > MOST_SKEW {
        return Err(anyhow!(
            "{answered}, but its clock and ours are {} s apart",
            skew.abs()
        ));
    }
    Ok(format!("{answered}, and its clock agrees with ours"))
}

fn skew<B>(response: &Response<B>) -> Option<i64> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let theirs: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(SystemClock.now().as_second() - theirs.as_second())
}
