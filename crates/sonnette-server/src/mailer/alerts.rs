//! Alerts: that a webhook was switched off, or soon will be.

mod text;

use sonnette::domain::{Alert, AlertResult};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::StoreError;

use self::text::About;
use super::mail::Mail;
use super::{Desk, MAX_BATCH_ROWS, MAX_SCANNED_ATTEMPTS};

/// Sends whatever is due, for ever.
pub(super) async fn drain(desk: &Desk) {
    loop {
        if let Err(error) = desk.send_alerts().await {
            tracing::warn!(%error, "alerts could not be read");
        }
        tokio::time::sleep(MAX_SCANNED_ATTEMPTS).await;
    }
}

impl Desk {
    /// Tries everything that is due, once.
    async fn send_alerts(&self) -> Result<(), StoreError> {
        let due = self
            .sonnette
            .store()
            .due_alerts(self.now(), MAX_BATCH_ROWS)?;
        for alert in due {
            let end = self.send_alert(&alert).await?;
            tell(&alert, &end);
            let store = self.sonnette.store();
            self.write_down(|| store.record_alert_result(alert.id, &end, self.now()))
                .await;
        }
        Ok(())
    }

    async fn send_alert(&self, alert: &Alert) -> Result<AlertResult, StoreError> {
        let registry = self.sonnette.refresh().await?;
        let Some(tenant) = registry.organizer_by_id(alert.organizer) else {
            let error = "its organizer is gone".to_owned();
            return Ok(AlertResult::GivenUp { error });
        };
        if self.now().duration_since(alert.at) >= Alert::LIFETIME {
            let error = "it could not be sent for four days".to_owned();
            return Ok(AlertResult::GivenUp { error });
        }
        let (waiting, _) = self.sonnette.store().backlog(alert.webhook)?;
        let mail = match self.write_alert(alert, &tenant, waiting) {
            Ok(mail) => mail,
            Err(error) => {
                let error = error.to_string();
                return Ok(AlertResult::GivenUp { error });
            }
        };
        let id = message_id(alert, &tenant);
        let sent = self
            .post
            .send(&mail, &id, &alert.recipients, &alert.pending)
            .await;
        Ok(match sent {
            Ok(()) => AlertResult::Sent,
            Err((left, error)) => alert.after_failure(left, error.to_string(), self.now()),
        })
    }

    fn write_alert(
        &self,
        alert: &Alert,
        tenant: &OrganizerSnapshot,
        waiting: u64,
    ) -> Result<Mail, askama::Error> {
        let organizer = &tenant.organizer;
        let path = format!("organizers/{}/webhooks/{}/", organizer.slug, alert.webhook);
        text::write(&About {
            alert,
            language: organizer.language,
            organizer: &organizer.name,
            page: &format!("{}{path}", self.address),
            api: &format!("{}api/v1/{path}", self.address),
            waiting,
        })
    }
}

/// The same for an alert for ever, and for no other: the organizer's uuid tells installations apart.
fn message_id(alert: &Alert, tenant: &OrganizerSnapshot) -> String {
    format!(
        "alert-{}-{}-{}.{}",
        alert.kind,
        alert.webhook,
        alert.at.as_microsecond(),
        tenant.organizer.uuid
    )
}

fn tell(alert: &Alert, end: &AlertResult) {
    let (webhook, kind) = (alert.webhook.0, alert.kind.as_str());
    match end {
        AlertResult::Sent => {
            tracing::info!(webhook.id = webhook, alert = kind, "an alert was mailed");
        }
        AlertResult::Waits { due_at, error, .. } => {
            tracing::warn!(webhook.id = webhook, alert = kind, %error, %due_at, "an alert could not be mailed yet");
        }
        AlertResult::GivenUp { error } => {
            tracing::error!(webhook.id = webhook, alert = kind, %error, "an alert was never mailed: nobody has been told");
        }
    }
}
