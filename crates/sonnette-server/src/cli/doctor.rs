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

use super::http_client::{ClientRequest, HttpClient};
use super::{block_on, local_store, output};
use crate::config::{Settings, SettingsError};
use crate::mailer;

/// Less free space than this is a finding.
const MIN_FREE_BYTES: u64 = 256 << 20;
/// Receivers reject signatures from a clock that differs by more seconds.
const MAX_CLOCK_SKEW_SECONDS: i64 = 60;
/// A clock before this Unix time is not set: this version did not exist then.
const MIN_PLAUSIBLE_UNIX_SECONDS: i64 = 1_760_000_000;
/// Maximum time of a request to a URL.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Doctor {
    /// URLs to connect to; also compares the clocks
    #[arg(value_name = "URL")]
    urls: Vec<Url>,
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
        let database = local_store::check_database_url(settings).map(|()| "valid".to_owned());
        let mut ok = report("settings", database);
        ok &= report("store", store(settings));
        ok &= report_damaged_rows(settings);
        report_hold(settings);
        ok &= report("disk space", disk_space(&settings.data_dir));
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
        let urls = self
            .urls
            .iter()
            .chain(&settings.url)
            .chain(&settings.public_url);
        for url in urls {
            ok &= report(&origin(url), reach(settings, url));
        }
        if let Some(address) = &self.mail_to {
            ok &= report("mail", mail(settings, address));
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

/// Opens and checks the store; does not create one.
fn store(settings: &Settings) -> Result<String> {
    let file = local_store::path(settings);
    if !local_store::exists(settings)? {
        return Ok(format!(
            "none yet; `serve` creates it in {}",
            local_store::absolute_directory(settings).display()
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

fn disk_space(directory: &Path) -> Result<String> {
    let absolute = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
    let existing = absolute
        .ancestors()
        .find(|path| path.exists())
        .map_or_else(|| PathBuf::from("/"), Path::to_owned);
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
fn mail(settings: &Settings, address: &str) -> Result<String> {
    block_on(async { Ok(mailer::send_test(settings, address).await?) })?;
    let host = settings.mail.host.as_deref().unwrap_or_default();
    Ok(format!("{host} accepted a test mail for {address}"))
}

/// The URL without path, query and credentials.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn reach(settings: &Settings, url: &Url) -> Result<String> {
    let http = HttpClient::new(settings)?;
    let outgoing = ClientRequest {
        method: Method::GET,
        url: url.clone(),
        headers: Vec::new(),
        body: bytes::Bytes::new(),
    };
    let response = block_on(async {
        tokio::time::timeout(REQUEST_TIMEOUT, http.send(outgoing))
            .await
            .map_err(|_| anyhow!("no response in time"))?
    })?;
    let answered = format!("responds {}", response.status());
    let Some(skew) = skew(&response) else {
        return Ok(answered);
    };
    if skew.abs() > MAX_CLOCK_SKEW_SECONDS {
        return Err(anyhow!(
            "{answered}, but its clock differs by {} s",
            skew.abs()
        ));
    }
    Ok(format!("{answered}, and its clock agrees"))
}

fn skew<B>(response: &Response<B>) -> Option<i64> {
    let date = response.headers().get(DATE)?.to_str().ok()?;
    let theirs: Timestamp = rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
    Some(SystemClock.now().as_second() - theirs.as_second())
}
