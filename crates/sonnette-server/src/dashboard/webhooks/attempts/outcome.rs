//! Texts about the outcome of an attempt, in the user's language.

use fluent_bundle::FluentArgs;
use http::StatusCode;
use sonnette::domain::{Attempt, Fault, Outcome, TimeoutStage, TlsFailure};

use crate::dashboard::shell::texts::Texts;

/// The word of a fault, which completes the keys `fault-`, `outcome-` and `advice-`.
fn fault_word(fault: &Fault) -> &'static str {
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

/// The outcome in two or three words: the status, or the kind of failure.
pub(crate) fn short_text(texts: &Texts, outcome: &Outcome) -> String {
    match Fault::of(outcome) {
        Some(Fault::Answered(_)) | None => status_text(outcome.return_code()),
        Some(fault) => texts
            .get(&format!("fault-{}", fault_word(&fault)))
            .into_owned(),
    }
}

/// A status with its reason phrase.
fn status_text(status: u16) -> String {
    let known = StatusCode::from_u16(status).ok();
    match known.and_then(|known| known.canonical_reason()) {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

/// The failure of the receiver at `host`, as a clause without a full stop.
pub(crate) fn fault_clause(texts: &Texts, host: &str, fault: &Fault) -> String {
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    if let Fault::Answered(status) = fault {
        args.set("status", status_text(*status));
    }
    texts.get_args(&format!("outcome-{}", fault_word(fault)), &args)
}

/// The outcome of an attempt, as a clause without a full stop.
pub(crate) fn clause(texts: &Texts, attempt: &Attempt) -> String {
    let (host, exchange) = (url_host(&attempt.target_url), &attempt.exchange);
    if let Some(fault) = Fault::of(&exchange.outcome) {
        return fault_clause(texts, host, &fault);
    }
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    args.set("status", status_text(exchange.outcome.return_code()));
    args.set("took", texts.duration(exchange.duration));
    texts.get_args("outcome-ok", &args)
}

/// What the user can do about a failure.
pub(crate) fn advice(texts: &Texts, fault: &Fault) -> String {
    texts
        .get(&format!("advice-{}", fault_word(fault)))
        .into_owned()
}

/// The technical reason of a failure, in English.
pub(crate) fn reason(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Failed { reason, .. } => Some(reason),
        Outcome::Answered { .. } => None,
    }
}

/// Host and port of a URL without credentials; the whole text if it is no URL.
pub(crate) fn url_host(url: &str) -> &str {
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
    fn every_outcome_has_texts() {
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
                let texts = Texts::of(language);
                assert!(
                    !short_text(texts, &outcome).starts_with("fault-"),
                    "{outcome:?}"
                );
                let Some(fault) = Fault::of(&outcome) else {
                    continue;
                };
                let clause = fault_clause(texts, "erp.example", &fault);
                assert!(clause.contains("erp.example"), "{clause}");
                assert!(!advice(texts, &fault).starts_with("advice-"), "{outcome:?}");
            }
        }
    }

    #[test]
    fn a_host_is_cut_out_of_its_url() {
        assert_eq!(
            url_host("https://erp.example:8443/a?b#c"),
            "erp.example:8443"
        );
        assert_eq!(url_host("https://erp.example?b"), "erp.example");
        assert_eq!(url_host("nonsense"), "nonsense");
    }
}
