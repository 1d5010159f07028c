//! What a letter about an account says, as text and as HTML.

use askama::Template;
use jiff::Timestamp;
use sonnette::domain::{AccountEmailKind, Language};

use crate::mailer::mail::{Mail, templates, time};

/// What a letter is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) kind: AccountEmailKind,
    pub(super) language: Language,
    /// The name of the organizer on whose behalf it is.
    pub(super) organizer: Option<&'a str>,
    /// What the user logs in with.
    pub(super) email: &'a str,
    /// Where the password is chosen.
    pub(super) link: &'a str,
    /// How long.
    pub(super) until: Timestamp,
}

/// As the templates show it.
struct Facts<'a> {
    organizer: Option<&'a str>,
    email: &'a str,
    link: &'a str,
    until: String,
}

templates! { Facts:
    InvitationSubjectEn "invitation/subject.en.txt"
    InvitationSubjectFr "invitation/subject.fr.txt"
    InvitationTextEn "invitation/body.en.txt"
    InvitationTextFr "invitation/body.fr.txt"
    InvitationHtmlEn "invitation/body.en.html"
    InvitationHtmlFr "invitation/body.fr.html"
    ResetSubjectEn "reset/subject.en.txt"
    ResetSubjectFr "reset/subject.fr.txt"
    ResetTextEn "reset/body.en.txt"
    ResetTextFr "reset/body.fr.txt"
    ResetHtmlEn "reset/body.en.html"
    ResetHtmlFr "reset/body.fr.html"
}

/// Writes the letter.
pub(super) fn write(about: &About<'_>) -> Result<Mail, askama::Error> {
    let f = &Facts {
        organizer: about.organizer,
        email: about.email,
        link: about.link,
        until: time(about.until, about.language),
    };
    let (subject, text, html) = match (about.kind, about.language) {
        (AccountEmailKind::Invitation, Language::English) => (
            InvitationSubjectEn { f }.render()?,
            InvitationTextEn { f }.render()?,
            InvitationHtmlEn { f }.render()?,
        ),
        (AccountEmailKind::Invitation, Language::French) => (
            InvitationSubjectFr { f }.render()?,
            InvitationTextFr { f }.render()?,
            InvitationHtmlFr { f }.render()?,
        ),
        (AccountEmailKind::Reset, Language::English) => (
            ResetSubjectEn { f }.render()?,
            ResetTextEn { f }.render()?,
            ResetHtmlEn { f }.render()?,
        ),
        (AccountEmailKind::Reset, Language::French) => (
            ResetSubjectFr { f }.render()?,
            ResetTextFr { f }.render()?,
            ResetHtmlFr { f }.render()?,
        ),
    };
    Ok(Mail::new(&subject, text, html))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(kind: AccountEmailKind, language: Language, organizer: Option<&str>) -> String {
        let mail = write(&About {
            kind,
            language,
            organizer,
            email: "ada@example.org",
            link: "https://hooks.example/password/d0n0tt3ll/",
            until: "2026-08-01T12:30:15.5Z".parse().unwrap(),
        });
        let mail = mail.unwrap();
        format!("{}\n\n{}\n{}", mail.subject, mail.text, mail.html)
    }

    #[test]
    fn of_an_invitation() {
        let kind = AccountEmailKind::Invitation;
        let of = Some("Big & Events");
        insta::assert_snapshot!("invitation_en", letter(kind, Language::English, of));
        insta::assert_snapshot!("invitation_fr", letter(kind, Language::French, of));
        insta::assert_snapshot!("operator_en", letter(kind, Language::English, None));
        insta::assert_snapshot!("operator_fr", letter(kind, Language::French, None));
    }

    #[test]
    fn of_a_forgotten_password() {
        let kind = AccountEmailKind::Reset;
        insta::assert_snapshot!("reset_en", letter(kind, Language::English, None));
        insta::assert_snapshot!("reset_fr", letter(kind, Language::French, None));
    }
}
