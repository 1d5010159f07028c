//! Healthy webhooks at a steady rate: alone, beside bad receivers, and while a dead receiver comes back.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};

use super::memory::{expedite, unused_address};
use crate::Bench;
use crate::chart::Chart;
use crate::installation::{Delivery, Installation, webhook_json};
use crate::load::Load;
use crate::receiver::{Behavior, Receiver};
use crate::report::Section;
use crate::scale::Scale;
use crate::statistics::{Rounds, thousands};

const HANGING_WEBHOOKS: u64 = 100;
const DRIPPING_WEBHOOKS: u64 = 10;
const UNRESOLVED_WEBHOOKS: u64 = 50;
/// Publications that all of these get before the measure begins, and then each second.
const BAD_BACKLOG: u64 = 100;
const BAD_PER_SECOND: u64 = 5;
/// The healthy load ends after this time at the latest.
const MAX_DRAIN_TIME: Duration = Duration::from_mins(10);

/// The figures of the healthy webhooks in one phase.
struct Phase {
    label: &'static str,
    per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Phase {
    fn new(label: &'static str, mut delivery: Delivery) -> Self {
        Self {
            label,
            per_second: delivery.per_second(),
            p50_ms: delivery.delivered.latencies.percentile_ms(50),
            p99_ms: delivery.delivered.latencies.percentile_ms(99),
        }
    }

    fn row(&self, max_p99_ms: f64) -> Vec<String> {
        let is_within = self.p99_ms <= max_p99_ms;
        vec![
            self.label.to_owned(),
            format!("{:.1}", self.per_second),
            format!("{:.2}", self.p50_ms),
            format!("{:.2}", self.p99_ms),
            if is_within { "yes" } else { "no" }.to_owned(),
        ]
    }
}

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let scale = &bench.scale;
    let installation = Installation::start(bench).await?;
    create_healthy(&installation, scale.healthy).await?;
    let steady = Load {
        events: Some(("e", scale.healthy)),
        ..Load::steady(scale.healthy_rate, scale.phase_time)
    };
    let healthy = |load: Load| {
        let installation = &installation;
        async move {
            installation
                .deliver_to("one", &load, scale.healthy, 1)
                .await
        }
    };
    // Opens the connections, so that all phases begin alike.
    healthy(Load {
        count: scale.healthy * 2,
        ..steady.clone()
    })
    .await?;
    let alone = Phase::new("alone", healthy(steady.clone()).await?);

    let reference = drain_reference(&installation, scale).await?;
    let dead = unused_address()?;
    let _receivers = create_bad(&installation, scale, &format!("http://{dead}/0")).await?;
    let bad = Load {
        events: Some(("bad", 1)),
        ..Load::steady(BAD_PER_SECOND, scale.phase_time)
    };
    let (beside, bad) = tokio::join!(healthy(steady.clone()), installation.publish("one", &bad));
    bad?;
    let beside = Phase::new("beside the bad ones", beside?);

    let receiver = Receiver::start(dead, Behavior::Accept)?;
    receiver.reset(1);
    let began = SystemClock.instant();
    let stop = Rc::new(Cell::new(false));
    let steady = Load {
        count: scale.healthy_rate * MAX_DRAIN_TIME.as_secs(),
        stop: Some(stop.clone()),
        ..steady
    };
    let (returning, drained) = tokio::join!(healthy(steady), async {
        let drained = drain(&installation, &receiver, scale.waiting).await;
        stop.set(true);
        drained
    });
    let returning = Phase::new("while the dead one returns", returning?);
    let drained = scale.waiting as f64 / drained?.duration_since(began).as_secs_f64();
    Ok(section(
        scale,
        &[alone, beside, returning],
        drained,
        reference,
    ))
}

/// Waits until everything that waited has arrived; the time of the last arrival.
async fn drain(installation: &Installation, receiver: &Receiver, count: u64) -> Result<Instant> {
    expedite(installation, "dead").await?;
    let delivered = receiver.wait_for(count).await?;
    ensure!(
        delivered.duplicates == 0,
        "{} deliveries came twice",
        delivered.duplicates
    );
    Ok(delivered.last)
}

async fn create_healthy(installation: &Installation, count: u64) -> Result<()> {
    installation.create_organizer("one").await?;
    let events = (0..count).map(|number| format!("e{number}"));
    let events = events.chain(["bad0".to_owned()]);
    let events = events.map(|slug| json!({"slug": slug, "name": slug}));
    installation.create_all("one", "events", events).await?;
    let webhooks = (0..count).map(|number| {
        let event = format!("e{number}");
        webhook_json(&installation.receiver.url(number), Some(&event))
    });
    installation.create_all("one", "webhooks", webhooks).await
}

/// Deliveries a second to a healthy webhook that gets as many publications as wait for the dead one.
async fn drain_reference(installation: &Installation, scale: &Scale) -> Result<f64> {
    installation.create_organizer("reference").await?;
    installation.create_webhooks("reference", 1).await?;
    let load = Load::arrays(scale.waiting, 1_000, 4);
    Ok(installation
        .deliver("reference", &load, 1)
        .await?
        .per_second())
}

/// Registers the bad webhooks with the healthy ones' organizer, the dead one with its own, and publishes to them.
async fn create_bad(
    installation: &Installation,
    scale: &Scale,
    dead: &str,
) -> Result<[Receiver; 2]> {
    let hanging = Receiver::start(([127, 0, 0, 1], 0).into(), Behavior::Hang)?;
    let dripping = Receiver::start(([127, 0, 0, 1], 0).into(), Behavior::Drip)?;
    let urls = (0..HANGING_WEBHOOKS).map(|number| hanging.url(number));
    let urls = urls.chain((0..DRIPPING_WEBHOOKS).map(|number| dripping.url(number)));
    let urls =
        urls.chain((0..UNRESOLVED_WEBHOOKS).map(|number| format!("http://host{number}.invalid/")));
    let webhooks = urls.map(|url| webhook_json(&url, Some("bad0")));
    installation.create_all("one", "webhooks", webhooks).await?;
    installation.create_organizer("dead").await?;
    installation
        .create_all("dead", "webhooks", [webhook_json(dead, None)].into_iter())
        .await?;
    let bad = Load {
        events: Some(("bad", 1)),
        ..Load::singles(BAD_BACKLOG)
    };
    installation.publish("one", &bad).await?;
    let load = Load::arrays(scale.waiting, 1_000, 4);
    let published = installation.publish("dead", &load).await?;
    ensure!(
        published.accepted == load.count,
        "not all publications were accepted"
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok([hanging, dripping])
}

fn section(scale: &Scale, phases: &[Phase; 3], drained: f64, reference: f64) -> Section {
    let bars = |phase: &Phase| {
        let range = [phase.p50_ms, phase.p99_ms];
        (
            phase.label.to_owned(),
            range.into_iter().skip(1).collect::<Rounds>(),
        )
    };
    let [alone, beside, _] = phases;
    let limit = alone.p99_ms * 1.2 + 5.0;
    Section {
        title: "Isolation",
        description: format!(
            "{} healthy webhooks, {} publications a second to one of them in turn, for {} seconds alone and beside the bad ones. The bad ones: one \
             dead with {} deliveries waiting, {HANGING_WEBHOOKS} that never respond, {DRIPPING_WEBHOOKS} that respond with one byte a second, and \
             {UNRESOLVED_WEBHOOKS} whose names cannot be looked up; but for the dead one they belong to the same organizer and get {BAD_BACKLOG} \
             publications at once and {BAD_PER_SECOND} a second. At the end the dead receiver comes back, and `expedite/` is \
             requested: {} deliveries a second arrive there, {:.2} of the {} to a healthy webhook that gets as many publications. \
             The p99 beside the bad ones may be {limit:.1} ms, which is 1.2 times the p99 alone and 5 ms; throughput is {:.3} of that \
             alone.",
            thousands(scale.healthy as f64),
            scale.healthy_rate,
            scale.phase_time.as_secs(),
            thousands(scale.waiting as f64),
            thousands(drained),
            drained / reference,
            thousands(reference),
            beside.per_second / alone.per_second,
        ),
        columns: vec![
            "Healthy webhooks",
            "Delivered a second",
            "p50 to arrival, ms",
            "p99 to arrival, ms",
            "Within the limit",
        ],
        rows: phases.iter().map(|phase| phase.row(limit)).collect(),
        chart: Some(Chart {
            case: "isolation",
            title: "p99 from publication to arrival at healthy webhooks (line: the limit)",
            decimals: 1,
            unit: " ms",
            mark: Some(limit),
            bars: phases.iter().map(bars).collect(),
        }),
    }
}
