//! The mailer: drains the alerts that the store owes to people.
//!
//! One thread of its own, beside everything else: a mail server that is slow or dead delays nothing but mail. An alert is
//! marked as sent after the mail server has taken it; a process that dies in between sends it again, under the same
//! `Message-ID`, by which mail programs know it.

mod letter;
mod post;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;
use sonnette::Sonnette;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{Alert, AlertEnd, Language};
use sonnette::engine::Tenant;
use sonnette::store::StoreError;
use tokio::sync::watch;

use self::letter::{About, Letter};
pub(crate) use self::post::{Post, PostError};
use crate::config::Settings;

/// How often the store is asked for alerts that are due.
const LOOK: Duration = Duration::from_millis(500);
/// The wait after the store could not be written.
const BACKOFF: Duration = Duration::from_secs(1);
/// Alerts of one look.
const BITE: usize = 100;

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
                    "no mail server is set: nobody is told when a webhook is switched off"
                );
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let mut address = settings.public_url.as_ref().map_or_else(
            || format!("http://{}", settings.listen),
            ToString::to_string,
        );
        if !address.ends_with('/') {
            address.push('/');
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, mut stopped) = watch::channel(false);
        let desk = Desk {
            sonnette,
            post,
            address,
        };
        let thread = std::thread::Builder::new()
            .name("mailer".to_owned())
            .spawn(move || {
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
        if self.thread.join().is_err() {
            tracing::error!("the mailer had panicked");
        }
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
    async fn run(&self) {
        loop {
            if let Err(error) = self.run_once().await {
                tracing::warn!(%error, "alerts could not be read or written");
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Tries everything that is due, once.
    async fn run_once(&self) -> Result<(), StoreError> {
        let due = self.sonnette.store().due_alerts(self.now(), BITE)?;
        for alert in due {
            let end = self.attempt(&alert).await?;
            tell(&alert, &end);
            // What has been sent must not be sent again because the disk is full.
            while let Err(error) = self
                .sonnette
                .store()
                .settle_alert(alert.id, &end, self.now())
            {
                tracing::warn!(%error, "what came of an alert could not be written down");
                tokio::time::sleep(BACKOFF).await;
            }
        }
        Ok(())
    }

    async fn attempt(&self, alert: &Alert) -> Result<AlertEnd, StoreError> {
        let registry = self.sonnette.refresh()?;
        let Some(tenant) = registry.tenant_by_id(alert.organizer) else {
            let error = "its organizer is gone".to_owned();
            return Ok(AlertEnd::GivenUp { error });
        };
        if self.now().duration_since(alert.at) >= Alert::LIFETIME {
            let error = "it could not be sent for four days".to_owned();
            return Ok(AlertEnd::GivenUp { error });
        }
        let (waiting, _) = self.sonnette.store().backlog(alert.webhook)?;
        let letter = match self.write(alert, tenant, waiting) {
            Ok(letter) => letter,
            Err(error) => {
                let error = error.to_string();
                return Ok(AlertEnd::GivenUp { error });
            }
        };
        let id = message_id(alert, tenant);
        let sent = self
            .post
            .send(&letter, &id, &alert.recipients, &alert.pending)
            .await;
        Ok(match sent {
            Ok(()) => AlertEnd::Sent,
            Err((left, error)) => alert.after_failure(left, error.to_string(), self.now()),
        })
    }

    fn write(&self, alert: &Alert, tenant: &Tenant, waiting: u64) -> Result<Letter, askama::Error> {
        let organizer = &tenant.organizer;
        let api = format!(
            "{}api/v1/organizers/{}/webhooks/{}/",
            self.address, organizer.slug, alert.webhook
        );
        letter::write(&About {
            alert,
            language: organizer.language,
            organizer: &organizer.name,
            address: &self.address,
            api: &api,
            waiting,
        })
    }

    fn now(&self) -> Timestamp {
        self.sonnette.clock().now()
    }
}

/// The same for an alert for ever, and for no other: the organizer's uuid tells installations apart.
fn message_id(alert: &Alert, tenant: &Tenant) -> String {
    format!(
        "alert-{}-{}-{}.{}",
        alert.kind,
        alert.webhook,
        alert.at.as_microsecond(),
        tenant.organizer.uuid
    )
}

fn tell(alert: &Alert, end: &AlertEnd) {
    let (webhook, kind) = (alert.webhook.0, alert.kind.as_str());
    match end {
        AlertEnd::Sent => {
            tracing::info!(webhook.id = webhook, alert = kind, "an alert was mailed");
        }
        AlertEnd::Waits { due_at, error, .. } => {
            tracing::warn!(webhook.id = webhook, alert = kind, %error, %due_at, "an alert could not be mailed yet");
        }
        AlertEnd::GivenUp { error } => {
            tracing::error!(webhook.id = webhook, alert = kind, %error, "an alert was never mailed: nobody has been told");
        }
    }
}

/// Sends a test mail, at once and once.
pub(crate) async fn send_test(settings: &Settings, to: &str) -> Result<(), PostError> {
    let post = Post::new(settings)?;
    let text = "This is a test: mail from Sonnette arrives.\n".to_owned();
    let letter = Letter {
        subject: "Test mail of Sonnette".to_owned(),
        html: format!(
            "<!DOCTYPE html>\n<html lang=\"{}\"><body><p>{}</p></body></html>\n",
            Language::English,
            text.trim()
        ),
        text,
    };
    let id = format!("test-{}", SystemClock.now().as_microsecond());
    let to = [to.to_owned()];
    post.send(&letter, &id, &to, &to)
        .await
        .map_err(|(_, error)| error)
}
