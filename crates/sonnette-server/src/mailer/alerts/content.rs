//! The text of an alert, in the organizer's language, as plain text and as HTML.

use askama::Template;
use jiff::Timestamp;
use sonnette::domain::{Alert, AlertKind, Language};

use crate::mailer::mail::{Mail, format_time, templates};

/// The values of an alert mail.
#[derive(Debug, Clone)]
pub(super) struct AlertContent<'a> {
    pub(super) alert: &'a Alert,
    pub(super) language: Language,
    /// The organizer's name.
    pub(super) organizer: &'a str,
    /// The webhook's page in the dashboard.
    pub(super) page_url: &'a str,
    /// The webhook in the REST API, with a trailing slash.
    pub(super) api_url: &'a str,
    /// How many deliveries are waiting now.
    pub(super) pending_count: u64,
}

/// The values as the templates print them.
struct TemplateFields<'a> {
    webhook: i64,
    organizer: &'a str,
    target: &'a str,
    gone: bool,
    at: String,
    at_api: String,
    since: String,
    failures: u32,
    last: String,
    pending_count: u64,
    page: &'a str,
    api: &'a str,
}

templates! { TemplateFields:
    OffSubjectEn "webhook_disabled/subject.en.txt"
    OffSubjectFr "webhook_disabled/subject.fr.txt"
    OffTextEn "webhook_disabled/body.en.txt"
    OffTextFr "webhook_disabled/body.fr.txt"
    OffHtmlEn "webhook_disabled/body.en.html"
    OffHtmlFr "webhook_disabled/body.fr.html"
    WarningSubjectEn "webhook_warning/subject.en.txt"
    WarningSubjectFr "webhook_warning/subject.fr.txt"
    WarningTextEn "webhook_warning/body.en.txt"
    WarningTextFr "webhook_warning/body.fr.txt"
    WarningHtmlEn "webhook_warning/body.en.html"
    WarningHtmlFr "webhook_warning/body.fr.html"
}

/// Renders the mail.
pub(super) fn render(content: &AlertContent<'_>) -> Result<Mail, askama::Error> {
    let alert = content.alert;
    let language = content.language;
    let f = &TemplateFields {
        webhook: alert.webhook.0,
        organizer: content.organizer,
        target: &alert.target,
        gone: alert.kind == AlertKind::Gone,
        at: format_time(alert.at, language),
        at_api: format_api_time(alert.at),
        since: format_time(alert.since, language),
        failures: alert.failures,
        last: last_result(alert, language),
        pending_count: content.pending_count,
        page: content.page_url,
        api: content.api_url,
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

/// The last status, or the reason for having none. The reason comes from the sender, in English.
fn last_result(alert: &Alert, language: Language) -> String {
    match (&alert.reason, alert.return_code, language) {
        (Some(reason), ..) => reason.clone(),
        (None, 0, Language::English) => "none".to_owned(),
        (None, 0, Language::French) => "aucune".to_owned(),
        (None, code, Language::English) => format!("status {code}"),
        (None, code, Language::French) => format!("statut {code}"),
    }
}

/// Formats a time for the `since` parameter of the API. Rounding down keeps the moment itself in the range.
fn format_api_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use sonnette::domain::{AlertId, OrganizerId, WebhookId};

    use super::*;

    fn mail(kind: AlertKind, language: Language, pending_count: u64) -> Mail {
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
            pending_recipients: Vec::new(),
            send_failures: 0,
        };
        render(&AlertContent {
            alert: &alert,
            language,
            organizer: "Big & Events",
            page_url: "https://hooks.example/organizers/bigevents/webhooks/7/",
            api_url: "https://hooks.example/api/v1/organizers/bigevents/webhooks/7/",
            pending_count,
        })
        .unwrap()
    }

    #[test]
    fn a_webhook_is_disabled_after_failures() {
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
    fn a_webhook_is_disabled_after_410() {
        for (name, language) in [
            ("gone_en", Language::English),
            ("gone_fr", Language::French),
        ] {
            let mail = mail(AlertKind::Gone, language, 0);
            insta::assert_snapshot!(name, format!("{}\n\n{}", mail.subject, mail.text));
        }
    }

    #[test]
    fn a_webhook_keeps_failing() {
        for (name, language) in [
            ("warning_en", Language::English),
            ("warning_fr", Language::French),
        ] {
            let mail = mail(AlertKind::Warning, language, 2);
            insta::assert_snapshot!(name, format!("{}\n\n{}", mail.subject, mail.text));
        }
    }
}
