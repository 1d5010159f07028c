//! What came of a test, in words.

use fluent_bundle::FluentArgs;
use sonnette::domain::{Attempt, Failure, Outcome};

use crate::http::dashboard::words::Words;

/// As much of an answer as is shown.
const LINES: usize = 12;
const CHARACTERS: usize = 1_200;

/// What came of a test.
pub(crate) struct Told {
    /// Whether the receiver took it.
    pub(crate) good: bool,
    /// In a sentence.
    pub(crate) what: String,
    /// What to do about it, where one can tell.
    pub(crate) why: Option<String>,
    /// What was sent.
    pub(crate) action_type: String,
    /// How long it took.
    pub(crate) took: String,
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
        let (what, why) = match &exchange.outcome {
            Outcome::Answered { status, .. } => {
                let what = w.n("tried-answered", *status);
                (what, answered(*status, &exchange.response_headers, w))
            }
            Outcome::Failed { failure, reason } => {
                let mut args = FluentArgs::new();
                args.set("reason", reason.as_str());
                let why = w.say("tried-reason", &args);
                (w.t(failed(*failure)).into_owned(), Some(why))
            }
        };
        Self {
            good: exchange.outcome.is_success(),
            what,
            why,
            action_type: attempt.action_type.to_string(),
            took: w.took(exchange.duration),
            body: first_lines(&exchange.response_body),
            url: None,
            unsigned: false,
        }
    }
}

fn answered(status: u16, headers: &str, w: &Words) -> Option<String> {
    let key = match status {
        200..=299 => return None,
        300..=399 => {
            let place = headers.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("location").then(|| value.trim())
            });
            return Some(match place {
                Some(place) => w.a("tried-redirect-to", place),
                None => w.t("tried-redirect").into_owned(),
            });
        }
        401 | 403 => "tried-forbidden",
        404 => "tried-not-found",
        405 => "tried-no-post",
        410 => "tried-gone",
        429 | 503 => "tried-busy",
        500..=599 => "tried-broken",
        _ => "tried-not-taken",
    };
    Some(w.t(key).into_owned())
}

fn failed(failure: Failure) -> &'static str {
    match failure {
        Failure::Uncallable => "tried-failed-uncallable",
        Failure::Name => "tried-failed-name",
        Failure::Address => "tried-failed-address",
        Failure::Connect => "tried-failed-connect",
        Failure::Tls => "tried-failed-tls",
        Failure::Broken => "tried-failed-broken",
        Failure::Timeout => "tried-failed-timeout",
    }
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
