//! Publications and deliveries a second, as a share of the raw limit, and the CPU time that they cost.

use anyhow::Result;

use crate::Bench;
use crate::chart::Chart;
use crate::installation::Installation;
use crate::load::{CONNECTIONS, Load};
use crate::report::Section;
use crate::scale::Scale;
use crate::statistics::{Rounds, thousands};

/// One kind of load.
struct Work {
    label: String,
    organizer: &'static str,
    webhooks: u64,
    load: Load,
    published: Rounds,
    delivered: Rounds,
    per_second: Rounds,
    limit: Rounds,
    /// Milliseconds of the server for each delivery.
    cpu_ms: Rounds,
}

impl Work {
    fn new(label: String, organizer: &'static str, webhooks: u64, load: Load) -> Self {
        Self {
            label,
            organizer,
            webhooks,
            load,
            published: Rounds::default(),
            delivered: Rounds::default(),
            per_second: Rounds::default(),
            limit: Rounds::default(),
            cpu_ms: Rounds::default(),
        }
    }

    async fn measure(&mut self, installation: &Installation) -> Result<()> {
        let (delivery, limit) = installation
            .deliver_within_limit(self.organizer, &self.load, self.webhooks)
            .await?;
        self.published.push(delivery.published.per_second() / limit);
        self.delivered.push(delivery.per_second() / limit);
        self.per_second.push(delivery.per_second());
        self.limit.push(limit);
        let cpu_ms = delivery.cpu.as_secs_f64() * 1e3;
        self.cpu_ms.push(cpu_ms / delivery.delivered.count as f64);
        Ok(())
    }

    fn row(&self) -> Vec<String> {
        vec![
            self.label.clone(),
            self.published.format(2),
            self.delivered.format(2),
            self.per_second.format_counts(),
            self.limit.format_counts(),
            self.cpu_ms.format(3),
        ]
    }
}

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let installation = Installation::start(bench).await?;
    for (organizer, webhooks) in [("one", 1), ("ten", 10), ("thousand", 1_000)] {
        installation.create_organizer(organizer).await?;
        installation.create_webhooks(organizer, webhooks).await?;
    }
    let mut works = works(&bench.scale);
    for _ in 0..bench.scale.rounds {
        for work in &mut works {
            work.measure(&installation).await?;
        }
    }
    Ok(Section {
        title: "Throughput",
        description: format!(
            "Each load is published over {CONNECTIONS} connections. A publication counts when it is answered 201, which is after \
             it is on disk; a delivery counts when the receiver has it. Published and delivered are shares of the raw limit."
        ),
        columns: vec![
            "Load",
            "Published",
            "Delivered",
            "Delivered a second",
            "Raw limit a second",
            "CPU of the server a delivery, ms",
        ],
        rows: works.iter().map(Work::row).collect(),
        chart: Some(chart(&works)),
    })
}

fn works(scale: &Scale) -> [Work; 4] {
    let label = |count: u64, rest: &str| format!("{} {rest}", thousands(count as f64));
    [
        Work::new(
            label(scale.singles, "single publications, one webhook"),
            "one",
            1,
            Load::singles(scale.singles),
        ),
        Work::new(
            label(
                scale.ten_webhook_publications,
                "single publications, ten webhooks",
            ),
            "ten",
            10,
            Load::singles(scale.ten_webhook_publications),
        ),
        Work::new(
            label(
                scale.thousand_webhook_publications,
                "single publications, 1,000 webhooks",
            ),
            "thousand",
            1_000,
            Load::singles(scale.thousand_webhook_publications),
        ),
        Work::new(
            label(scale.arrays, "publications in arrays of 100, one webhook"),
            "one",
            1,
            Load::arrays(scale.arrays, 100, CONNECTIONS),
        ),
    ]
}

fn chart(works: &[Work; 4]) -> Chart {
    let labels = [
        "singles, one webhook",
        "singles, ten webhooks",
        "singles, 1,000 webhooks",
        "arrays of 100, one webhook",
    ];
    let bars = labels.into_iter().zip(works);
    Chart {
        case: "throughput",
        title: "Deliveries a second as a share of raw HTTP",
        decimals: 2,
        unit: "",
        mark: None,
        bars: bars
            .map(|(label, work)| (label.to_owned(), work.delivered.clone()))
            .collect(),
    }
}
