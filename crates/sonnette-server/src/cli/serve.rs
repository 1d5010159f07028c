//! `sonnette serve`.

mod action_types;

use std::io::{IsTerminal as _, stdout};
use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use sonnette::clock::SystemClock;
use sonnette::domain::Scope;
use sonnette::store::AccountStore as _;
use sonnette::store::sqlite::{DataDirectoryLock, SqliteStore};
use tokio::signal::unix::{SignalKind, signal};

use super::{block_on, output, registry, token};
use crate::app::App;
use crate::config::Settings;
use crate::credentials::{random_token, token_hash};

/// "File size limit exceeded", by the same number on Linux, macOS and the BSDs.
const SIGXFSZ: i32 = 25;

/// The command.
#[derive(Args)]
pub(super) struct Serve {}

impl Serve {
    #[expect(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        registry::embedded(settings)?;
        let _lock = DataDirectoryLock::acquire(&settings.data_dir)?;
        let store = registry::open(settings)?;
        register_operator(settings, &store)?;
        action_types::register(settings, &store)?;
        if store.users(None)?.is_empty() {
            tracing::info!(
                "nobody can log in to the dashboard yet: `sonnette user create EMAIL --operator`"
            );
        }
        allow_many_connections();
        let listener = TcpListener::bind(settings.listen)
            .with_context(|| format!("cannot listen on {}", settings.listen))?;
        block_on(async {
            // Before anything says that the server is there: from then on it ends in good order.
            let shutdown = asked_to_stop()?;
            outlive_full_files()?;
            let app = App::build(settings, Arc::new(store), Arc::new(SystemClock))?;
            Ok(app.run(listener, shutdown).await?)
        })
    }
}

/// Each request under way, in or out, is a file to the system, which allows few unless asked.
fn allow_many_connections() {
    if let Err(error) = rlimit::increase_nofile_limit(rlimit::INFINITY) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// Ready when the process is asked to end: SIGTERM, or SIGINT.
pub(super) fn asked_to_stop() -> Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// A file at the size limit of the process is an error of the write, as a full disk is, and not the end of the program.
fn outlive_full_files() -> Result<()> {
    // Once somebody has listened to a signal it no longer ends the process.
    drop(signal(SignalKind::from_raw(SIGXFSZ)).context("signals cannot be received")?);
    Ok(())
}

/// The token of the settings, if it is not known yet; on an empty store else a fresh one, for whoever sits at the
/// terminal.
fn register_operator(settings: &Settings, store: &SqliteStore) -> Result<()> {
    let registry = registry::read(store)?;
    let mut given = Vec::new();
    if let Some(text) = &settings.operator_token {
        given.push(text.expose().to_owned());
    }
    if let Some(path) = &settings.operator_token_file {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("operator_token_file: {} cannot be read", path.display()))?;
        given.push(text);
    }
    let nothing_given = given.is_empty();
    for text in given {
        let text = text.trim();
        if text.is_empty() || text.contains(char::is_whitespace) {
            bail!("the operator token of the settings is empty or has blanks in it");
        }
        let hash = token_hash(text);
        if registry.token(&hash).is_none() {
            token::add(store, text, "from the settings", Scope::Operator)?;
        }
    }
    let empty = registry.tokens().next().is_none() && registry.organizers().next().is_none();
    if nothing_given && empty && stdout().is_terminal() {
        let text = random_token()?;
        token::add(store, &text, "first start", Scope::Operator)?;
        output::line(format_args!("operator token (shown this once): {text}"))?;
    }
    Ok(())
}
