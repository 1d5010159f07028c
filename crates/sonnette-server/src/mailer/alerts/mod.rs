//! Alerts: a webhook was disabled, or keeps failing.

mod content;

use sonnette::domain::{Alert, AlertResult};
use sonnette::engine::OrganizerSnapshot;
use sonnette::store::StoreError;

use self::content::AlertContent;
use super::context::{MAX_BATCH_ROWS, MailContext, POLL_INTERVAL};
use super::mail::Mail;

/// Sends the alerts that are due; never returns.
pub(super) async fn send_forever(context: &MailContext) {
    loop {
        if let Err(error) = send_due(context).await {
            tracing::warn!(%error, "cannot read the alerts that are due: {error}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Tries each alert that is due once.
async fn send_due(context: &MailContext) -> Result<(), StoreError> {
    let store = context.sonnette.store();
    for alert in store.due_alerts(context.now(), MAX_BATCH_ROWS)? {
        let result = send(context, &alert).await?;
        log_result(&alert, &result);
        let mail = format!("the {} alert of webhook {}", alert.kind, alert.webhook);
        context
            .save_result(&mail, || {
                store.record_alert_result(alert.id, &result, context.now())
            })
            .await;
    }
    Ok(())
}

async fn send(context: &MailContext, alert: &Alert) -> Result<AlertResult, StoreError> {
    let registry = context.sonnette.refresh().await?;
    let Some(organizer) = registry.organizer_by_id(alert.organizer) else {
        let error = "its organizer no longer exists".to_owned();
        return Ok(AlertResult::GivenUp { error });
    };
    if alert.is_expired(context.reading().trusted) {
        let error = "no attempt succeeded within four days".to_owned();
        return Ok(AlertResult::GivenUp { error });
    }
    let (pending_count, _) = context.sonnette.store().backlog(alert.webhook)?;
    let mail = match render(context, alert, &organizer, pending_count) {
        Ok(mail) => mail,
        Err(error) => {
            let error = error.to_string();
            return Ok(AlertResult::GivenUp { error });
        }
    };
    let id = message_id(alert, &organizer);
    let sent = context
        .smtp
        .send(&mail, &id, &alert.recipients, &alert.pending_recipients)
        .await;
    Ok(match sent {
        Ok(()) => AlertResult::Sent,
        Err(unsent) => alert.after_failure(
            unsent.recipients,
            unsent.error.to_string(),
            context.reading(),
        ),
    })
}

fn render(
    context: &MailContext,
    alert: &Alert,
    snapshot: &OrganizerSnapshot,
    pending_count: u64,
) -> Result<Mail, askama::Error> {
    let organizer = &snapshot.organizer;
    let path = format!("organizers/{}/webhooks/{}/", organizer.slug, alert.webhook);
    content::render(&AlertContent {
        alert,
        language: organizer.language,
        organizer: &organizer.name,
        page_url: &format!("{}{path}", context.base_url),
        api_url: &format!("{}api/v1/{path}", context.base_url),
        pending_count,
    })
}

/// The same for every attempt to mail this alert, and unique: the organizer's UUID distinguishes installations.
fn message_id(alert: &Alert, organizer: &OrganizerSnapshot) -> String {
    format!(
        "alert-{}-{}-{}.{}",
        alert.kind,
        alert.webhook,
        alert.at.as_microsecond(),
        organizer.organizer.uuid
    )
}

fn log_result(alert: &Alert, result: &AlertResult) {
    let (webhook, kind) = (alert.webhook.0, alert.kind.as_str());
    match result {
        AlertResult::Sent => {
            tracing::info!(
                webhook.id = webhook,
                alert = kind,
                "webhook {webhook}: mailed the {kind} alert"
            );
        }
        AlertResult::Waits { due_at, error, .. } => {
            tracing::warn!(
                webhook.id = webhook, alert = kind, %error, %due_at,
                "webhook {webhook}: cannot mail the {kind} alert, next attempt at {due_at}: {error}"
            );
        }
        AlertResult::GivenUp { error } => {
            tracing::error!(
                webhook.id = webhook, alert = kind, %error,
                "webhook {webhook}: gave up mailing the {kind} alert: {error}"
            );
        }
    }
}
