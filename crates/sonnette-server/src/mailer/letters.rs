//! Letters: an invitation, or a forgotten password.
//!
//! The link of a letter is drawn when it is sent, and only its hash is kept; so each try has a link of its own. Those of
//! tries that failed stay until they expire: a mail may arrive although its server never said so.

mod text;

use sonnette::domain::{AccessLink, AccountEmail, AccountEmailKind, AccountEmailResult, Language};
use sonnette::store::StoreError;

use self::text::About;
use super::{Desk, MAX_BATCH_ROWS, MAX_SCANNED_ATTEMPTS};
use crate::credentials::{password_link, random_secret_text, token_hash};

/// Sends whatever is due, for ever.
pub(super) async fn drain(desk: &Desk) {
    loop {
        if let Err(error) = desk.send_letters().await {
            tracing::warn!(%error, "letters could not be read, or their links not written");
        }
        tokio::time::sleep(MAX_SCANNED_ATTEMPTS).await;
    }
}

impl Desk {
    /// Tries everything that is due, once.
    async fn send_letters(&self) -> Result<(), StoreError> {
        let due = self
            .sonnette
            .store()
            .due_account_emails(self.now(), MAX_BATCH_ROWS)?;
        for letter in due {
            let end = self.send_letter(&letter).await?;
            tell(&letter, &end);
            let store = self.sonnette.store();
            self.write_down(|| store.record_account_email_result(letter.id, &end, self.now()))
                .await;
        }
        Ok(())
    }

    async fn send_letter(&self, letter: &AccountEmail) -> Result<AccountEmailResult, StoreError> {
        let now = self.now();
        if letter.is_expired(now) {
            let error = "it could not be sent in time".to_owned();
            return Ok(AccountEmailResult::GivenUp { error });
        }
        let registry = self.sonnette.refresh().await?;
        let organizer = letter
            .organizer
            .and_then(|id| registry.organizer_by_id(id))
            .map(|tenant| tenant.organizer.clone());
        let language = match (letter.kind, &organizer) {
            (AccountEmailKind::Invitation, Some(organizer)) => organizer.language,
            _ => letter.language,
        };
        let secret = match random_secret_text() {
            Ok(secret) => secret,
            Err(error) => return Ok(letter.after_failure(error.to_string(), now)),
        };
        let link = AccessLink::new(letter.kind.purpose(letter.user), now);
        let name = organizer.as_ref().map(|organizer| organizer.name.as_str());
        let mail = match self.write_letter(letter, language, name, link, &secret) {
            Ok(mail) => mail,
            Err(error) => {
                let error = error.to_string();
                return Ok(AccountEmailResult::GivenUp { error });
            }
        };
        let hash = token_hash(&secret);
        self.sonnette.store().add_link(&hash, &link)?;
        let to = [letter.email.to_string()];
        let sent = self.post.send(&mail, &message_id(letter), &to, &to).await;
        Ok(match sent {
            Ok(()) => AccountEmailResult::Sent,
            Err((_, error)) => letter.after_failure(error.to_string(), self.now()),
        })
    }

    fn write_letter(
        &self,
        letter: &AccountEmail,
        language: Language,
        organizer: Option<&str>,
        link: AccessLink,
        secret: &str,
    ) -> Result<super::mail::Mail, askama::Error> {
        text::write(&About {
            kind: letter.kind,
            language,
            organizer,
            email: letter.email.as_str(),
            link: &password_link(&self.address, secret),
            until: link.expires,
        })
    }
}

/// The same for a letter for ever, and hardly for another: no two installations owe one in the same microsecond.
fn message_id(letter: &AccountEmail) -> String {
    format!(
        "letter-{}-{}-{}",
        letter.kind,
        letter.id,
        letter.at.as_microsecond()
    )
}

fn tell(letter: &AccountEmail, end: &AccountEmailResult) {
    let (user, kind) = (letter.user.0, letter.kind.as_str());
    match end {
        AccountEmailResult::Sent => {
            tracing::info!(user.id = user, letter = kind, "a letter was mailed")
        }
        AccountEmailResult::Waits { due_at, error } => {
            tracing::warn!(user.id = user, letter = kind, %error, %due_at, "a letter could not be mailed yet");
        }
        AccountEmailResult::GivenUp { error } => {
            tracing::error!(user.id = user, letter = kind, %error, "a letter was never mailed");
        }
    }
}
