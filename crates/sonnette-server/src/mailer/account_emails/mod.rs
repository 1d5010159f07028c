//! Account emails: invitations and password resets.
//!
//! The link of an email is generated when the email is sent, and only its hash is stored. Each attempt therefore has a
//! link of its own. The links of failed attempts remain valid until they expire, because a mail may arrive although the
//! mail server did not confirm it.

mod content;

use sonnette::domain::{AccessLink, AccountEmail, AccountEmailKind, AccountEmailResult, Language};
use sonnette::store::StoreError;

use self::content::AccountEmailContent;
use super::context::{MAX_BATCH_ROWS, MailContext, POLL_INTERVAL};
use super::mail::Mail;
use crate::credentials::{password_link, random_session_token, token_hash};

/// Sends the account emails that are due; never returns.
pub(super) async fn send_forever(context: &MailContext) {
    loop {
        if let Err(error) = send_due(context).await {
            tracing::warn!(%error, "cannot read the account emails that are due, or store a link: {error}");
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Tries each account email that is due once.
async fn send_due(context: &MailContext) -> Result<(), StoreError> {
    let store = context.sonnette.store();
    for email in store.due_account_emails(context.now(), MAX_BATCH_ROWS)? {
        let result = send(context, &email).await?;
        log_result(&email, &result);
        let mail = format!("the {} email of user {}", email.kind, email.user);
        context
            .save_result(&mail, || {
                store.record_account_email_result(email.id, &result, context.now())
            })
            .await;
    }
    Ok(())
}

async fn send(
    context: &MailContext,
    email: &AccountEmail,
) -> Result<AccountEmailResult, StoreError> {
    let reading = context.reading();
    let now = reading.now;
    if email.is_expired(reading.trusted) {
        let error = "no attempt succeeded in time".to_owned();
        return Ok(AccountEmailResult::GivenUp { error });
    }
    let registry = context.sonnette.refresh().await?;
    let organizer = email
        .organizer
        .and_then(|id| registry.organizer_by_id(id))
        .map(|organizer| organizer.organizer.clone());
    let language = match (email.kind, &organizer) {
        (AccountEmailKind::Invitation, Some(organizer)) => organizer.language,
        _ => email.language,
    };
    let secret = match random_session_token() {
        Ok(secret) => secret,
        Err(error) => return Ok(email.after_failure(error.to_string(), reading)),
    };
    let link = AccessLink::new(email.kind.purpose(email.user), now);
    let name = organizer.as_ref().map(|organizer| organizer.name.as_str());
    let mail = match render(context, email, language, name, link, &secret) {
        Ok(mail) => mail,
        Err(error) => {
            let error = error.to_string();
            return Ok(AccountEmailResult::GivenUp { error });
        }
    };
    let hash = token_hash(&secret);
    context.sonnette.store().add_link(&hash, &link)?;
    let to = [email.email.to_string()];
    let sent = context.smtp.send(&mail, &message_id(email), &to, &to).await;
    Ok(match sent {
        Ok(()) => AccountEmailResult::Sent,
        Err(unsent) => email.after_failure(unsent.error.to_string(), context.reading()),
    })
}

fn render(
    context: &MailContext,
    email: &AccountEmail,
    language: Language,
    organizer: Option<&str>,
    link: AccessLink,
    secret: &str,
) -> Result<Mail, askama::Error> {
    content::render(&AccountEmailContent {
        kind: email.kind,
        language,
        organizer,
        email: email.email.as_str(),
        link: &password_link(&context.base_url, secret),
        expires: link.expires,
    })
}

/// The same for every attempt to send this email. Another installation would need the same id in the same microsecond.
fn message_id(email: &AccountEmail) -> String {
    format!(
        "letter-{}-{}-{}",
        email.kind,
        email.id,
        email.at.as_microsecond()
    )
}

fn log_result(email: &AccountEmail, result: &AccountEmailResult) {
    let (user, kind) = (email.user.0, email.kind.as_str());
    match result {
        AccountEmailResult::Sent => {
            tracing::info!(
                user.id = user,
                email = kind,
                "user {user}: mailed the {kind} email"
            );
        }
        AccountEmailResult::Waits { due_at, error } => {
            tracing::warn!(
                user.id = user, email = kind, %error, %due_at,
                "user {user}: cannot mail the {kind} email, next attempt at {due_at}: {error}"
            );
        }
        AccountEmailResult::GivenUp { error } => {
            tracing::error!(
                user.id = user, email = kind, %error,
                "user {user}: gave up mailing the {kind} email: {error}"
            );
        }
    }
}
