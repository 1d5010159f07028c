//! Measures the built program on this machine: `bench PROGRAM [--full] [--only CASE]… [--directory DIR] [--docs DIR]`.
//!
//! Load, server and receiver share the machine and talk over loopback. Throughput is given as a share of the raw limit,
//! which is measured right before and right after, because machines are noisy. All counts are checked: a run in which
//! anything is lost, or comes twice, fails.

#![expect(
    clippy::cast_precision_loss,
    reason = "counts and sizes are far below 2^52"
)]

mod cases;
mod chart;
mod client;
mod installation;
mod load;
mod machine;
mod process_stats;
mod raw_limit;
mod receiver;
mod report;
mod scale;
mod server;
mod statistics;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use sonnette::clock::{Clock as _, SystemClock};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use crate::cases::Case;
use crate::report::Section;
use crate::scale::Scale;

#[derive(Parser)]
struct Arguments {
    /// The built `sonnette`
    program: PathBuf,
    /// Measure with the numbers of the documentation, for about half an hour
    #[arg(long)]
    full: bool,
    /// Measure only this case; repeatable
    #[arg(long = "only", value_name = "CASE", value_enum)]
    only: Vec<Case>,
    /// Directory for the stores, on the disk to be measured [default: the directory for temporary files]
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Directory of the documentation whose figures are replaced after all cases
    #[arg(long)]
    docs: Option<PathBuf>,
}

/// What all cases need.
struct Bench {
    program: PathBuf,
    /// Where stores are created.
    directory: PathBuf,
    scale: Scale,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run_until_signal(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Servers and receivers end when the run is dropped.
async fn run_until_signal(arguments: Arguments) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        result = run(arguments) => result,
        _ = terminate.recv() => bail!("terminated"),
        _ = interrupt.recv() => bail!("interrupted"),
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Some(directory) = &arguments.directory {
        std::fs::create_dir_all(directory)?;
    }
    let bench = Bench {
        program: arguments
            .program
            .canonicalize()
            .context("no such program")?,
        directory: arguments.directory.unwrap_or_else(std::env::temp_dir),
        scale: if arguments.full {
            Scale::full()
        } else {
            Scale::short()
        },
    };
    let introduction = introduction(&bench);
    println!("{introduction}\n");
    let (mut sections, mut failed) = (Vec::new(), Vec::new());
    for case in Case::ALL {
        if !arguments.only.is_empty() && !arguments.only.contains(&case) {
            continue;
        }
        let began = SystemClock.instant();
        let result = timeout(bench.scale.case_timeout, case.run(&bench)).await;
        match result.context("the case took too long").flatten() {
            Ok(section) => {
                println!("{}", section.markdown());
                sections.push(section);
            }
            Err(error) => {
                println!("### {case:?} failed\n\n{error:#}\n");
                failed.push(format!("{case:?}"));
            }
        }
        eprintln!("{case:?}: {:.0} s", began.elapsed().as_secs_f64());
    }
    finish(
        arguments.docs,
        &arguments.only,
        &introduction,
        &sections,
        &failed,
    )
}

fn finish(
    docs: Option<PathBuf>,
    only: &[Case],
    introduction: &str,
    sections: &[Section],
    failed: &[String],
) -> Result<()> {
    if !failed.is_empty() {
        bail!("these cases failed: {}", failed.join(", "));
    }
    if let Some(docs) = docs.filter(|_| only.is_empty()) {
        report::write(&docs, introduction, sections)?;
        println!(
            "The figures are in {}.",
            docs.join("performance.md").display()
        );
    }
    Ok(())
}

fn introduction(bench: &Bench) -> String {
    format!(
        "{} `{}`, {} rounds. Load generator, server, store and receiver share the machine and talk over loopback. \
         The raw limit is the number of POST requests a second that hyper sends to the same receiver over {} connections with \
         nothing stored; it is measured right before and right after each figure that is given as a share of it. Figures are \
         medians of the rounds, with the range in parentheses. The run fails unless all accepted publications arrive, and arrive \
         once (after a SIGKILL: at least once).",
        machine::describe(),
        bench.scale.command,
        bench.scale.rounds,
        load::CONNECTIONS,
    )
}
