//! What a mail about a webhook says: in the organizer's language, as text and as HTML.

use askama::Template;
use jiff::Timestamp;
use sonnette::domain::{Alert, AlertKind, Language};

use crate::mailer::mail::{Mail, templates, time};

/// What a mail is about, beside the alert itself.
#[derive(Debug, Clone)]
pub(super) struct About<'a> {
    pub(super) alert: &'a Alert,
    pub(super) language: Language,
    /// The organizer's name.
    pub(super) organizer: &'a str,
    /// The webhook's page, where people act.
    pub(super) page: &'a str,
    /// The webhook in the API, with a slash at its end.
    pub(super) api: &'a str,
    /// Deliveries that wait now.
    pub(super) waiting: u64,
}

/// As the templates show it.
struct Facts<'a> {
    webhook: i64,
    organizer: &'a str,
    target: &'a str,
    gone: bool,
    at: String,
    at_api: String,
    since: String,
    failures: u32,
    last: String,
    waiting: u64,
    page: &'a str,
    api: &'a str,
}

templates! { Facts:
    OffSubjectEn "switched_off/subject.en.txt"
    OffSubjectFr "switched_off/subject.fr.txt"
    OffTextEn "switched_off/body.en.txt"
    OffTextFr "switched_off/body.fr.txt"
    OffHtmlEn "switched_off/body.en.html"
    OffHtmlFr "switched_off/body.fr.html"
    WarningSubjectEn "warning/subject.en.txt"
    WarningSubjectFr "warning/subject.fr.txt"
    WarningTextEn "warning/body.en.txt"
    WarningTextFr "warning/body.fr.txt"
    WarningHtmlEn "warning/body.en.html"
    WarningHtmlFr "warning/body.fr.html"
}

/// Writes the mail.
pub(super) fn write(about: &About<'_>) -> Result<Mail, askama::Error> {
    let alert = about.alert;
    let language = about.language;
    let f = &Facts {
        webhook: alert.webhook.0,
        organizer: about.organizer,
        target: &alert.target,
        gone: alert.kind == AlertKind::Gone,
        at: time(alert.at, language),
        at_api: whole_second(alert.at),
        since: time(alert.since, language),
        failures: alert.failures,
        last: last(alert, language),
        waiting: about.waiting,
        page: about.page,
        api: about.api,
    };
    let (subject, text, html) = match (alert.kind, language) {
        (AlertKind::Failures | AlertKind::Gone, Language::English) => (
            OffSubjectEn { f }.render()?,
            OffTextEn { f }.render()?,
            OffHtmlEn { f }.render()?,
        ),
        (AlertKind::Failures | AlertKind::Gone, Language::French) => (
            OffSubjectFr { f }.render()?,
            OffTextFr { f }.render()?,
            OffHtmlFr { f }.render()?,
        ),
        (AlertKind::Warning, Language::English) => (
            WarningSubjectEn { f }.render()?,
            WarningTextEn { f }.render()?,
            WarningHtmlEn { f }.render()?,
        ),
        (AlertKind::Warning, Language::French) => (
            WarningSubjectFr { f }.render()?,
            WarningTextFr { f }.render()?,
            WarningHtmlFr { f }.render()?,
        ),
    };
    Ok(Mail::new(&subject, text, html))
}

/// The last status, or why there was none; the reason is written by the sender, in English.
fn last(alert: &Alert, language: Language) -> String {
    match (&alert.reason, alert.return_code, language) {
        (Some(reason), ..) => reason.clone(),
        (None, 0, Language::English) => "none".to_owned(),
        (None, 0, Language::French) => "aucune".to_owned(),
        (None, code, Language::English) => format!("status {code}"),
        (None, code, Language::French) => format!("statut {code}"),
    }
}

/// As the API takes it, rounded down: what is asked for since then includes the moment itself.
fn whole_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use sonnette::domain::{AlertId, OrganizerId, WebhookId};

    use super::*;

    fn mail(kind: AlertKind, language: Language, waiting: u64) -> Mail {
        let alert = Alert {
            id: AlertId(1),
            organizer: OrganizerId(1),
            webhook: WebhookId(7),
            kind,
            at: "2026-08-01T12:30:15.5Z".parse().unwrap(),
            target: "https://erp.example/in".to_owned(),
            failures: 20,
            since: "2026-08-01T11:00:00Z".parse().unwrap(),
            return_code: if kind == AlertKind::Gone { 410 } else { 503 },
            reason: None,
            recipients: Vec::new(),
            pending: Vec::new(),
            tries: 0,
        };
        write(&About {
            alert: &alert,
            language,
            organizer: "Big & Events",
            page: "https://hooks.example/organizers/bigevents/webhooks/7/",
            api: "https://hooks.example/api/v1/organizers/bigevents/webhooks/7/",
            waiting,
        })
        .unwrap()
    }

    #[test]
    fn of_failures() {
        let mail = mail(AlertKind::Failures, Language::English, 12);
        insta::assert_snapshot!(
            "failures_en_text",
            format!("{}\n\n{}", mail.subject, mail.text)
        );
        insta::assert_snapshot!("failures_en_html", mail.html);
        let mail = self::mail(AlertKind::Failures, Language::French, 1);
        insta::assert_snapshot!(
            "failures_fr_text",
            format!("{}\n\n{}", mail.subject, mail.text)
        );
        insta::assert_snapshot!("failures_fr_html", mail.html);
    }

    #[test]
    fn of_gone() {
        for (name, language) in [
            ("gone_en", Language::English),
            ("gone_fr", Language::French),
        ] {
            let mail = mail(AlertKind::Gone, language, 0);
            insta::assert_snapshot!(name, format!("{}\n\n{}", mail.subject, mail.text));
        }
    }

    #[test]
    fn of_a_warning() {
        for (name, language) in [
            ("warning_en", Language::English),
            ("warning_fr", Language::French),
        ] {
            let mail = mail(AlertKind::Warning, language, 2);
            insta::assert_snapshot!(name, format!("{}\n\n{}", mail.subject, mail.text));
        }
    }
}
