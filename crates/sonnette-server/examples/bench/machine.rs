//! The machine, the date and the commit of a run.

use std::fs::read_to_string;
use std::process::Command;
use std::thread::available_parallelism;

use sonnette::clock::{Clock as _, SystemClock};

/// One paragraph for the report.
pub(crate) fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let cores = available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or(0, |kibibytes| (kibibytes + (1 << 19)) >> 20);
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let date = SystemClock.now().strftime("%Y-%m-%d");
    format!(
        "{cpu}, {cores} cores, {memory} GiB, Linux {}; {date}, commit {}.",
        kernel.trim(),
        commit()
    )
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn commit() -> String {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=10", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let changed = git(&["status", "--porcelain", "--untracked-files=no", "crates"]);
    if changed.is_some_and(|text| text.is_empty()) {
        commit
    } else {
        format!("{commit} with changes")
    }
}
