//! What came of an attempt, in words. The sender's own reason is plain English, for logs and the API; here the sentence
//! is in the viewer's language, and the reason a detail beside it.

use fluent_bundle::FluentArgs;
use http::StatusCode;
use sonnette::domain::{Attempt, Fault, Outcome, TimeoutStage, TlsFailure};

use crate::dashboard::words::Words;

/// The word of a fault: the messages `fault-`, `told-` and `advice-` are by it.
fn word(fault: &Fault) -> &'static str {
    match fault {
        Fault::Answered(status) => match status {
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
        Fault::UnsupportedTarget => "uncallable",
        Fault::Name { .. } => "name",
        Fault::Address { .. } => "address",
        Fault::Refused { .. } => "refused",
        Fault::Unreachable { .. } => "unreachable",
        Fault::Connect => "connect",
        Fault::Tls(Some(TlsFailure::Expired)) => "expired",
        Fault::Tls(Some(TlsFailure::OtherName)) => "other-name",
        Fault::Tls(Some(TlsFailure::UnknownIssuer)) => "issuer",
        Fault::Tls(Some(TlsFailure::NotTls)) => "no-tls",
        Fault::Tls(_) => "tls",
        Fault::Broken => "broken",
        Fault::Timeout { stage } => match stage {
            TimeoutStage::Connection => "timeout-connection",
            TimeoutStage::Answer => "timeout-answer",
            TimeoutStage::End => "timeout-end",
        },
    }
}

/// In two or three words: the status, or what was in the way.
pub(crate) fn in_short(w: &Words, outcome: &Outcome) -> String {
    match Fault::of(outcome) {
        Some(Fault::Answered(_)) | None => status_text(outcome.return_code()),
        Some(fault) => w.t(&format!("fault-{}", word(&fault))).into_owned(),
    }
}

/// A status as HTTP writes it.
fn status_text(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok();
    match known.and_then(|known| known.canonical_reason()) {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

/// What the receiver at `host` does wrong, as a clause without a full stop.
pub(crate) fn clause(w: &Words, host: &str, fault: &Fault) -> String {
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    if let Fault::Answered(status) = fault {
        args.set("status", status_text(*status));
    }
    w.say(&format!("told-{}", word(fault)), &args)
}

/// What came of it, as a clause without a full stop.
pub(crate) fn in_words(w: &Words, attempt: &Attempt) -> String {
    let (host, exchange) = (host(&attempt.target_url), &attempt.exchange);
    if let Some(fault) = Fault::of(&exchange.outcome) {
        return clause(w, host, &fault);
    }
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    args.set("status", status_text(exchange.outcome.return_code()));
    args.set("took", w.took(exchange.duration));
    w.say("told-ok", &args)
}

/// What to do about a fault.
pub(crate) fn advice(w: &Words, fault: &Fault) -> String {
    w.t(&format!("advice-{}", word(fault))).into_owned()
}

/// The sender's own words, where it has any.
pub(crate) fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Failed { reason, .. } => Some(reason),
        Outcome::Answered { .. } => None,
    }
}

/// Host and port of a URL without credentials; all of it, if there is no telling.
pub(crate) fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use sonnette::domain::{FailureKind, Language};

    use super::*;

    fn failed(failure: FailureKind, reason: &str) -> Outcome {
        let reason = reason.to_owned();
        Outcome::Failed { failure, reason }
    }

    #[test]
    fn every_outcome_has_words() {
        let statuses = (200..600).map(|status| Outcome::Answered {
            status,
            retry_after: None,
        });
        let kinds = FailureKind::ALL
            .iter()
            .map(|failure| failed(*failure, "so"));
        let handshakes = TlsFailure::ALL
            .iter()
            .map(|fault| failed(FailureKind::Tls, fault.as_str()));
        let others = [
            failed(FailureKind::Connect, "connection refused by 192.0.2.1:443"),
            failed(FailureKind::Connect, "no way to 192.0.2.1:443"),
            failed(FailureKind::Timeout, "no answer within 30 s"),
            failed(FailureKind::Timeout, "the answer did not end within 30 s"),
        ];
        for outcome in statuses.chain(kinds).chain(handshakes).chain(others) {
            for language in [Language::English, Language::French] {
                let w = Words::of(language);
                assert!(!in_short(w, &outcome).starts_with("fault-"), "{outcome:?}");
                let Some(fault) = Fault::of(&outcome) else {
                    continue;
                };
                let clause = clause(w, "erp.example", &fault);
                assert!(clause.contains("erp.example"), "{clause}");
                assert!(!advice(w, &fault).starts_with("advice-"), "{outcome:?}");
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
