//! What a mail says: in the organizer's language, as text and as HTML.

use askama::Template;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use sonnette::domain::{Alert, AlertKind, Language};

/// A mail before it has an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// What a letter is about, beside the alert itself.
#[derive(Debug, Clone)]
pub(super) struct About<'a> {
    pub(super) alert: &'a Alert,
    pub(super) language: Language,
    /// The organizer's name.
    pub(super) organizer: &'a str,
    /// Where people act.
    pub(super) address: &'a str,
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
    address: &'a str,
    api: &'a str,
}

macro_rules! templates {
    ($($name:ident $path:tt)+) => {$(
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            f: &'a Facts<'a>,
        }
    )+};
}

templates! {
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

/// Writes the letter.
pub(super) fn write(about: &About<'_>) -> Result<Letter, askama::Error> {
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
        address: about.address,
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
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Letter {
        subject,
        text,
        html,
    })
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

const MONTHS: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];

fn time(at: Timestamp, language: Language) -> String {
    let at: Zoned = at.to_zoned(TimeZone::UTC);
    match language {
        Language::English => at.strftime("%-d %B %Y at %H:%M UTC").to_string(),
        Language::French => {
            let month = MONTHS
                .get(usize::from(at.month().unsigned_abs()) - 1)
                .unwrap_or(&"");
            let first = if at.day() == 1 { "er" } else { "" };
            format!(
                "{}{first} {month} {}",
                at.day(),
                at.strftime("%Y à %H:%M UTC")
            )
        }
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

    fn letter(kind: AlertKind, language: Language, waiting: u64) -> Letter {
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
            address: "https://hooks.example/",
            api: "https://hooks.example/api/v1/organizers/bigevents/webhooks/7/",
            waiting,
        })
        .unwrap()
    }

    #[test]
    fn of_failures() {
        let letter = letter(AlertKind::Failures, Language::English, 12);
        insta::assert_snapshot!(
            "failures_en_text",
            format!("{}\n\n{}", letter.subject, letter.text)
        );
        insta::assert_snapshot!("failures_en_html", letter.html);
        let letter = self::letter(AlertKind::Failures, Language::French, 1);
        insta::assert_snapshot!(
            "failures_fr_text",
            format!("{}\n\n{}", letter.subject, letter.text)
        );
        insta::assert_snapshot!("failures_fr_html", letter.html);
    }

    #[test]
    fn of_gone() {
        for (name, language) in [
            ("gone_en", Language::English),
            ("gone_fr", Language::French),
        ] {
            let letter = letter(AlertKind::Gone, language, 0);
            insta::assert_snapshot!(name, format!("{}\n\n{}", letter.subject, letter.text));
        }
    }

    #[test]
    fn of_a_warning() {
        for (name, language) in [
            ("warning_en", Language::English),
            ("warning_fr", Language::French),
        ] {
            let letter = letter(AlertKind::Warning, language, 2);
            insta::assert_snapshot!(name, format!("{}\n\n{}", letter.subject, letter.text));
        }
    }
}
