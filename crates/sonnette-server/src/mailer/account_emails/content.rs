//! The text of an account email, as plain text and as HTML.

use askama::Template;
use jiff::Timestamp;
use sonnette::domain::{AccountEmailKind, Language};

use crate::mailer::mail::{Mail, format_time, templates};

/// The values of an account email.
#[derive(Debug, Clone, Copy)]
pub(super) struct AccountEmailContent<'a> {
    pub(super) kind: AccountEmailKind,
    pub(super) language: Language,
    /// The name of the organizer that the user is invited to.
    pub(super) organizer: Option<&'a str>,
    /// The address that the user logs in with.
    pub(super) email: &'a str,
    /// The page on which the user chooses a password.
    pub(super) link: &'a str,
    /// When the link expires.
    pub(super) expires: Timestamp,
}

/// The values as the templates print them.
struct TemplateFields<'a> {
    organizer: Option<&'a str>,
    email: &'a str,
    link: &'a str,
    until: String,
}

templates! { TemplateFields:
    InvitationSubjectEn "invitation/subject.en.txt"
    InvitationSubjectFr "invitation/subject.fr.txt"
    InvitationTextEn "invitation/body.en.txt"
    InvitationTextFr "invitation/body.fr.txt"
    InvitationHtmlEn "invitation/body.en.html"
    InvitationHtmlFr "invitation/body.fr.html"
    ResetSubjectEn "password_reset/subject.en.txt"
    ResetSubjectFr "password_reset/subject.fr.txt"
    ResetTextEn "password_reset/body.en.txt"
    ResetTextFr "password_reset/body.fr.txt"
    ResetHtmlEn "password_reset/body.en.html"
    ResetHtmlFr "password_reset/body.fr.html"
}

/// Renders the email.
pub(super) fn render(content: &AccountEmailContent<'_>) -> Result<Mail, askama::Error> {
    let f = &TemplateFields {
        organizer: content.organizer,
        email: content.email,
        link: content.link,
        until: format_time(content.expires, content.language),
    };
    let (subject, text, html) = match (content.kind, content.language) {
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

    fn rendered(kind: AccountEmailKind, language: Language, organizer: Option<&str>) -> String {
        let mail = render(&AccountEmailContent {
            kind,
            language,
            organizer,
            email: "ada@example.org",
            link: "https://hooks.example/password/d0n0tt3ll/",
            expires: "2026-08-01T12:30:15.5Z".parse().unwrap(),
        });
        let mail = mail.unwrap();
        format!("{}\n\n{}\n{}", mail.subject, mail.text, mail.html)
    }

    #[test]
    fn an_invitation() {
        let kind = AccountEmailKind::Invitation;
        let organizer = Some("Big & Events");
        insta::assert_snapshot!(
            "invitation_en",
            rendered(kind, Language::English, organizer)
        );
        insta::assert_snapshot!("invitation_fr", rendered(kind, Language::French, organizer));
        insta::assert_snapshot!("operator_en", rendered(kind, Language::English, None));
        insta::assert_snapshot!("operator_fr", rendered(kind, Language::French, None));
    }

    #[test]
    fn a_password_reset() {
        let kind = AccountEmailKind::Reset;
        insta::assert_snapshot!("reset_en", rendered(kind, Language::English, None));
        insta::assert_snapshot!("reset_fr", rendered(kind, Language::French, None));
    }
}
