//! What came of a test, in words.

use sonnette::domain::Attempt;

use crate::dashboard::attempts::outcome;
use crate::dashboard::words::Words;

/// As much of an answer as is shown.
const LINES: usize = 12;
const CHARACTERS: usize = 1_200;

/// What came of a test.
pub(crate) struct Told {
    /// Whether the receiver took it.
    pub(crate) good: bool,
    /// In a sentence.
    pub(crate) what: String,
    /// What to do about it, if anything.
    pub(crate) why: Vec<String>,
    /// The sender's own words, where it has any.
    pub(crate) reason: Option<String>,
    /// What was sent.
    pub(crate) action_type: String,
    /// The first lines of the answer.
    pub(crate) body: String,
    /// The attempt in the log, if it is there.
    pub(crate) url: Option<String>,
    /// Whether the signature could not be checked yet: the secret was drawn for this test alone.
    pub(crate) unsigned: bool,
}

impl Told {
    /// Of an attempt that has ended.
    pub(crate) fn of(attempt: &Attempt, w: &Words) -> Self {
        let exchange = &attempt.exchange;
        let fault = exchange.outcome.failure();
        let mut why: Vec<String> = Vec::new();
        why.extend(redirected(attempt, w));
        why.extend(fault.map(|failure| outcome::advice(w, &failure)));
        Self {
            good: exchange.outcome.is_success(),
            what: format!("{}.", outcome::in_words(w, attempt)),
            why,
            reason: outcome::reason(&exchange.outcome),
            action_type: attempt.action_type.to_string(),
            body: first_lines(&exchange.response_body),
            url: None,
            unsigned: false,
        }
    }
}

/// Where a redirect leads.
fn redirected(attempt: &Attempt, w: &Words) -> Option<String> {
    let exchange = &attempt.exchange;
    if !matches!(exchange.outcome.return_code(), 300..=399) {
        return None;
    }
    exchange.response_headers.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let leads = name.eq_ignore_ascii_case("location");
        leads.then(|| w.a("tried-redirect", value.trim()))
    })
}

fn first_lines(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let short: String = text.chars().take(CHARACTERS).collect();
    let lines: Vec<_> = short.trim_end().lines().take(LINES).collect();
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
        assert_eq!(first_lines(b""), "");
        assert_eq!(first_lines(b"fine\n"), "fine");
        let long = "line\n".repeat(20);
        let shown = first_lines(long.as_bytes());
        assert_eq!(shown.lines().count(), LINES + 1);
        assert!(shown.ends_with("\n…"));
        assert_eq!(
            first_lines("é".repeat(2_000).as_bytes()).chars().count(),
            CHARACTERS + 2
        );
        assert_eq!(first_lines(&[0xff, b'a']), "\u{fffd}a");
    }
}
