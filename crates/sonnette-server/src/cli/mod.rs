//! The command line: one file for each command.
//!
//! Results go to standard output, everything else to standard error. Exit codes: 0 success, 1 failure, 2 usage error.

mod backup;
mod choices;
mod demo;
mod doctor;
mod event;
mod healthcheck;
mod http_client;
mod ignored_flags;
mod listen;
mod local_store;
mod migrate;
mod openapi;
mod organizer;
mod output;
mod password_prompt;
mod publish;
mod restore;
mod resume;
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

use crate::config::{Flags, LogLevel, Settings, SettingsError, unknown_variables};
use crate::telemetry;

/// Delivers webhooks reliably.
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
    /// Run a server and a receiver on temporary data, and publish example notifications
    Demo(demo::Demo),
    /// Run the server
    Serve(serve::Serve),
    /// Create and list organizers (tenants)
    #[command(subcommand)]
    Organizer(organizer::Organizer),
    /// Create events of an organizer: concerts, fairs, seasons
    #[command(subcommand)]
    Event(event::Event),
    /// Create, list and revoke tokens of the REST API
    #[command(subcommand)]
    Token(token::Token),
    /// Create, invite, list and remove users of the dashboard
    #[command(subcommand)]
    User(user::User),
    /// List, create and test webhooks, and resend missed notifications
    #[command(subcommand)]
    Webhook(webhook::Webhook),
    /// Publish a notification over HTTP
    Publish(publish::Publish),
    /// Print the notifications of an organizer as they are published, over HTTP; optionally forward them
    Listen(listen::Listen),
    /// Copy the store to a new file; works while the server runs
    Backup(backup::Backup),
    /// Replace the store by a backup; the server must be stopped
    Restore(restore::Restore),
    /// Deliver what is held after `restore --hold`
    Resume(resume::Resume),
    /// Migrate the store to the schema of this version
    Migrate(migrate::Migrate),
    /// Check the settings, the store, the clock and the network
    Doctor(doctor::Doctor),
    /// Ask the running server whether it is ready: exit code 0 or 1
    Healthcheck(healthcheck::Healthcheck),
    /// Print the OpenAPI document of the REST API
    Openapi(openapi::Openapi),
}

/// A usage error: exit code 2 instead of 1.
#[derive(Debug)]
struct UsageError(String);

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UsageError {}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let CommandLine { command, flags } = CommandLine::parse();
    // The files that are created hold secrets, so only their owner may read them, also in an existing directory.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    match run(command, &flags) {
        Ok(code) => code,
        // The reader of the output has closed it.
        Err(error) if is_closed_pipe(&error) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            let is_usage_error = error.is::<UsageError>() || error.is::<SettingsError>();
            ExitCode::from(if is_usage_error { 2 } else { 1 })
        }
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
}

fn run(command: Command, flags: &Flags) -> Result<ExitCode> {
    let settings = match (&command, load_settings(&command, flags)) {
        // `doctor` reports the error as one of its findings.
        (Command::Doctor(doctor), Err(error)) => return Ok(doctor.report_invalid_settings(&error)),
        (_, settings) => settings?,
    };
    ignored_flags::warn(&command, flags);
    let default_level = if matches!(command, Command::Demo(_)) {
        Level::WARN
    } else {
        Level::INFO
    };
    let level = settings
        .log_level
        .clone()
        .unwrap_or_else(|| LogLevel::all(default_level));
    telemetry::start(&level, settings.log_format);
    match command {
        Command::Demo(command) => {
            // The address of a variable or a file is that of the server.
            let listen = flags.is_given("listen").then_some(settings.listen);
            command.run(&settings, listen)?;
        }
        Command::Serve(command) => command.run(&settings)?,
        Command::Organizer(command) => command.run(&settings)?,
        Command::Event(command) => command.run(&settings)?,
        Command::Token(command) => command.run(&settings)?,
        Command::User(command) => command.run(&settings)?,
        Command::Webhook(command) => return command.run(&settings),
        Command::Publish(command) => command.run(&settings)?,
        Command::Listen(command) => command.run(&settings)?,
        Command::Backup(command) => command.run(&settings)?,
        Command::Restore(command) => command.run(&settings)?,
        Command::Resume(command) => command.run(&settings)?,
        Command::Migrate(command) => command.run(&settings)?,
        Command::Doctor(command) => return Ok(command.run(&settings)),
        Command::Healthcheck(command) => command.run(&settings)?,
        Command::Openapi(command) => command.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the settings. A variable that may be a misspelt setting stops the commands whose settings matter most; the others
/// warn about it.
fn load_settings(command: &Command, flags: &Flags) -> Result<Settings, SettingsError> {
    let refuses_unknown = matches!(
        command,
        Command::Serve(_) | Command::Migrate(_) | Command::Restore(_) | Command::Doctor(_)
    );
    for error in unknown_variables(std::env::vars_os()) {
        if refuses_unknown {
            return Err(error);
        }
        eprintln!("warning: {error}");
    }
    Settings::load(flags, std::env::vars_os())
}

/// Runs a future on this thread.
fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let output = runtime.block_on(future);
    // A pending read of standard input must not keep the process alive.
    runtime.shutdown_background();
    output
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_tree_is_valid() {
        CommandLine::command().debug_assert();
    }
}
