//! Memory and CPU time of a process, from `/proc`.

use std::time::Duration;

use anyhow::{Context as _, Result};

/// Linux counts CPU time for `/proc` in hundredths of a second on every machine.
const TICK: Duration = Duration::from_millis(10);

/// Bytes of memory.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) resident: u64,
    /// The most so far.
    pub(crate) peak: u64,
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    let kibibytes = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
            .with_context(|| format!("{path} has no {name}"))
    };
    Ok(Memory {
        resident: kibibytes("VmRSS:")? << 10,
        peak: kibibytes("VmHWM:")? << 10,
    })
}

/// The CPU time that a process has used, in its own code and in the kernel.
pub(crate) fn cpu_time(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| path.clone())?;
    // The name, in parentheses, may contain spaces.
    let (_, fields) = text.rsplit_once(')').context("stat has no name")?;
    let ticks: Vec<u32> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse)
        .collect::<Result<_, _>>()
        .context(path)?;
    Ok(TICK * ticks.iter().sum())
}
