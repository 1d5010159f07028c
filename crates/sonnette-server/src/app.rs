//! The running server: the engine, and the edge that takes requests.
//!
//! The edge runs on threads of its own, each with a runtime of its own that shares the listener, so that requests do not
//! wander between cores and never wait behind what is being sent.

mod edge;
mod leftover;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use sonnette::Sonnette;
use sonnette::clock::Clock;
use sonnette::domain::AlertRules;
use sonnette::engine::sender::SenderConfig;
use sonnette::engine::{Activity, Options, StartError, Supervisor, ThreadFailure};
use sonnette::store::Store;
use tokio::sync::{Semaphore, broadcast, oneshot, watch};

use self::edge::Edge;
use crate::config::Settings;
use crate::edge::AppState;
use crate::edge::HttpSettings;
use crate::mailer::{Mailer, MailerError};
use crate::rest;

/// The engine stops within four seconds; whoever waits for the process is promised five.
const PATIENCE: Duration = Duration::from_millis(4_500);

const DAY: u64 = 24 * 60 * 60;

/// A server that has not been given its listener yet.
pub(crate) struct App {
    sonnette: Arc<Sonnette>,
    mailer: Option<Mailer>,
    state: AppState,
    router: Router,
    threads: usize,
    max_connections: usize,
}

/// How far shutting down has come; the edge watches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// Requests are taken.
    Serving,
    /// No new connections; requests that have begun are answered.
    Stopping,
    /// The engine has stopped: what is still open is broken off.
    Stopped,
}

impl App {
    /// Starts the engine over `store`, and lays out the routes.
    pub(crate) fn build(
        settings: &Settings,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let sonnette = Sonnette::start(store, clock, options(settings))?;
        let mailer = Mailer::start(settings, sonnette.clone())?;
        let http_settings = HttpSettings {
            public_url: settings.public_url.clone(),
            trusted_proxies: settings.trusted_proxies.clone(),
            require_https: settings.require_https,
            allow_target: settings.allow_target.clone(),
            embed_origins: settings.embed_origins.clone(),
            mails: settings.mail.host.is_some(),
            log_days: settings.log_days,
            response_limit: usize::try_from(settings.response_limit_bytes).unwrap_or(usize::MAX),
            ..HttpSettings::default()
        };
        let state = AppState::new(sonnette.clone(), http_settings);
        let router = rest::router(state.clone());
        let max_connections = usize::try_from(settings.max_connections).unwrap_or(usize::MAX);
        let max_connections = max_connections.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            sonnette,
            mailer,
            state,
            router,
            threads: count(settings.threads),
            max_connections,
        })
    }

    /// What happens from now on.
    pub(crate) fn watch(&self) -> broadcast::Receiver<Arc<Activity>> {
        self.sonnette.watch()
    }

    /// Serves until `shutdown` is ready or a thread fails, then answers what has begun and stops the engine: within five
    /// seconds.
    ///
    /// # Errors
    /// [`AppError::ThreadFailed`] if a thread has failed: a server without it must not go on.
    pub(crate) async fn run(
        self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), AppError> {
        let address = listener.local_addr().map_err(AppError::Listener)?;
        listener.set_nonblocking(true).map_err(AppError::Listener)?;
        let (phase, watched) = watch::channel(Phase::Serving);
        let edge = Edge {
            router: self.router,
            connections: Arc::new(Semaphore::new(self.max_connections)),
            phase: watched,
        };
        let mut threads = Vec::new();
        for number in 0..self.threads {
            let listener = listener.try_clone().map_err(AppError::Listener)?;
            let thread = start_thread(self.sonnette.supervisor(), number, edge.clone(), listener)?;
            threads.push(thread);
        }
        drop((listener, edge));
        tracing::info!(%address, "listening on http://{address}");
        let failure = tokio::select! {
            () = shutdown => None,
            failure = self.sonnette.failed() => Some(failure),
        };
        tracing::info!("stopping");
        phase.send_replace(Phase::Stopping);
        if let Some(mailer) = self.mailer {
            mailer.stop();
        }
        if tokio::time::timeout(PATIENCE, self.sonnette.stop())
            .await
            .is_err()
        {
            tracing::error!(
                "the engine takes too long to stop; the store has what it needs to go on"
            );
        }
        phase.send_replace(Phase::Stopped);
        for (thread, ended) in threads {
            // The sender is dropped if the thread has failed, which has been reported.
            let _ = ended.await;
            let _ = thread.join();
        }
        let state = self.state;
        // Whatever goes wrong with it is in the log; nothing else depends on it.
        let _ = tokio::task::spawn_blocking(move || state.flush_token_use()).await;
        tracing::info!("stopped");
        failure.map_or(Ok(()), |failure| Err(AppError::ThreadFailed(failure)))
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    /// The engine did not start.
    #[error("the engine cannot start")]
    Engine(#[from] StartError),
    /// The mailer did not start.
    #[error("mail cannot be sent")]
    Mailer(#[from] MailerError),
    /// The listener cannot be shared among the threads.
    #[error("the listener cannot be set up")]
    Listener(#[source] io::Error),
    /// A thread or its runtime did not start.
    #[error("a thread cannot start")]
    Thread(#[source] io::Error),
    /// A thread failed while the server was running.
    #[error("the server cannot go on")]
    ThreadFailed(#[source] ThreadFailure),
}

type EdgeThread = (JoinHandle<()>, oneshot::Receiver<()>);

fn start_thread(
    supervisor: &Supervisor,
    number: usize,
    edge: Edge,
    listener: TcpListener,
) -> Result<EdgeThread, AppError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(16)
        .thread_name(format!("edge-{number}-work"))
        .build()
        .map_err(AppError::Thread)?;
    let (end, ended) = oneshot::channel();
    let name = format!("edge-{number}");
    let reports = supervisor.clone();
    let thread = supervisor
        .spawn(&name.clone(), move || {
            if let Err(error) = runtime.block_on(edge.serve(listener)) {
                reports.report(&name, &format!("requests cannot be accepted: {error}"));
            }
            runtime.shutdown_timeout(Duration::from_millis(100));
            // Nobody waits when the server failed to start.
            let _ = end.send(());
        })
        .map_err(AppError::Thread)?;
    Ok((thread, ended))
}

fn options(settings: &Settings) -> Options {
    let sender = SenderConfig {
        timeout: Duration::from_secs(settings.timeout_seconds),
        response_limit: usize::try_from(settings.response_limit_bytes).unwrap_or(usize::MAX),
        allow: settings.allow_target.clone(),
        require_https: settings.require_https,
        extra_ca: settings.extra_ca_file.clone(),
        ..SenderConfig::default()
    };
    Options {
        sender,
        log_kept: Duration::from_secs(settings.log_days * DAY),
        alerts: AlertRules {
            on_gone: settings.mail.on_gone,
            warning: settings.mail.warning,
        },
        sending_threads: count(settings.sending_threads),
    }
}

/// As many as asked for, else half of the cores, at least one.
fn count(asked: Option<u64>) -> usize {
    let half = || thread::available_parallelism().map_or(1, NonZeroUsize::get) / 2;
    asked
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or_else(half)
        .max(1)
}
