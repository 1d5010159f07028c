//! What came of an attempt, in words. The sender's own reason is plain English, for logs and the API; here the sentence
//! is in the viewer's language, and the reason a detail beside it.

use fluent_bundle::FluentArgs;
use http::StatusCode;
use sonnette::domain::{Attempt, Failure, Outcome};

use crate::http::dashboard::words::Words;

/// What kind of outcome it is: the messages `told-` and `advice-` are by these words.
pub(crate) fn kind(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Failed { failure, .. } => failure.as_str(),
        Outcome::Answered { status, .. } => match status {
            200..=299 => "ok",
            300..=399 => "redirect",
            401 | 403 => "unauthorized",
            404 => "missing",
            405 => "method",
            410 => "gone",
            413 => "large",
            415 => "type",
            429 => "busy",
            500..=599 => "server",
            _ => "other",
        },
    }
}

/// In two or three words: the status, or what was in the way.
pub(crate) fn in_short(w: &Words, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Answered { status, .. } => status_text(*status),
        Outcome::Failed { failure, .. } => failure_word(w, *failure),
    }
}

/// What was in the way, in two or three words.
pub(crate) fn failure_word(w: &Words, failure: Failure) -> String {
    w.t(&format!("failure-{failure}")).into_owned()
}

/// A status as HTTP writes it.
pub(crate) fn status_text(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok();
    match known.and_then(|known| known.canonical_reason()) {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

/// In a sentence.
pub(crate) fn in_words(w: &Words, attempt: &Attempt) -> String {
    let outcome = &attempt.exchange.outcome;
    let mut args = FluentArgs::new();
    args.set("host", host(&attempt.target_url));
    args.set("status", status_text(outcome.return_code()));
    args.set("took", w.took(attempt.exchange.duration));
    w.say(&format!("told-{}", kind(outcome)), &args)
}

/// What to do about it; none where all is well.
pub(crate) fn advice(w: &Words, outcome: &Outcome) -> Option<String> {
    let kind = kind(outcome);
    (kind != "ok").then(|| w.t(&format!("advice-{kind}")).into_owned())
}

/// The sender's own words, where it has any.
pub(crate) fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Failed { reason, .. } => Some(reason),
        Outcome::Answered { .. } => None,
    }
}

/// Host and port of a URL without credentials; all of it, if there is no telling.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use sonnette::domain::Language;

    use super::*;

    #[test]
    fn every_outcome_has_words() {
        let statuses = (200..600).map(|status| Outcome::Answered {
            status,
            retry_after: None,
        });
        let failures = Failure::ALL.iter().map(|failure| Outcome::Failed {
            failure: *failure,
            reason: "no connection".to_owned(),
        });
        for outcome in statuses.chain(failures) {
            for language in [Language::English, Language::French] {
                let w = Words::of(language);
                let told = format!("told-{}", kind(&outcome));
                assert_ne!(w.say(&told, &FluentArgs::new()), told);
                assert!(advice(w, &outcome).is_none_or(|text| !text.starts_with("advice-")));
                assert!(!in_short(w, &outcome).starts_with("failure-"));
            }
        }
    }

    #[test]
    fn hosts_are_short() {
        assert_eq!(host("https://erp.example:8443/a?b#c"), "erp.example:8443");
        assert_eq!(host("https://erp.example?b"), "erp.example");
        assert_eq!(host("nonsense"), "nonsense");
    }
}
