//! The diagnosis of a webhook as texts.

use fluent_bundle::FluentArgs;
use jiff::Timestamp;
use sonnette::domain::{ActionTypeName, AttemptFailure, Diagnosis, DisableReason, NotificationId};

use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::TimeElement;
use crate::dashboard::webhooks::attempts::outcome;

/// Marks the place of the time in a text: the time is an HTML element.
const TIME_PLACEHOLDER: char = '\u{fffc}';

/// A sentence that may contain a time.
#[derive(Debug, Default)]
pub(crate) struct Sentence {
    pub(crate) before: String,
    pub(crate) at: Option<TimeElement>,
    pub(crate) after: String,
}

/// A diagnosis as texts.
#[derive(Debug)]
pub(crate) struct DiagnosisText {
    /// The state and its cause.
    pub(crate) sentence: Sentence,
    /// The number of waiting deliveries, and when they are tried next; empty without any.
    pub(crate) waiting: String,
    /// What the user can do.
    pub(crate) advice: Option<String>,
}

/// What the texts of a diagnosis depend on.
pub(crate) struct DiagnosisFormatter<'a> {
    pub(crate) texts: &'static Texts,
    /// Host and port of the target.
    pub(crate) host: &'a str,
    pub(crate) now: Timestamp,
}

impl DiagnosisFormatter<'_> {
    /// The texts of a diagnosis.
    pub(crate) fn text(&self, diagnosis: &Diagnosis) -> DiagnosisText {
        match diagnosis {
            Diagnosis::NeverSent => {
                self.new_text(self.sentence("diagnosis-unused", None, None), None)
            }
            Diagnosis::NotSentSinceChange => {
                self.new_text(self.sentence("diagnosis-renewed", None, None), None)
            }
            Diagnosis::Healthy { last_success } => {
                let sentence = self.sentence("diagnosis-healthy", None, Some(*last_success));
                self.new_text(sentence, None)
            }
            Diagnosis::FailingRecently {
                failures,
                since,
                only,
                last,
                pending_count,
                next_attempt,
            } => {
                let failures = (*failures, *since, *only);
                let mut text = self.recently_text(failures, last.as_ref());
                text.waiting = self.waiting_clause("waits", *pending_count, *next_attempt);
                text
            }
            Diagnosis::Refusing {
                action_types,
                pending_count,
                next_attempt,
            } => self.refusing_text(action_types, *pending_count, *next_attempt),
            Diagnosis::Paused {
                until,
                last,
                pending_count,
            } => {
                let sentence = self.sentence("diagnosis-paused", last.as_ref(), Some(*until));
                let mut text = self.new_text(sentence, None);
                text.waiting = self.waiting_clause("waits", *pending_count, Some(*until));
                text
            }
            Diagnosis::Failing {
                since,
                fault,
                pending_count,
                next_attempt,
            } => {
                let sentence = self.sentence("diagnosis-failing", fault.as_ref(), Some(*since));
                let mut text = self.new_text(sentence, fault.as_ref());
                text.waiting = self.waiting_clause("waits", *pending_count, *next_attempt);
                text
            }
            Diagnosis::Disabled {
                since,
                reason,
                last,
                pending_count,
            } => self.disabled_text((*since, *reason), last.as_ref(), *pending_count),
        }
    }

    fn recently_text(
        &self,
        (failures, since, only): (u32, Timestamp, Option<NotificationId>),
        last: Option<&AttemptFailure>,
    ) -> DiagnosisText {
        let key = match only {
            Some(_) => "diagnosis-only-one",
            None => "diagnosis-wobbling",
        };
        let notification = only.map(|id| id.to_string()).unwrap_or_default();
        let mut args = self.args(last);
        args.set("count", failures);
        args.set("notification", notification);
        self.new_text(self.sentence_with(key, args, Some(since)), last)
    }

    fn refusing_text(
        &self,
        action_types: &[ActionTypeName],
        pending_count: u64,
        next_attempt: Option<Timestamp>,
    ) -> DiagnosisText {
        let mut args = self.args(None);
        args.set("types", type_list(action_types));
        DiagnosisText {
            sentence: self.sentence_with("diagnosis-refusing", args, None),
            waiting: self.waiting_clause("waits", pending_count, next_attempt),
            advice: Some(self.texts.get("diagnosis-refusing-advice").into_owned()),
        }
    }

    /// Names the refused action types of a webhook whose diagnosis does not.
    pub(crate) fn refused_types(
        &self,
        diagnosis: &Diagnosis,
        action_types: &[ActionTypeName],
    ) -> Option<String> {
        let is_named = matches!(
            diagnosis,
            Diagnosis::Refusing { .. } | Diagnosis::Disabled { .. }
        );
        (!is_named && !action_types.is_empty()).then(|| {
            let mut args = self.args(None);
            args.set("types", type_list(action_types));
            self.texts.get_args("diagnosis-refusing", &args)
        })
    }

    fn disabled_text(
        &self,
        (since, reason): (Timestamp, DisableReason),
        last: Option<&AttemptFailure>,
        pending_count: u64,
    ) -> DiagnosisText {
        let key = match reason {
            DisableReason::User => "diagnosis-off",
            DisableReason::Gone => "diagnosis-gone",
            DisableReason::Failures => "diagnosis-given-up",
        };
        let advice = last.filter(|_| reason != DisableReason::User);
        let mut text = self.new_text(self.sentence(key, last, Some(since)), advice);
        text.waiting = self.waiting_clause("held", pending_count, None);
        text
    }

    fn new_text(&self, sentence: Sentence, fault: Option<&AttemptFailure>) -> DiagnosisText {
        DiagnosisText {
            sentence,
            waiting: String::new(),
            advice: fault.map(|fault| outcome::advice(self.texts, fault)),
        }
    }

    /// The arguments `$fault` and `$host`. If the log has no attempt left, the fault only says that the receiver fails.
    fn args(&self, fault: Option<&AttemptFailure>) -> FluentArgs<'static> {
        let clause = match fault {
            Some(fault) => outcome::failure_clause(self.texts, self.host, fault),
            None => self.texts.get_with("diagnosis-fails", self.host),
        };
        let mut args = FluentArgs::new();
        args.set("fault", clause);
        args.set("host", self.host.to_owned());
        args
    }

    fn sentence(
        &self,
        key: &str,
        fault: Option<&AttemptFailure>,
        at: Option<Timestamp>,
    ) -> Sentence {
        self.sentence_with(key, self.args(fault), at)
    }

    fn sentence_with(
        &self,
        key: &str,
        mut args: FluentArgs<'_>,
        at: Option<Timestamp>,
    ) -> Sentence {
        args.set("at", TIME_PLACEHOLDER.to_string());
        let text = self.texts.get_args(key, &args);
        let (before, after) = text.split_once(TIME_PLACEHOLDER).unwrap_or((&text, ""));
        Sentence {
            before: before.to_owned(),
            at: at
                .filter(|_| text.contains(TIME_PLACEHOLDER))
                .map(|at| self.texts.time(at)),
            after: after.to_owned(),
        }
    }

    /// The number of waiting deliveries, and the time until the next attempt.
    fn waiting_clause(&self, kind: &str, pending_count: u64, next: Option<Timestamp>) -> String {
        if pending_count == 0 {
            return String::new();
        }
        let count = self
            .texts
            .get_count(&format!("diagnosis-{kind}"), pending_count);
        match next {
            None => count,
            Some(next) if next <= self.now => {
                format!("{count} {}", self.texts.get("diagnosis-next-now"))
            }
            Some(next) => {
                let span = self.texts.time_between(next, self.now);
                format!("{count} {}", self.texts.get_with("diagnosis-next", span))
            }
        }
    }
}

/// The names of at most ten types, and an ellipsis if there are more.
fn type_list(action_types: &[ActionTypeName]) -> String {
    const MAX_NAMES: usize = 10;
    let names = action_types
        .iter()
        .take(MAX_NAMES)
        .map(ActionTypeName::as_str);
    let mut list = names.collect::<Vec<_>>().join(", ");
    if action_types.len() > MAX_NAMES {
        list.push_str(", …");
    }
    list
}

#[cfg(test)]
mod tests {
    use sonnette::domain::Language;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn text_of(language: Language, diagnosis: &Diagnosis) -> String {
        let diagnosis_texts = DiagnosisFormatter {
            texts: Texts::of(language),
            host: "erp.example",
            now: at(100),
        };
        let DiagnosisText {
            sentence, waiting, ..
        } = diagnosis_texts.text(diagnosis);
        let when = sentence.at.map_or("", |_| "T");
        format!("{}{when}{} {waiting}", sentence.before, sentence.after)
    }

    fn refusing(pending_count: u64) -> Diagnosis {
        Diagnosis::Failing {
            since: at(10),
            fault: Some(AttemptFailure::Send(
                sonnette::domain::SendFailure::ConnectionRefused {
                    address: "192.0.2.1:443".parse().unwrap(),
                },
            )),
            pending_count,
            next_attempt: Some(at(140)),
        }
    }

    #[test]
    fn a_failing_receiver_is_described() {
        assert_eq!(
            text_of(Language::English, &refusing(312)),
            "The server at erp.example refuses connections since T. 312 notifications wait. Next try in 40 s."
        );
        assert_eq!(
            text_of(Language::French, &refusing(1)),
            "Le serveur erp.example refuse les connexions depuis le T. 1 notification attend. \
             Prochaine tentative dans 40 s."
        );
        assert!(text_of(Language::French, &refusing(2)).contains("2 notifications attendent."));
        assert!(text_of(Language::English, &refusing(0)).ends_with("since T. "));
    }

    #[test]
    fn every_diagnosis_has_texts() {
        let fault = || Some(AttemptFailure::Status(500));
        let off = |reason| Diagnosis::Disabled {
            since: at(1),
            reason,
            last: fault(),
            pending_count: 2,
        };
        let wobbling = |only, last| Diagnosis::FailingRecently {
            failures: 1,
            since: at(1),
            only,
            last,
            pending_count: 1,
            next_attempt: None,
        };
        let paused = Diagnosis::Paused {
            until: at(160),
            last: None,
            pending_count: 1,
        };
        let healthy = Diagnosis::Healthy {
            last_success: at(1),
        };
        let refusing = Diagnosis::Refusing {
            action_types: vec!["pretix.event.checkin".parse().unwrap()],
            pending_count: 1,
            next_attempt: None,
        };
        let all = [
            refusing,
            Diagnosis::NeverSent,
            Diagnosis::NotSentSinceChange,
            healthy,
            wobbling(Some(NotificationId(7)), fault()),
            wobbling(None, None),
            paused,
            off(DisableReason::User),
            off(DisableReason::Gone),
            off(DisableReason::Failures),
        ];
        for diagnosis in &all {
            for language in [Language::English, Language::French] {
                let text = text_of(language, diagnosis);
                assert!(
                    !text.contains("diagnosis-") && !text.contains('{'),
                    "{text}"
                );
            }
        }
    }
}
