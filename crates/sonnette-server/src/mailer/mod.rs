//! Sends the mail that the store holds: alerts about webhooks, and emails about accounts.
//!
//! The mailer has a thread of its own, so that a slow or dead mail server delays nothing but mail. A mail is marked as
//! sent after the mail server has accepted it. A process that dies in between sends it again under the same
//! `Message-ID`, by which mail programs recognize it.

mod account_emails;
mod alerts;
mod context;
mod mail;
mod smtp;

use std::sync::Arc;
use std::thread::JoinHandle;

use sonnette::Sonnette;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::Language;
use tokio::sync::watch;

use self::context::MailContext;
use self::mail::Mail;
use self::smtp::{SmtpClient, SmtpError};
use crate::config::Settings;

/// A running mailer.
pub(crate) struct Mailer {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl Mailer {
    /// Starts the mailer if the settings name a mail server.
    pub(crate) fn start(
        settings: &Settings,
        sonnette: Arc<Sonnette>,
    ) -> Result<Option<Self>, MailerError> {
        let smtp = match SmtpClient::new(settings) {
            Ok(smtp) => smtp,
            Err(SmtpError::NoServer) => {
                tracing::info!(
                    "no mail server is set (mail.host): no alerts, invitations or password links are mailed"
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
        let context = MailContext {
            sonnette,
            smtp,
            base_url: settings.base_url(),
        };
        let thread = supervisor.spawn("mailer", move || {
            runtime.block_on(async {
                // A mail that is being sent when the mailer stops is sent again after the next start.
                tokio::select! {
                    () = send_all(&context) => {}
                    _ = stopped.wait_for(|stop| *stop) => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Some(Self { stop, thread }))
    }

    /// Stops the mailer at once.
    pub(crate) fn stop(self) {
        self.stop.send_replace(true);
        // A failed thread has been reported.
        let _ = self.thread.join();
    }
}

/// Sends alerts and account emails independently: a user waits for an account email, however many alerts are due.
async fn send_all(context: &MailContext) {
    tokio::join!(
        alerts::send_forever(context),
        account_emails::send_forever(context)
    );
}

/// Why the mailer did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailerError {
    /// The mail settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SmtpError),
    /// The thread or its runtime did not start.
    #[error("cannot start the mailer's thread")]
    Thread(#[from] std::io::Error),
}

/// Sends one test mail, without a retry.
pub(crate) async fn send_test(settings: &Settings, to: &str) -> Result<(), SmtpError> {
    let smtp = SmtpClient::new(settings)?;
    let text = "This is a test mail from Sonnette.\n".to_owned();
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\"><body><p>{}</p></body></html>\n",
        Language::English,
        text.trim()
    );
    let mail = Mail::new("Test mail from Sonnette", text, html);
    let id = format!("test-{}", SystemClock.now().as_microsecond());
    let to = [to.to_owned()];
    smtp.send(&mail, &id, &to, &to)
        .await
        .map_err(|unsent| unsent.error)
}
