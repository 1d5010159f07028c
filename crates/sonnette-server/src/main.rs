//! The program `sonnette`: parses the command line, runs the command, returns its exit code.

mod admin;
mod app;
mod cli;
mod config;
mod credentials;
mod dashboard;
mod edge;
mod mailer;
mod rest;
mod telemetry;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::main()
}
