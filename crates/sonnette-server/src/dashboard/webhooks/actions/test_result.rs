//! The result of a test.

use sonnette::domain::Attempt;

use crate::dashboard::shell::texts::Texts;
use crate::dashboard::webhooks::attempts::outcome;

/// Lines of the response body that are shown.
const MAX_LINES: usize = 12;
/// Characters of the response body that are shown.
const MAX_CHARS: usize = 1_200;

/// The result of a test.
pub(crate) struct TestResult {
    /// Whether the receiver accepted the notification.
    pub(crate) is_success: bool,
    /// The outcome in one sentence.
    pub(crate) summary: String,
    /// What the user can do about a failure.
    pub(crate) advice: Vec<String>,
    /// The technical reason of a failure, in English.
    pub(crate) reason: Option<String>,
    pub(crate) action_type: String,
    /// The beginning of the response body.
    pub(crate) body: String,
    /// The URL of the attempt in the log, if it is there.
    pub(crate) url: Option<String>,
    /// Whether the receiver cannot verify the signature, since the secret was generated for this test only.
    pub(crate) has_temporary_secret: bool,
}

impl TestResult {
    /// The result of a finished attempt.
    pub(crate) fn new(attempt: &Attempt, texts: &Texts) -> Self {
        let exchange = &attempt.exchange;
        let failure = exchange.outcome.failure();
        let mut advice: Vec<String> = Vec::new();
        advice.extend(redirect_location(attempt, texts));
        advice.extend(failure.map(|failure| outcome::advice(texts, &failure)));
        Self {
            is_success: exchange.outcome.is_success(),
            summary: format!("{}.", outcome::clause(texts, attempt)),
            advice,
            reason: outcome::reason(&exchange.outcome),
            action_type: attempt.action_type.to_string(),
            body: first_lines(&exchange.response_text()),
            url: None,
            has_temporary_secret: false,
        }
    }
}

/// The target of a redirect.
fn redirect_location(attempt: &Attempt, texts: &Texts) -> Option<String> {
    let exchange = &attempt.exchange;
    if !matches!(exchange.outcome.return_code(), 300..=399) {
        return None;
    }
    exchange.response_headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_location = name.eq_ignore_ascii_case("location");
        is_location.then(|| texts.get_with("test-result-redirect", value.trim()))
    })
}

fn first_lines(text: &str) -> String {
    let short: String = text.chars().take(MAX_CHARS).collect();
    let lines: Vec<_> = short.trim_end().lines().take(MAX_LINES).collect();
    let mut shown = lines.join("\n");
    if shown.len() < text.trim_end().len() {
        shown.push_str("\n…");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_beginning_of_an_answer() {
        assert_eq!(first_lines(""), "");
        assert_eq!(first_lines("fine\n"), "fine");
        let long = "line\n".repeat(20);
        let shown = first_lines(&long);
        assert_eq!(shown.lines().count(), MAX_LINES + 1);
        assert!(shown.ends_with("\n…"));
        assert_eq!(
            first_lines(&"é".repeat(2_000)).chars().count(),
            MAX_CHARS + 2
        );
    }
}
