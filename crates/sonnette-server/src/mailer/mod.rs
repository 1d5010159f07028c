//! The mailer: drains what the store owes to people, alerts about webhooks and letters about accounts.
//!
//! One thread of its own, beside everything else: a mail server that is slow or dead delays nothing but mail. A mail is
//! marked as sent after the mail server has taken it; a process that dies in between sends it again, under the same
//! `Message-ID`, by which mail programs know it.

mod alerts;
mod letters;
mod mail;
mod post;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use sonnette::Sonnette;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::Language;
use sonnette::store::StoreError;
use tokio::sync::watch;

use self::mail::Mail;
pub(crate) use self::post::{Post, PostError};
use crate::config::Settings;

/// How often the store is asked for mail that is due.
const MAX_SCANNED_ATTEMPTS: Duration = Duration::from_millis(500);
/// The wait after the store could not be written.
const BACKOFF: Duration = Duration::from_secs(1);
/// Mails of one look.
const MAX_BATCH_ROWS: usize = 100;

/// A running mailer.
pub(crate) struct Mailer {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

struct Desk {
    sonnette: Arc<Sonnette>,
    post: Post,
    /// Where people act; ends in a slash.
    address: String,
}

impl Mailer {
    /// Starts it, if the settings name a mail server.
    pub(crate) fn start(
        settings: &Settings,
        sonnette: Arc<Sonnette>,
    ) -> Result<Option<Self>, MailerError> {
        let post = match Post::new(settings) {
            Ok(post) => post,
            Err(PostError::NoServer) => {
                tracing::info!(
                    "no mail server is set: nobody is told when a webhook is switched off, or gets a link to a password"
                );
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, mut stopped) = watch::channel(false);
        let supervisor = sonnette.supervisor().clone();
        let desk = Desk {
            sonnette,
            post,
            address: settings.address(),
        };
        let thread = supervisor.spawn("mailer", move || {
            runtime.block_on(async {
                // What is under way when stopping is broken off; it goes again at the next start.
                tokio::select! {
                    () = desk.run() => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Some(Self { stop, thread }))
    }

    /// Ends it at once.
    pub(crate) fn stop(self) {
        self.stop.send_replace(true);
        // A failed thread has been reported.
        let _ = self.thread.join();
    }
}

/// Why there is no mailer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailerError {
    /// The settings make no sense.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The thread or its runtime did not start.
    #[error("a thread cannot start: {0}")]
    Thread(#[from] std::io::Error),
}

impl Desk {
    /// Drains both for ever, each in its own time: somebody waits for a letter, whatever waits of alerts.
    async fn run(&self) {
        tokio::join!(alerts::drain(self), letters::drain(self));
    }

    /// Writes down what came of a mail, however often that takes: what has been sent must not be sent again because the
    /// disk is full.
    async fn write_down(&self, write: impl Fn() -> Result<(), StoreError>) {
        while let Err(error) = write() {
            tracing::warn!(%error, "what came of a mail could not be written down");
            tokio::time::sleep(BACKOFF).await;
        }
    }

    fn now(&self) -> Timestamp {
        self.sonnette.clock().now()
    }
}

/// Sends a test mail, at once and once.
pub(crate) async fn send_test(settings: &Settings, to: &str) -> Result<(), PostError> {
    let post = Post::new(settings)?;
    let text = "This is a test: mail from Sonnette arrives.\n".to_owned();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\"><body><p>{}</p></body></html>\n",
        Language::English,
        text.trim()
    );
    let mail = Mail::new("Test mail of Sonnette", text, html);
    let id = format!("test-{}", SystemClock.now().as_microsecond());
    let to = [to.to_owned()];
    post.send(&mail, &id, &to, &to)
        .await
        .map_err(|(_, error)| error)
}
