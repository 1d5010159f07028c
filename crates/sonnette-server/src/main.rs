//! The program sonnette: parse, run, exit code.

mod app;
mod cli;
mod config;
mod credentials;
mod http;
mod mailer;
mod telemetry;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
