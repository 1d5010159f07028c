//! The running server: the engine, the mailer, and the HTTP server.
//!
//! The HTTP server runs on several threads. Each has a single-threaded runtime and accepts connections from the shared
//! listener, so that a request stays on one core and never waits for deliveries.

mod file_limits;
mod router;

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use sonnette::Sonnette;
use sonnette::clock::Clock;
use sonnette::domain::AlertRules;
use sonnette::engine::sender::SenderConfig;
use sonnette::engine::{
    Activity, Options, StartError, Supervisor, ThreadFailure, lower_thread_priority,
};
use sonnette::store::Store;
use tokio::sync::{broadcast, oneshot, watch};
use url::Url;

use crate::config::Settings;
use crate::edge::connection_table::ConnectionTable;
use crate::edge::connections::{ConnectionServer, ShutdownPhase};
use crate::edge::{AppState, HttpSettings};
use crate::mailer::{Mailer, MailerError};

/// The engine stops within four seconds; the process must stop within five.
const ENGINE_STOP_TIMEOUT: Duration = Duration::from_millis(4_500);

const SECONDS_PER_DAY: u64 = 24 * 60 * 60;

/// A server without its listener.
pub(crate) struct App {
    sonnette: Arc<Sonnette>,
    mailer: Option<Mailer>,
    state: AppState,
    router: Router,
    threads: usize,
    connections: Arc<ConnectionTable>,
}

impl App {
    /// Starts the engine and the mailer over `store`, and builds the routes for a server that listens on `address`.
    pub(crate) fn build(
        settings: &Settings,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        address: SocketAddr,
    ) -> Result<Self, AppError> {
        let sonnette = Sonnette::start(store, clock, &options(settings))?;
        let mailer = Mailer::start(settings, sonnette.clone())?;
        let http_settings = HttpSettings {
            public_url: settings.public_url.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            require_https: settings.require_https,
            allow_target: settings.allow_target.clone(),
            embed_origins: settings.embed_origins.clone(),
            has_mail_server: settings.mail.host.is_some(),
            log_days: settings.log_days,
            cookie_suffix: cookie_suffix(settings, address),
            response_limit: usize::try_from(settings.response_limit_bytes).unwrap_or(usize::MAX),
            limits: file_limits::edge_limits(settings),
            ..HttpSettings::default()
        };
        let state = AppState::new(sonnette.clone(), http_settings);
        let router = router::router(state.clone());
        let limits = &state.settings.limits;
        let connections =
            ConnectionTable::new(limits.max_connections, limits.max_client_connections);
        Ok(Self {
            sonnette,
            mailer,
            state,
            router,
            threads: thread_count(settings.threads),
            connections,
        })
    }

    /// Subscribes to the engine's activity.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<Activity>> {
        self.sonnette.watch()
    }

    /// Serves until `shutdown` is ready or a thread fails, then answers the requests that have begun and stops the engine:
    /// within five seconds.
    ///
    /// # Errors
    /// [`AppError::ThreadFailed`] if a thread has failed: the server cannot work without it.
    pub(crate) async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), AppError> {
        let address = listener.local_addr().map_err(AppError::Listener)?;
        listener.set_nonblocking(true).map_err(AppError::Listener)?;
        let (phase, phase_receiver) = watch::channel(ShutdownPhase::Serving);
        let server = ConnectionServer {
            router: self.router.clone(),
            connections: self.connections.clone(),
            state: self.state.clone(),
            phase: phase_receiver,
        };
        let mut threads = Vec::new();
        for number in 0..self.threads {
            let listener = listener.try_clone().map_err(AppError::Listener)?;
            let thread =
                start_thread(self.sonnette.supervisor(), number, server.clone(), listener)?;
            threads.push(thread);
        }
        drop((listener, server));
        tracing::info!(%address, "listening on http://{address}");
        let failure = tokio::select! {
            () = shutdown => None,
            failure = self.sonnette.wait_for_failure() => Some(failure),
        };
        tracing::info!("stopping");
        phase.send_replace(ShutdownPhase::Stopping);
        if let Some(mailer) = self.mailer {
            mailer.stop();
        }
        if tokio::time::timeout(ENGINE_STOP_TIMEOUT, self.sonnette.stop())
            .await
            .is_err()
        {
            tracing::error!(
                "the engine did not stop in time; the next start continues from the store"
            );
        }
        phase.send_replace(ShutdownPhase::Stopped);
        for (thread, ended) in threads {
            // The sender is dropped if the thread has failed, which has been reported.
            let _ = ended.await;
            let _ = thread.join();
        }
        let state = self.state;
        // An error is logged there, and nothing depends on the result.
        let _ = tokio::task::spawn_blocking(move || state.flush_token_use()).await;
        tracing::info!("stopped");
        failure.map_or(Ok(()), |failure| Err(AppError::ThreadFailed(failure)))
    }
}

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The engine did not start.
    #[error("cannot start the engine")]
    Engine(#[from] StartError),
    /// The mailer did not start.
    #[error("cannot start the mailer")]
    Mailer(#[from] MailerError),
    /// The listener cannot be shared among the threads.
    #[error("cannot set up the listener")]
    Listener(#[source] io::Error),
    /// A thread or its runtime did not start.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    /// A thread failed while the server was running.
    #[error("the server cannot go on")]
    ThreadFailed(#[source] ThreadFailure),
}

type EdgeThread = (JoinHandle<()>, oneshot::Receiver<()>);

fn start_thread(
    supervisor: &Supervisor,
    number: usize,
    server: ConnectionServer,
    listener: TcpListener,
) -> Result<EdgeThread, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // More than the limits of all work on the store in sum, so that no kind of it takes the threads of another.
        .max_blocking_threads(32)
        .thread_name(format!("edge-{number}-blocking"))
        .on_thread_start(lower_thread_priority)
        .build()
        .map_err(AppError::Thread)?;
    let (end, ended) = oneshot::channel();
    let name = format!("edge-{number}");
    let reports = supervisor.clone();
    let thread = supervisor
        .spawn(&name.clone(), move || {
            if let Err(error) = runtime.block_on(server.serve(listener)) {
                reports.report(&name, &format!("requests cannot be accepted: {error}"));
            }
            runtime.shutdown_timeout(Duration::from_millis(100));
            // The receiver is gone if the server failed to start.
            let _ = end.send(());
        })
        .map_err(AppError::Thread)?;
    Ok((thread, ended))
}

/// How deliveries are sent.
pub(crate) fn sender_config(settings: &Settings) -> SenderConfig {
    SenderConfig {
        timeout: Duration::from_secs(settings.timeout_seconds),
        response_limit: usize::try_from(settings.response_limit_bytes).unwrap_or(usize::MAX),
        allow: settings.allow_target.clone(),
        require_https: settings.require_https,
        extra_ca: settings.extra_ca_file.clone(),
        ..SenderConfig::default()
    }
}

fn options(settings: &Settings) -> Options {
    let sending_threads = thread_count(settings.sending_threads);
    Options {
        sender: sender_config(settings),
        log_retention: Duration::from_secs(settings.log_days * SECONDS_PER_DAY),
        alerts: AlertRules {
            on_gone: settings.mail.on_gone,
            warning: settings.mail.warning,
        },
        sending_threads,
        max_in_flight: file_limits::max_in_flight(settings, sending_threads),
    }
}

/// The port under which browsers know the server.
fn cookie_suffix(settings: &Settings, address: SocketAddr) -> String {
    let public_port = settings
        .public_url
        .as_ref()
        .and_then(Url::port_or_known_default);
    format!("_{}", public_port.unwrap_or(address.port()))
}

/// The configured number of threads, or half of the cores; at least one.
fn thread_count(configured: Option<u64>) -> usize {
    let half_of_cores = || thread::available_parallelism().map_or(1, NonZeroUsize::get) / 2;
    configured
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or_else(half_of_cores)
        .max(1)
}
