//! How a webhook stands and why, in one or two sentences.

use fluent_bundle::FluentArgs;
use jiff::Timestamp;
use sonnette::domain::{AttemptFailure, Diagnosis, DisableReason};

use crate::dashboard::attempts::outcome;
use crate::dashboard::when::When;
use crate::dashboard::words::Words;

/// Stands in a message for the time, which is an element and no text.
const TIME: char = '\u{fffc}';

/// A sentence with a time in it, perhaps.
#[derive(Debug, Default)]
pub(crate) struct Sentence {
    pub(crate) before: String,
    pub(crate) at: Option<When>,
    pub(crate) after: String,
}

/// The reason in words.
#[derive(Debug)]
pub(crate) struct Told {
    /// What is the matter.
    pub(crate) sentence: Sentence,
    /// What waits, and until when; empty if nothing does.
    pub(crate) waiting: String,
    /// What to do about it.
    pub(crate) advice: Option<String>,
}

/// Whom a diagnosis is of and when it is told.
pub(crate) struct Telling<'a> {
    pub(crate) w: &'static Words,
    /// Host and port of the target.
    pub(crate) host: &'a str,
    pub(crate) now: Timestamp,
}

impl Telling<'_> {
    /// A diagnosis in words.
    pub(crate) fn tell(&self, diagnosis: &Diagnosis) -> Told {
        match diagnosis {
            Diagnosis::NeverSent => self.told(self.sentence("diagnosis-unused", None, None), None),
            Diagnosis::NotSentSinceChange => {
                self.told(self.sentence("diagnosis-renewed", None, None), None)
            }
            Diagnosis::Healthy { last_success } => {
                let sentence = self.sentence("diagnosis-healthy", None, Some(*last_success));
                self.told(sentence, None)
            }
            Diagnosis::FailingRecently {
                failures,
                since,
                only,
                last,
                waiting,
                next_try,
            } => {
                let key = match only {
                    Some(_) => "diagnosis-only-one",
                    None => "diagnosis-wobbling",
                };
                let mut args = self.args(last.as_ref());
                args.set("count", *failures);
                args.set(
                    "notification",
                    only.map(|id| id.to_string()).unwrap_or_default(),
                );
                let mut told = self.told(self.split(key, args, Some(*since)), last.as_ref());
                told.waiting = self.waiting("waits", *waiting, *next_try);
                told
            }
            Diagnosis::Paused {
                until,
                last,
                waiting,
            } => {
                let sentence = self.sentence("diagnosis-paused", last.as_ref(), Some(*until));
                let mut told = self.told(sentence, None);
                told.waiting = self.waiting("waits", *waiting, Some(*until));
                told
            }
            Diagnosis::Failing {
                since,
                fault,
                waiting,
                next_try,
            } => {
                let sentence = self.sentence("diagnosis-failing", fault.as_ref(), Some(*since));
                let mut told = self.told(sentence, fault.as_ref());
                told.waiting = self.waiting("waits", *waiting, *next_try);
                told
            }
            Diagnosis::Disabled {
                since,
                reason,
                last,
                waiting,
            } => self.off((*since, *reason), last.as_ref(), *waiting),
        }
    }

    fn off(
        &self,
        (since, reason): (Timestamp, DisableReason),
        last: Option<&AttemptFailure>,
        waiting: u64,
    ) -> Told {
        let key = match reason {
            DisableReason::User => "diagnosis-off",
            DisableReason::Gone => "diagnosis-gone",
            DisableReason::Failures => "diagnosis-given-up",
        };
        let advice = last.filter(|_| reason != DisableReason::User);
        let mut told = self.told(self.sentence(key, last, Some(since)), advice);
        told.waiting = self.waiting("held", waiting, None);
        told
    }

    fn told(&self, sentence: Sentence, fault: Option<&AttemptFailure>) -> Told {
        Told {
            sentence,
            waiting: String::new(),
            advice: fault.map(|fault| outcome::advice(self.w, fault)),
        }
    }

    /// `$fault`: what the receiver does wrong; where the log has forgotten it, that it fails.
    fn args(&self, fault: Option<&AttemptFailure>) -> FluentArgs<'static> {
        let clause = match fault {
            Some(fault) => outcome::clause(self.w, self.host, fault),
            None => self.w.a("diagnosis-fails", self.host),
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
        self.split(key, self.args(fault), at)
    }

    fn split(&self, key: &str, mut args: FluentArgs<'_>, at: Option<Timestamp>) -> Sentence {
        args.set("at", TIME.to_string());
        let text = self.w.say(key, &args);
        let (before, after) = text.split_once(TIME).unwrap_or((&text, ""));
        Sentence {
            before: before.to_owned(),
            at: at.filter(|_| text.contains(TIME)).map(|at| self.w.when(at)),
            after: after.to_owned(),
        }
    }

    /// How many wait, and how long until the next try.
    fn waiting(&self, what: &str, waiting: u64, next: Option<Timestamp>) -> String {
        if waiting == 0 {
            return String::new();
        }
        let count = self.w.n(&format!("diagnosis-{what}"), waiting);
        match next {
            None => count,
            Some(next) if next <= self.now => {
                format!("{count} {}", self.w.t("diagnosis-next-now"))
            }
            Some(next) => {
                let span = self.w.span(next, self.now);
                format!("{count} {}", self.w.a("diagnosis-next", span))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use sonnette::domain::{Language, NotificationId, SendFailure};

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn told(language: Language, diagnosis: &Diagnosis) -> String {
        let telling = Telling {
            w: Words::of(language),
            host: "erp.example",
            now: at(100),
        };
        let Told {
            sentence, waiting, ..
        } = telling.tell(diagnosis);
        let when = sentence.at.map_or("", |_| "T");
        format!("{}{when}{} {waiting}", sentence.before, sentence.after)
    }

    fn refusing(waiting: u64) -> Diagnosis {
        Diagnosis::Failing {
            since: at(10),
            fault: Some(AttemptFailure::Send(SendFailure::ConnectionRefused {
                address: "192.0.2.1:443".parse().unwrap(),
            })),
            waiting,
            next_try: Some(at(140)),
        }
    }

    #[test]
    fn a_failing_receiver_is_told_in_words() {
        assert_eq!(
            told(Language::English, &refusing(312)),
            "The server at erp.example refuses connections since T. 312 notifications wait. Next try in 40 s."
        );
        assert_eq!(
            told(Language::French, &refusing(1)),
            "Le serveur erp.example refuse les connexions depuis le T. 1 notification attend. \
             Prochaine tentative dans 40 s."
        );
        assert!(told(Language::French, &refusing(2)).contains("2 notifications attendent."));
        assert!(told(Language::English, &refusing(0)).ends_with("since T. "));
    }

    #[test]
    fn every_diagnosis_has_words() {
        let fault = || Some(AttemptFailure::Status(500));
        let off = |reason| Diagnosis::Disabled {
            since: at(1),
            reason,
            last: fault(),
            waiting: 2,
        };
        let wobbling = |only, last| Diagnosis::FailingRecently {
            failures: 1,
            since: at(1),
            only,
            last,
            waiting: 1,
            next_try: None,
        };
        let paused = Diagnosis::Paused {
            until: at(160),
            last: None,
            waiting: 1,
        };
        let healthy = Diagnosis::Healthy {
            last_success: at(1),
        };
        let all = [
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
                let told = told(language, diagnosis);
                assert!(
                    !told.contains("diagnosis-") && !told.contains('{'),
                    "{told}"
                );
            }
        }
    }
}
