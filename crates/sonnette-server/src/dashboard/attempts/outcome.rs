//! What came of an attempt, in words. The sender's own reason is plain English, for logs and the API; here the sentence
//! is in the viewer's language, and the reason a detail beside it.

use fluent_bundle::FluentArgs;
use http::StatusCode;
use sonnette::domain::{
    Attempt, AttemptFailure, FailureKind, Outcome, SendFailure, TimeoutStage, TlsFailure,
};

use crate::dashboard::words::Words;

/// The word of a failure: the messages `fault-`, `told-` and `advice-` end in it.
fn word(failure: &AttemptFailure) -> &'static str {
    match failure {
        AttemptFailure::Status(status) => status_word(*status),
        AttemptFailure::Send(failure) => send_word(failure),
    }
}

fn status_word(status: u16) -> &'static str {
    match status {
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
    }
}

fn send_word(failure: &SendFailure) -> &'static str {
    match failure {
        SendFailure::ConnectionRefused { .. } => "refused",
        SendFailure::Unreachable { .. } => "unreachable",
        SendFailure::Tls { failure } => match failure {
            TlsFailure::Expired => "expired",
            TlsFailure::OtherName => "other-name",
            TlsFailure::UnknownIssuer => "issuer",
            TlsFailure::NotTls => "no-tls",
            _ => "tls",
        },
        SendFailure::Timeout { stage, .. } => match stage {
            TimeoutStage::Response => "timeout-answer",
            TimeoutStage::Body { .. } => "timeout-end",
            _ => "timeout-connection",
        },
        other => match other.kind() {
            FailureKind::UnsupportedTarget => "uncallable",
            FailureKind::Name => "name",
            FailureKind::Address => "address",
            FailureKind::Connect => "connect",
            FailureKind::Tls => "tls",
            FailureKind::Broken => "broken",
            FailureKind::Timeout => "timeout-connection",
        },
    }
}

/// In two or three words: the status, or what was in the way.
pub(crate) fn in_short(w: &Words, outcome: &Outcome) -> String {
    match outcome.failure() {
        Some(AttemptFailure::Status(_)) | None => status_text(outcome.return_code()),
        Some(failure) => w.t(&format!("fault-{}", word(&failure))).into_owned(),
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
pub(crate) fn clause(w: &Words, host: &str, failure: &AttemptFailure) -> String {
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    if let AttemptFailure::Status(status) = failure {
        args.set("status", status_text(*status));
    }
    w.say(&format!("told-{}", word(failure)), &args)
}

/// What came of it, as a clause without a full stop.
pub(crate) fn in_words(w: &Words, attempt: &Attempt) -> String {
    let (host, exchange) = (host(&attempt.target_url), &attempt.exchange);
    if let Some(failure) = exchange.outcome.failure() {
        return clause(w, host, &failure);
    }
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    args.set("status", status_text(exchange.outcome.return_code()));
    args.set("took", w.took(exchange.duration));
    w.say("told-ok", &args)
}

/// What to do about a failure.
pub(crate) fn advice(w: &Words, failure: &AttemptFailure) -> String {
    w.t(&format!("advice-{}", word(failure))).into_owned()
}

/// The sender's own words, where it has any.
pub(crate) fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(failure) => Some(failure.to_string()),
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
    use std::time::Duration;

    use sonnette::domain::Language;

    use super::*;

    #[test]
    fn every_outcome_has_words() {
        let statuses = (200..600).map(|status| Outcome::Answered {
            status,
            retry_after: None,
        });
        let kinds = FailureKind::ALL.iter().map(|kind| SendFailure::Undetailed {
            kind: *kind,
            text: "so".to_owned(),
        });
        let handshakes = TlsFailure::ALL
            .iter()
            .map(|failure| SendFailure::Tls { failure: *failure });
        let address = "192.0.2.1:443".parse().unwrap();
        let late = |stage| SendFailure::Timeout {
            stage,
            limit: Duration::from_secs(30),
        };
        let (bytes, status) = (3, 200);
        let others = [
            SendFailure::ConnectionRefused { address },
            SendFailure::Unreachable { address },
            late(TimeoutStage::Response),
            late(TimeoutStage::Body { bytes, status }),
        ];
        let failures = kinds.chain(handshakes).chain(others).map(Outcome::Failed);
        for outcome in statuses.chain(failures) {
            for language in [Language::English, Language::French] {
                let w = Words::of(language);
                assert!(!in_short(w, &outcome).starts_with("fault-"), "{outcome:?}");
                let Some(failure) = outcome.failure() else {
                    continue;
                };
                let clause = clause(w, "erp.example", &failure);
                assert!(clause.contains("erp.example"), "{clause}");
                assert!(!advice(w, &failure).starts_with("advice-"), "{outcome:?}");
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
