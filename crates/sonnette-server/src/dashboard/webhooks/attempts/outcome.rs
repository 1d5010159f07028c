//! Texts about the outcome of an attempt, in the user's language.

use fluent_bundle::FluentArgs;
use http::StatusCode;
use sonnette::domain::{
    Attempt, AttemptFailure, FailureKind, Outcome, SendFailure, TimeoutStage, TlsFailure,
};

use crate::dashboard::shell::texts::Texts;

/// The word of a failure: it completes the keys `fault-`, `outcome-` and `advice-`.
fn failure_key(failure: &AttemptFailure) -> &'static str {
    match failure {
        AttemptFailure::Status(status) => status_key(*status),
        AttemptFailure::Send(failure) => send_failure_key(failure),
    }
}

fn status_key(status: u16) -> &'static str {
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

fn send_failure_key(failure: &SendFailure) -> &'static str {
    match failure {
        SendFailure::ConnectionRefused { .. } => "refused",
        SendFailure::Unreachable { .. } => "unreachable",
        SendFailure::Tls { failure } => match failure {
            TlsFailure::Expired => "expired",
            TlsFailure::OtherName => "other-name",
            TlsFailure::UnknownIssuer => "issuer",
            TlsFailure::SelfSigned => "self-signed",
            TlsFailure::NotTls => "no-tls",
            _ => "tls",
        },
        SendFailure::NotProcessed => "not-processed",
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

/// The outcome in two or three words: the status, or the kind of failure.
pub(crate) fn short_text(texts: &Texts, outcome: &Outcome) -> String {
    match outcome.failure() {
        Some(AttemptFailure::Status(_)) | None => status_text(outcome.return_code()),
        Some(failure) => texts
            .get(&format!("fault-{}", failure_key(&failure)))
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
pub(crate) fn failure_clause(texts: &Texts, host: &str, failure: &AttemptFailure) -> String {
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    if let AttemptFailure::Status(status) = failure {
        args.set("status", status_text(*status));
    }
    texts.get_args(&format!("outcome-{}", failure_key(failure)), &args)
}

/// The outcome of an attempt, as a clause without a full stop.
pub(crate) fn clause(texts: &Texts, attempt: &Attempt) -> String {
    let (host, exchange) = (url_host(&attempt.target_url), &attempt.exchange);
    if let Some(failure) = exchange.outcome.failure() {
        return failure_clause(texts, host, &failure);
    }
    let mut args = FluentArgs::new();
    args.set("host", host.to_owned());
    args.set("status", status_text(exchange.outcome.return_code()));
    args.set("took", texts.duration(exchange.duration));
    texts.get_args("outcome-ok", &args)
}

/// What the user can do about a failure.
pub(crate) fn advice(texts: &Texts, failure: &AttemptFailure) -> String {
    texts
        .get(&format!("advice-{}", failure_key(failure)))
        .into_owned()
}

/// The technical reason of a failure, in English.
pub(crate) fn reason(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed(failure) => Some(failure.to_string()),
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
    use std::time::Duration;

    use sonnette::domain::Language;

    use super::*;

    #[test]
    fn every_outcome_has_texts() {
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
            SendFailure::NotProcessed,
            late(TimeoutStage::Response),
            late(TimeoutStage::Body { bytes, status }),
        ];
        let failures = kinds.chain(handshakes).chain(others).map(Outcome::Failed);
        for outcome in statuses.chain(failures) {
            for language in [Language::English, Language::French] {
                let texts = Texts::of(language);
                assert!(
                    !short_text(texts, &outcome).starts_with("fault-"),
                    "{outcome:?}"
                );
                let Some(failure) = outcome.failure() else {
                    continue;
                };
                let clause = failure_clause(texts, "erp.example", &failure);
                assert!(clause.contains("erp.example"), "{clause}");
                assert!(
                    !advice(texts, &failure).starts_with("advice-"),
                    "{outcome:?}"
                );
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
