//! What is wrong with the form, in the viewer's language.

use fluent_bundle::FluentArgs;

use crate::admin::webhooks::headers::HeaderProblem;
use crate::dashboard::shell::texts::Texts;
use crate::rest::drf::violation::{NO_FIELD, Problem};

/// The fields of the part that is folded in.
pub(super) const MORE: [&str; 6] = [
    "headers",
    "max_per_second",
    "max_concurrency",
    "timeout_seconds",
    "signature_scheme",
    "contact_emails",
];

/// Complaints about a field that are told; there may be as many as values.
const MOST_TOLD: usize = 20;
/// Characters of a wrong value that are told: enough to find it.
const MOST_QUOTED: usize = 100;

/// What is wrong with a field.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) field: &'static str,
    complaint: Complaint,
}

/// Why a field cannot be taken.
#[derive(Debug)]
pub(super) enum Complaint {
    /// By a rule of the resource.
    Problem(Problem),
    /// The server calls only what is encrypted.
    Unencrypted,
    /// Masked credentials, and none are stored for that server.
    MaskedCredentials,
    /// More than this many are chosen.
    TooManyChosen(usize),
    /// The form wants one, the API does not.
    NoActionType,
    /// Of what is chosen nothing can be sent as a test.
    NothingToTest,
    /// Too many others are testing.
    Busy,
    /// A line that is no header.
    NoHeaderLine,
    /// By a rule of extra headers, with the name it is about.
    Header(Option<String>, HeaderProblem),
    /// A masked value of this name, which is stored for another server.
    HeaderElsewhere(String),
    /// By the one rule that the setting has: its key.
    Setting(&'static str),
}

impl Wrong {
    pub(super) fn new(field: &'static str, complaint: Complaint) -> Self {
        Self { field, complaint }
    }

    /// What the resource's rules say. Of the rule across fields the list of events is what one can change.
    pub(super) fn of_problems(
        problems: Vec<(&'static str, Vec<Problem>)>,
    ) -> impl Iterator<Item = Self> {
        problems.into_iter().flat_map(|(field, problems)| {
            let field = if field == NO_FIELD {
                "limit_events"
            } else {
                field
            };
            problems
                .into_iter()
                .map(move |problem| Self::new(field, Complaint::Problem(problem)))
        })
    }

    /// Of a setting beside the resource.
    pub(super) fn of_setting(name: &str) -> Self {
        let (field, key) = match name {
            "max_per_second" => ("max_per_second", "form-error-per-second"),
            "max_concurrency" => ("max_concurrency", "form-error-concurrency"),
            "timeout_seconds" => ("timeout_seconds", "form-error-timeout"),
            "contact_emails" => ("contact_emails", "form-error-emails"),
            _ => ("signature_scheme", "form-error-choice"),
        };
        Self::new(field, Complaint::Setting(key))
    }

    /// The first of each field, in words.
    pub(super) fn told(all: &[Self], texts: &Texts) -> Vec<(&'static str, String)> {
        let mut told: Vec<(&'static str, String)> = Vec::new();
        for wrong in all {
            let of_field = told.iter().filter(|(field, _)| *field == wrong.field);
            if of_field.count() < MOST_TOLD {
                told.push((wrong.field, wrong.say(texts)));
            }
        }
        told
    }

    /// In words.
    fn say(&self, texts: &Texts) -> String {
        match &self.complaint {
            Complaint::Problem(problem) => said(problem, texts),
            Complaint::Unencrypted => texts.get("form-error-unencrypted").into_owned(),
            Complaint::MaskedCredentials => texts.get("form-error-url-masked").into_owned(),
            Complaint::TooManyChosen(most) => texts.get_count("form-error-too-many", *most),
            Complaint::NoActionType => texts.get("form-error-no-action-type").into_owned(),
            Complaint::NothingToTest => texts.get("conflict-nothing-to-test").into_owned(),
            Complaint::Busy => texts.get("form-error-busy").into_owned(),
            Complaint::NoHeaderLine => texts.get("form-error-header-line").into_owned(),
            Complaint::Header(None, _) => texts.get("form-error-headers-many").into_owned(),
            Complaint::Header(Some(name), problem) => {
                texts.get_with(key_of(*problem), quoted(name))
            }
            Complaint::HeaderElsewhere(name) => {
                texts.get_with("form-error-header-elsewhere", quoted(name))
            }
            Complaint::Setting(key) => texts.get(key).into_owned(),
        }
    }
}

fn quoted(value: &str) -> String {
    value.chars().take(MOST_QUOTED).collect()
}

fn said(problem: &Problem, texts: &Texts) -> String {
    let key = match problem {
        Problem::TooLong(max) => {
            let mut args = FluentArgs::new();
            args.set("count", *max);
            return texts.get_args("form-error-too-long", &args);
        }
        Problem::NoSuchEvent(slug) => return texts.get_with("form-error-event", quoted(slug)),
        Problem::NoSuchActionType(name) => {
            return texts.get_with("form-error-action-type", quoted(name));
        }
        Problem::Required | Problem::Null | Problem::Blank => "form-error-required",
        Problem::Url => "form-error-url",
        Problem::AllAndSome => "form-error-all-and-some",
        Problem::NullCharacter | Problem::Surrogate(_) => "form-error-character",
        Problem::Boolean | Problem::NoText | Problem::NoList(_) | Problem::Value => {
            "form-error-choice"
        }
    };
    texts.get(key).into_owned()
}

fn key_of(problem: HeaderProblem) -> &'static str {
    match problem {
        HeaderProblem::TooMany => "form-error-headers-many",
        HeaderProblem::Twice => "form-error-header-twice",
        HeaderProblem::Name => "form-error-header-name",
        HeaderProblem::Reserved => "form-error-header-reserved",
        HeaderProblem::TooLong => "form-error-header-long",
        HeaderProblem::NoText | HeaderProblem::Value => "form-error-header-value",
        HeaderProblem::NothingStored => "form-error-header-masked",
    }
}
