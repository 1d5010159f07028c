//! Twice the publications a second that the server accepts: it refuses the rest and loses nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::Bench;
use crate::installation::Installation;
use crate::load::Load;
use crate::report::Section;
use crate::statistics::thousands;

/// Connections of the overload. The server answers 256 requests of one client at a time.
const OVERLOAD_CONNECTIONS: usize = 250;
const BATCH: u64 = 100;
/// Publications that find out how many the server accepts a second.
const CAPACITY_PUBLICATIONS: u64 = 100_000;
const PUBLICATIONS_PER_SECOND: u64 = 100;

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let installation = Installation::start(bench).await?;
    for organizer in ["one", "other"] {
        installation.create_organizer(organizer).await?;
        installation.create_webhooks(organizer, 1).await?;
    }
    let probe = Load::steady(PUBLICATIONS_PER_SECOND, Duration::from_secs(4));
    let mut before = installation.deliver("other", &probe, 1).await?;
    let load = Load::arrays(CAPACITY_PUBLICATIONS, BATCH, 16);
    let capacity = installation.deliver("one", &load, 1).await?;
    let capacity = capacity.published.per_second();
    let rate = 2.0 * capacity;
    let batches = (rate * bench.scale.phase_time.as_secs_f64() / BATCH as f64).ceil();
    let overload = Load {
        rate: Some(rate),
        may_be_refused: true,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive count"
        )]
        count: batches as u64 * BATCH,
        ..Load::arrays(0, BATCH, OVERLOAD_CONNECTIONS)
    };
    let mut delivery = installation.deliver("one", &overload, 1).await?;
    let mut after = installation.deliver("other", &probe, 1).await?;
    let published = &mut delivery.published;
    ensure!(
        published.without_retry_after == 0,
        "{} responses 503 had no Retry-After",
        published.without_retry_after
    );
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    Ok(Section {
        title: "Overload",
        description: format!(
            "Arrays of {BATCH} over {OVERLOAD_CONNECTIONS} connections for {} seconds, offered at twice the rate that the server \
             accepted right before. Each response 503 had a `Retry-After`; each accepted publication arrived exactly once.",
            bench.scale.phase_time.as_secs()
        ),
        columns: vec!["Figure", "Value"],
        rows: vec![
            row("Accepted a second before", thousands(capacity)),
            row("Publications offered", thousands(overload.count as f64)),
            row("Accepted", thousands(published.accepted as f64)),
            row("Refused with 503", thousands(published.refused as f64)),
            row("Accepted a second", thousands(published.per_second())),
            row("Delivered a second", thousands(delivery.per_second())),
            row(
                "p99 of a response, ms",
                format!("{:.1}", delivery.published.latencies.percentile_ms(99)),
            ),
            row(
                "p99 to arrival at 100 a second before, ms",
                format!("{:.2}", before.delivered.latencies.percentile_ms(99)),
            ),
            row(
                "p99 to arrival at 100 a second afterwards, ms",
                format!("{:.2}", after.delivered.latencies.percentile_ms(99)),
            ),
            row(
                "Peak memory",
                crate::statistics::Mebibytes(installation.server.memory()?.peak).to_string(),
            ),
        ],
        chart: None,
    })
}
