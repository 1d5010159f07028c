//! Writes log lines to standard error: text on a terminal, JSON otherwise.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

use crate::config::{LogFormat, LogLevel};

/// Installs the log subscriber for the rest of the process.
pub(crate) fn start(level: &LogLevel, format: LogFormat) {
    let terminal = stderr().is_terminal();
    let lines = fmt::layer().with_writer(stderr);
    let lines = match format {
        LogFormat::Auto if !terminal => lines.json().flatten_event(true).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
        LogFormat::Auto | LogFormat::Text => lines.with_ansi(terminal).with_target(false).boxed(),
    };
    // A second call fails because the first subscriber is installed, which is fine.
    let _ = tracing_subscriber::registry()
        .with(lines.with_filter(level.0.clone()))
        .try_init();
}
