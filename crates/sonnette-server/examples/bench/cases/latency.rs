//! From publication to arrival at a low rate, beside what one exchange and one sync cost.

use anyhow::Result;

use crate::Bench;
use crate::installation::Installation;
use crate::load::Load;
use crate::raw_limit;
use crate::report::Section;
use crate::statistics::Rounds;

const PUBLICATIONS_PER_SECOND: u64 = 100;

pub(super) async fn run(bench: &Bench) -> Result<Section> {
    let scale = &bench.scale;
    let installation = Installation::start(bench).await?;
    installation.create_organizer("one").await?;
    installation.create_webhooks("one", 1).await?;
    let load = Load::steady(PUBLICATIONS_PER_SECOND, scale.latency_time);
    let names = [
        "One raw exchange, p50, ms",
        "One append of 400 bytes with a sync, p50, ms",
        "Publication to 201, p50, ms",
        "Publication to 201, p99, ms",
        "Publication to arrival, p50, ms",
        "Publication to arrival, p99, ms",
        "p50 to arrival ÷ (exchange + sync)",
        "p99 to arrival ÷ (exchange + sync)",
        "CPU of the server a message, ms",
    ];
    let mut figures = names.map(|_| Rounds::default());
    for _ in 0..scale.rounds {
        let (exchange, sync) = raw_limit::exchange_and_sync_ms(&bench.directory).await?;
        let mut delivery = installation.deliver("one", &load, 1).await?;
        let [p50, p99] = [50, 99].map(|p| delivery.delivered.latencies.percentile_ms(p));
        let accepted = &mut delivery.published.latencies;
        let values = [
            exchange,
            sync,
            accepted.percentile_ms(50),
            accepted.percentile_ms(99),
            p50,
            p99,
            p50 / (exchange + sync),
            p99 / (exchange + sync),
            delivery.cpu.as_secs_f64() * 1e3 / load.count as f64,
        ];
        for (rounds, value) in figures.iter_mut().zip(values) {
            rounds.push(value);
        }
    }
    let rows = names.iter().zip(&figures);
    Ok(Section {
        title: "Latency at 100 publications a second",
        description: format!(
            "Single publications to one webhook for {} seconds in each round, whether or not the earlier ones were answered. \
             The exchange and the sync are measured in the same minute, one after the other on one connection and one file.",
            scale.latency_time.as_secs()
        ),
        columns: vec!["Figure", "Value"],
        rows: rows
            .map(|(name, value)| vec![(*name).to_owned(), value.format(2)])
            .collect(),
        chart: None,
    })
}
