//! Twice the publications a second that the server accepts: it refuses the rest and loses nothing.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::Bench;
use crate::installation::{Installation, webhook_json};
use crate::load::{Load, Published};
use crate::receiver::{Behavior, Receiver};
use crate::report::{Section, figure};
use crate::statistics::{Latencies, format_mebibytes, thousands};

/// Connections of the overload. The server answers 256 requests of one client at a time.
const OVERLOAD_CONNECTIONS: usize = 250;
/// Publications in one request.
const BATCH: u64 = 100;
/// Publications that find out how many the server accepts a second.
const CAPACITY_PUBLICATIONS: u64 = 100_000;
/// The light load beside it, whose latency shows whether the server has recovered.
const PROBES_PER_SECOND: u64 = 100;
const PROBE_TIME: Duration = Duration::from_secs(4);

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let installation = Installation::start(bench).await?;
    installation.create_organizer("one").await?;
    installation.create_webhooks("one", 1).await?;
    let other = Receiver::start(([127, 0, 0, 1], 0).into(), Behavior::Accept)?;
    installation.create_organizer("other").await?;
    let webhook = webhook_json(&other.url(0), None);
    installation
        .create_all("other", "webhooks", [webhook].into_iter())
        .await?;

    let mut before = probe(&installation, &other).await?;
    let load = Load::arrays(CAPACITY_PUBLICATIONS, BATCH, 16);
    let capacity = installation
        .deliver("one", &load, 1)
        .await?
        .published
        .per_second();
    let overload = overload(capacity, bench.scale.phase_time);
    installation.receiver.reset(1);
    let mut published = installation.publish("one", &overload).await?;
    ensure!(
        published.without_retry_after == 0,
        "{} responses 503 had no Retry-After",
        published.without_retry_after
    );
    let mut after = probe(&installation, &other).await?;
    let delivered = installation.receiver.wait_for(published.accepted).await?;
    ensure!(
        delivered.duplicates == 0,
        "{} deliveries came twice",
        delivered.duplicates
    );
    let time = delivered.last.duration_since(published.began);
    let mut rows = vec![figure("Accepted a second before", thousands(capacity))];
    rows.extend(overload_rows(&overload, &mut published));
    rows.extend([
        figure(
            "Delivered a second",
            thousands(delivered.count as f64 / time.as_secs_f64()),
        ),
        figure(
            "p99 to arrival at 100 a second before, ms",
            format!("{:.2}", before.percentile_ms(99)),
        ),
        figure(
            "p99 to arrival at 100 a second right after, ms",
            format!("{:.2}", after.percentile_ms(99)),
        ),
        figure(
            "Peak memory",
            format_mebibytes(installation.server.memory()?.peak),
        ),
    ]);
    Ok(section(bench, rows))
}

fn section(bench: &Bench, rows: Vec<Vec<String>>) -> Section {
    Section {
        title: "Overload",
        description: format!(
            "Arrays of {BATCH} over {OVERLOAD_CONNECTIONS} connections for {} seconds, offered at twice the rate that the server \
             accepted right before. Each response 503 had a `Retry-After`; each accepted publication arrived exactly once. Another \
             webhook gets {PROBES_PER_SECOND} publications a second before, and right after the last response, while the \
             accepted ones are still being delivered.",
            bench.scale.phase_time.as_secs()
        ),
        columns: vec!["Figure", "Value"],
        rows,
        chart: None,
    }
}

/// Twice the capacity, for so long.
fn overload(capacity: f64, time: Duration) -> Load {
    let rate = 2.0 * capacity;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive count"
    )]
    let batches = (rate * time.as_secs_f64() / BATCH as f64).ceil() as u64;
    Load {
        rate: Some(rate),
        may_be_refused: true,
        ..Load::arrays(batches * BATCH, BATCH, OVERLOAD_CONNECTIONS)
    }
}

/// The times from publication to arrival under a light load.
async fn probe(installation: &Installation, receiver: &Receiver) -> Result<Latencies> {
    receiver.reset(1);
    let load = Load::steady(PROBES_PER_SECOND, PROBE_TIME);
    let published = installation.publish("other", &load).await?;
    Ok(receiver.wait_for(published.accepted).await?.latencies)
}

fn overload_rows(load: &Load, published: &mut Published) -> Vec<Vec<String>> {
    vec![
        figure("Publications offered", thousands(load.count as f64)),
        figure("Accepted", thousands(published.accepted as f64)),
        figure("Refused with 503", thousands(published.refused as f64)),
        figure("Accepted a second", thousands(published.per_second())),
        figure(
            "p99 of a response, ms",
            format!("{:.1}", published.latencies.percentile_ms(99)),
        ),
    ]
}
