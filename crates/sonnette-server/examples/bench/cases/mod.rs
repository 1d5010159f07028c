//! The cases: each starts servers of its own and returns one section of the report.

mod disk;
mod growth;
mod isolation;
mod latency;
mod memory;
mod overload;
mod reads;
mod throughput;

use anyhow::Result;
use clap::ValueEnum;

use crate::Bench;
use crate::report::Section;

/// What can be measured alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Case {
    /// Publications and deliveries a second
    Throughput,
    /// From publication to arrival at 100 publications a second
    Latency,
    /// Memory, with many deliveries waiting; restart and drain
    Memory,
    /// Bytes of the store for each publication
    Disk,
    /// Metrics, health, lists and pages with many rows
    Reads,
    /// Throughput and latency with much registered, logged or waiting
    Growth,
    /// Healthy webhooks beside bad receivers
    Isolation,
    /// Twice the publications that the server can accept
    Overload,
}

impl Case {
    pub(crate) const ALL: [Self; 8] = [
        Self::Throughput,
        Self::Latency,
        Self::Memory,
        Self::Disk,
        Self::Reads,
        Self::Growth,
        Self::Isolation,
        Self::Overload,
    ];

    pub(crate) async fn run(self, bench: &Bench) -> Result<Section> {
        match self {
            Self::Throughput => throughput::run(bench).await,
            Self::Latency => latency::run(bench).await,
            Self::Memory => memory::run(bench).await,
            Self::Disk => disk::run(bench).await,
            Self::Reads => reads::run(bench).await,
            Self::Growth => growth::run(bench).await,
            Self::Isolation => isolation::run(bench).await,
            Self::Overload => overload::run(bench).await,
        }
    }
}
