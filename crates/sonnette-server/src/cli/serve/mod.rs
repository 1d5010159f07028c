//! `sonnette serve`.

mod action_types;

use std::io::{IsTerminal as _, stdout};
use std::net::TcpListener;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Args;
use sonnette::clock::SystemClock;
use sonnette::domain::Scope;
use sonnette::store::AccountStore as _;
use sonnette::store::sqlite::{DataDirectoryLock, SqliteStore};
use tokio::signal::unix::{SignalKind, signal};

use super::{block_on, local_store, output, token};
use crate::app::App;
use crate::config::Settings;
use crate::credentials::{random_token, token_hash};

/// "File size limit exceeded": the same number on Linux, macOS and the BSDs.
const SIGXFSZ: i32 = 25;

/// The arguments of the command.
#[derive(Args)]
pub(super) struct Serve {}

impl Serve {
    #[expect(clippy::unused_self, reason = "every command is run the same way")]
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        local_store::check_database_url(settings)?;
        // Before a store is created: a setting that is refused leaves nothing behind.
        settings.operator_tokens()?;
        let _lock = DataDirectoryLock::acquire(&settings.data_dir)?;
        let store = local_store::open_or_create(settings)?;
        register_operator_token(settings, &store)?;
        action_types::sync(settings, &store)?;
        if let Some(since) = local_store::registry(&store)?.hold() {
            tracing::warn!(
                "deliveries are held since {since} after a restore: nothing is sent except tests until `sonnette resume`"
            );
        }
        if store.users(None)?.is_empty() {
            tracing::info!(
                "the dashboard has no user yet; create one with `sonnette user create EMAIL --operator`"
            );
        }
        let listener = TcpListener::bind(settings.listen).with_context(|| {
            let address = settings.listen;
            format!("cannot listen on {address} (choose another address with --listen)")
        })?;
        block_on(async {
            // Installed before the server reports that it listens: from then on a signal stops it gracefully.
            let shutdown = shutdown_signal()?;
            ignore_file_size_signal()?;
            let address = listener.local_addr()?;
            let app = App::build(settings, Arc::new(store), Arc::new(SystemClock), address)?;
            Ok(app.run(listener, shutdown).await?)
        })
    }
}

/// Completes when the process receives SIGTERM or SIGINT.
pub(super) fn shutdown_signal() -> Result<impl Future<Output = ()>> {
    let mut terminate =
        signal(SignalKind::terminate()).context("cannot install a signal handler")?;
    let mut interrupt =
        signal(SignalKind::interrupt()).context("cannot install a signal handler")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Makes a write beyond the file size limit an error, like a full disk, instead of ending the process.
fn ignore_file_size_signal() -> Result<()> {
    // A signal with a handler does not end the process, even after the handler is dropped.
    drop(signal(SignalKind::from_raw(SIGXFSZ)).context("cannot install a signal handler")?);
    Ok(())
}

/// Stores the operator token of the settings. If there is none, the store is empty and standard output is a terminal,
/// generates a token and prints it.
fn register_operator_token(settings: &Settings, store: &SqliteStore) -> Result<()> {
    let registry = local_store::registry(store)?;
    let configured = settings.operator_tokens()?;
    let is_configured = !configured.is_empty();
    for token in configured {
        let hash = token_hash(token.expose());
        if registry.token(&hash).is_none() {
            token::add(store, token.expose(), "from the settings", Scope::Operator)?;
        }
    }
    let is_empty = registry.tokens().next().is_none() && registry.organizers().next().is_none();
    if !is_configured && is_empty && stdout().is_terminal() {
        let text = random_token()?;
        token::add(store, &text, "first start", Scope::Operator)?;
        output::print_line(format_args!(
            "operator token (it is not shown again): {text}"
        ))?;
    }
    Ok(())
}
