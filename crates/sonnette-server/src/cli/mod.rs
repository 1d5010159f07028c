//! The command line: one file for each command.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 misuse.

mod audit;
mod backup;
mod demo;
mod doctor;
mod event;
mod http_client;
mod listen;
mod local_store;
mod migrate;
mod openapi;
mod organizer;
mod output;
mod password_prompt;
mod publish;
mod serve;
mod token;
mod user;
mod webhook;

use std::fmt;
use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use rustix::fs::Mode;
use tracing::Level;

use crate::config::{Flags, LogLevel, Settings, SettingsError};
use crate::telemetry;

/// Delivers webhooks, and loses none.
#[derive(Parser)]
#[command(
    name = "sonnette",
    version,
    arg_required_else_help = true,
    max_term_width = 110
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Shows all of it at work: a server, a receiver, webhooks, notifications, and what came of them
    Demo(demo::Demo),
    /// Runs the server
    Serve(serve::Serve),
    /// Creates and lists organizers: the tenants
    #[command(subcommand)]
    Organizer(organizer::Organizer),
    /// Creates events of an organizer: concerts, fairs, seasons
    #[command(subcommand)]
    Event(event::Event),
    /// Creates, lists and revokes tokens of the REST API
    #[command(subcommand)]
    Token(token::Token),
    /// Creates, invites, lists and removes users of the dashboard
    #[command(subcommand)]
    User(user::User),
    /// Lists, creates, tests webhooks, and sends again what they missed
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Publishes a notification, over HTTP
    Publish(publish::Publish),
    /// Shows what an organizer publishes as it happens, over HTTP; can pass it on to a program you develop
    Listen(listen::Listen),
    /// Copies the store into a new file, beside a running server
    Backup(backup::Backup),
    /// Brings the store to this version's shape
    Migrate(migrate::Migrate),
    /// Looks whether everything is in order
    Doctor(doctor::Doctor),
    /// Prints the OpenAPI document of the REST API
    Openapi(openapi::Openapi),
}

/// The command was used wrongly: exit code 2 instead of 1.
#[derive(Debug)]
struct Misuse(String);

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Misuse {}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let CommandLine { command, flags } = CommandLine::parse();
    // Whatever is made holds secrets: it is for its owner alone, also in a directory that was there before.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match run(command, &flags) {
        Ok(code) => code,
        // Whoever read our output has seen enough.
        Err(error) if is_closed_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            let misuse = error.is::<Misuse>() || error.is::<SettingsError>();
            ExitCode::from(if misuse { 2 } else { 1 })
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn run(command: Command, flags: &Flags) -> Result<ExitCode> {
    let settings = match (&command, Settings::load(flags, std::env::vars_os())) {
        // It says so itself, in its list of findings.
        (Command::Doctor(doctor), Err(error)) => return Ok(doctor.settings_are_wrong(&error)),
        (_, settings) => settings?,
    };
    let usual = if matches!(command, Command::Demo(_)) {
        Level::WARN
    } else {
        Level::INFO
    };
    let level = settings
        .log_level
        .clone()
        .unwrap_or_else(|| LogLevel::all(usual));
    telemetry::start(&level, settings.log_format);
    match command {
        Command::Demo(command) => command.run(&settings)?,
        Command::Serve(command) => command.run(&settings)?,
        Command::Organizer(command) => command.run(&settings)?,
        Command::Event(command) => command.run(&settings)?,
        Command::Token(command) => command.run(&settings)?,
        Command::User(command) => command.run(&settings)?,
        Command::Webhook(command) => return command.run(&settings),
        Command::Publish(command) => command.run(&settings)?,
        Command::Listen(command) => command.run(&settings)?,
        Command::Backup(command) => command.run(&settings)?,
        Command::Migrate(command) => command.run(&settings)?,
        Command::Doctor(command) => return Ok(command.run(&settings)),
        Command::Openapi(command) => command.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs what waits for the network, on this thread.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(future);
    // A read of standard input that still waits must not keep the process.
    runtime.shutdown_background();
    answer
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_sound() {
        CommandLine::command().debug_assert();
    }
}
