//! Throughput and latency on two servers in turn: an empty one, and one with much that is logged, registered or waiting.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};

use super::memory::unused_address;
use crate::Bench;
use crate::chart::Chart;
use crate::installation::{Installation, OTHER_ACTION_TYPE, webhook_json};
use crate::load::{ACTION_TYPE, CONNECTIONS, Load};
use crate::report::Section;
use crate::scale::Scale;
use crate::statistics::{Rounds, format_mebibytes, format_ms, thousands};

const PUBLICATIONS_PER_SECOND: u64 = 100;
/// Changes of settings whose median is taken.
const CHANGE_COUNT: usize = 15;
/// Throughput is flat if the grown server delivers at least this share of the empty one's.
const FLAT_RATIO: f64 = 0.85;
/// Organizers that the many webhooks belong to.
const WEBHOOK_ORGANIZERS: u64 = 100;

/// What grows.
#[derive(Clone, Copy)]
enum Growth {
    Log,
    Webhooks,
    Organizers,
    Waiting,
    Matching,
}

impl Growth {
    const ALL: [Self; 5] = [
        Self::Log,
        Self::Webhooks,
        Self::Organizers,
        Self::Waiting,
        Self::Matching,
    ];

    fn label(self, scale: &Scale) -> String {
        let (name, from, to) = match self {
            Self::Log => ("attempts in the log", "0", scale.attempts),
            Self::Webhooks => ("webhooks, one matches", "1", scale.webhooks),
            Self::Organizers => ("organizers", "1", scale.organizers),
            Self::Waiting => ("deliveries waiting", "0", scale.waiting),
            Self::Matching => (
                "webhooks of the organizer, ten match",
                "10",
                scale.organizer_webhooks,
            ),
        };
        format!("{from} → {} {name}", thousands(to as f64))
    }

    /// The webhooks that each publication matches.
    fn matching(self) -> u64 {
        if matches!(self, Self::Matching) {
            10
        } else {
            1
        }
    }

    async fn grow(self, installation: &Installation, scale: &Scale) -> Result<()> {
        match self {
            Self::Log => {
                let load = Load::arrays(scale.attempts, 100, CONNECTIONS);
                installation.deliver("one", &load, 1).await?;
                Ok(())
            }
            Self::Webhooks => create_webhooks(installation, scale.webhooks).await,
            Self::Organizers => {
                let organizers = (1..scale.organizers).map(organizer_request);
                installation.post_all(organizers).await
            }
            Self::Waiting => fill_lane(installation, scale.waiting).await,
            Self::Matching => {
                let webhooks = (10..scale.organizer_webhooks).map(|number| {
                    let mut webhook = webhook_json(&installation.receiver.url(number), None);
                    webhook["action_types"] = json!([OTHER_ACTION_TYPE]);
                    webhook
                });
                installation.create_all("one", "webhooks", webhooks).await
            }
        }
    }
}

fn organizer_request(number: u64) -> (String, serde_json::Value) {
    let slug = format!("other{number}");
    let body = json!({"slug": slug, "name": slug, "dialects": ["custom"]});
    ("/api/v1/organizers/".to_owned(), body)
}

/// Registers webhooks of other organizers.
async fn create_webhooks(installation: &Installation, count: u64) -> Result<()> {
    let organizers = count.min(WEBHOOK_ORGANIZERS);
    installation
        .post_all((0..organizers).map(organizer_request))
        .await?;
    let base = |number| format!("/api/v1/organizers/other{}", number % organizers);
    let action_type = json!({"action_type": ACTION_TYPE, "description": "A message."});
    let action_types = (0..organizers).map(|number| {
        (
            format!("{}/action_types/", base(number)),
            action_type.clone(),
        )
    });
    installation.post_all(action_types).await?;
    let webhooks = (1..count).map(|number| {
        let body = webhook_json(&installation.receiver.url(number), None);
        (format!("{}/webhooks/", base(number)), body)
    });
    installation.post_all(webhooks).await
}

/// Publishes to a receiver that is down.
async fn fill_lane(installation: &Installation, count: u64) -> Result<()> {
    installation.create_organizer("dead").await?;
    let webhook = webhook_json(&format!("http://{}/0", unused_address()?), None);
    installation
        .create_all("dead", "webhooks", [webhook].into_iter())
        .await?;
    let load = Load::arrays(count, 1_000, 4);
    let published = installation.publish("dead", &load).await?;
    ensure!(
        published.accepted == count,
        "not all publications were accepted"
    );
    Ok(())
}

/// The figures of one of the two servers.
struct MeasuredInstallation {
    installation: Installation,
    per_second: Rounds,
    p99_ms: Rounds,
    /// How long a change of a webhook's settings takes.
    change_ms: f64,
    memory: u64,
    /// How long a start takes.
    start: Duration,
}

impl MeasuredInstallation {
    async fn start(bench: &Bench, matching: u64) -> Result<Self> {
        let installation = Installation::start(bench).await?;
        installation.create_organizer("one").await?;
        installation.create_webhooks("one", matching).await?;
        Ok(Self {
            installation,
            per_second: Rounds::default(),
            p99_ms: Rounds::default(),
            change_ms: f64::NAN,
            memory: 0,
            start: Duration::ZERO,
        })
    }

    /// One round of throughput; deliveries a second.
    async fn measure(&mut self, scale: &Scale, matching: u64) -> Result<f64> {
        let load = Load::singles(scale.growth_singles / matching);
        let delivery = self.installation.deliver("one", &load, matching).await?;
        self.per_second.push(delivery.per_second());
        Ok(delivery.per_second())
    }

    /// One round of latency.
    async fn measure_latency(&mut self, scale: &Scale, matching: u64) -> Result<()> {
        let load = Load::steady(PUBLICATIONS_PER_SECOND, scale.latency_time);
        let mut delivery = self.installation.deliver("one", &load, matching).await?;
        self.p99_ms
            .push(delivery.delivered.latencies.percentile_ms(99));
        Ok(())
    }

    async fn finish(&mut self) -> Result<()> {
        self.memory = self.installation.server.memory()?.resident;
        let mut client = self.installation.client()?;
        let path = "/api/v1/organizers/one/webhooks/";
        let list = client.json(Method::GET, path, None).await?;
        let path = format!("{path}{}/", list["results"][0]["id"]);
        let mut times = Rounds::default();
        for number in 0..CHANGE_COUNT {
            let began = SystemClock.instant();
            let body = json!({"comment": number.to_string()});
            client.json(Method::PATCH, &path, Some(&body)).await?;
            times.push(began.elapsed().as_secs_f64() * 1e3);
        }
        self.change_ms = times.median();
        self.installation.server.stop().await?;
        self.start = self.installation.server.start_again().await?;
        Ok(())
    }
}

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let (mut rows, mut bars) = (Vec::new(), Vec::new());
    for growth in Growth::ALL {
        let label = growth.label(&bench.scale);
        let (row, ratio) = compare(bench, growth, label.clone()).await?;
        rows.push(row);
        bars.push((label, ratio));
    }
    Ok(Section {
        title: "Growth",
        description: format!(
            "Two servers in turn, {} rounds: an empty one and one that has grown. Throughput: {} deliveries of single publications; \
             the ratio is that of the grown server to the empty one in the same round, and flat means that its median is within \
             15 %. Latency: to arrival at {PUBLICATIONS_PER_SECOND} publications a second, on both servers at the same time. Change: `PATCH` of a webhook. All pairs \
             are the empty server and the grown one.",
            bench.scale.growth_rounds,
            thousands(bench.scale.growth_singles as f64),
        ),
        columns: vec![
            "Growth",
            "Delivered a second",
            "Ratio",
            "Flat",
            "p99 to arrival, ms",
            "Change",
            "Memory",
            "Start",
        ],
        rows,
        chart: Some(Chart {
            case: "growth",
            title: "Throughput of the grown server, empty server = 1",
            decimals: 2,
            unit: "",
            mark: Some(1.0),
            bars,
        }),
    })
}

async fn compare(bench: &Bench, growth: Growth, label: String) -> Result<(Vec<String>, Rounds)> {
    let (scale, matching) = (&bench.scale, growth.matching());
    let mut empty = MeasuredInstallation::start(bench, matching).await?;
    let mut grown = MeasuredInstallation::start(bench, matching).await?;
    growth.grow(&grown.installation, scale).await?;
    let mut ratio = Rounds::default();
    for round in 0..scale.growth_rounds {
        // In turn, so that neither server always comes first.
        if round.is_multiple_of(2) {
            let base = empty.measure(scale, matching).await?;
            ratio.push(grown.measure(scale, matching).await? / base);
        } else {
            let rate = grown.measure(scale, matching).await?;
            ratio.push(rate / empty.measure(scale, matching).await?);
        }
    }
    for _ in 0..scale.growth_rounds {
        tokio::try_join!(
            empty.measure_latency(scale, matching),
            grown.measure_latency(scale, matching)
        )?;
    }
    empty.finish().await?;
    grown.finish().await?;
    let is_flat = ratio.median() >= FLAT_RATIO;
    let pair = |text: &dyn Fn(&MeasuredInstallation) -> String| {
        format!("{} → {}", text(&empty), text(&grown))
    };
    let row = vec![
        label,
        pair(&|side| thousands(side.per_second.median())),
        ratio.format(2),
        if is_flat { "yes" } else { "no" }.to_owned(),
        pair(&|side| format!("{:.2}", side.p99_ms.median())),
        pair(&|side| format_ms(side.change_ms)),
        pair(&|side| format_mebibytes(side.memory)),
        pair(&|side| format!("{:.2} s", side.start.as_secs_f64())),
    ];
    Ok((row, ratio))
}
