//! What is wrong with the form, in the viewer's language.

use fluent_bundle::FluentArgs;

use crate::admin::validation::Violation;
use crate::admin::webhooks::headers::HeaderViolation;
use crate::dashboard::words::Words;

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
    Violation(Violation),
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
    Header(Option<String>, HeaderViolation),
    /// A masked value of this name, which is stored for another server.
    HeaderElsewhere(String),
    /// By the one rule that the setting has: its key.
    Setting(&'static str),
}

impl Wrong {
    pub(super) fn new(field: &'static str, complaint: Complaint) -> Self {
        Self { field, complaint }
    }

    /// The violations of one field.
    pub(super) fn of_violations(
        field: &'static str,
        violations: impl IntoIterator<Item = Violation>,
    ) -> impl Iterator<Item = Self> {
        violations
            .into_iter()
            .map(move |violation| Self::new(field, Complaint::Violation(violation)))
    }

    /// Of a setting beside the resource.
    pub(super) fn of_setting(name: &str) -> Self {
        let (field, key) = match name {
            "max_per_second" => ("max_per_second", "form-wrong-per-second"),
            "max_concurrency" => ("max_concurrency", "form-wrong-concurrency"),
            "timeout_seconds" => ("timeout_seconds", "form-wrong-timeout"),
            "contact_emails" => ("contact_emails", "form-wrong-emails"),
            _ => ("signature_scheme", "form-wrong-choice"),
        };
        Self::new(field, Complaint::Setting(key))
    }

    /// The first of each field, in words.
    pub(super) fn told(all: &[Self], w: &Words) -> Vec<(&'static str, String)> {
        let mut told: Vec<(&'static str, String)> = Vec::new();
        for wrong in all {
            let of_field = told.iter().filter(|(field, _)| *field == wrong.field);
            if of_field.count() < MOST_TOLD {
                told.push((wrong.field, wrong.say(w)));
            }
        }
        told
    }

    /// In words.
    fn say(&self, w: &Words) -> String {
        match &self.complaint {
            Complaint::Violation(violation) => said(violation, w),
            Complaint::Unencrypted => w.t("form-wrong-unencrypted").into_owned(),
            Complaint::MaskedCredentials => w.t("form-wrong-url-masked").into_owned(),
            Complaint::TooManyChosen(most) => w.n("form-wrong-too-many", *most),
            Complaint::NoActionType => w.t("form-wrong-no-action-type").into_owned(),
            Complaint::NothingToTest => w.t("conflict-nothing-to-test").into_owned(),
            Complaint::Busy => w.t("form-wrong-busy").into_owned(),
            Complaint::NoHeaderLine => w.t("form-wrong-header-line").into_owned(),
            Complaint::Header(None, _) => w.t("form-wrong-headers-many").into_owned(),
            Complaint::Header(Some(name), problem) => w.a(key_of(*problem), quoted(name)),
            Complaint::HeaderElsewhere(name) => w.a("form-wrong-header-elsewhere", quoted(name)),
            Complaint::Setting(key) => w.t(key).into_owned(),
        }
    }
}

fn quoted(value: &str) -> String {
    value.chars().take(MOST_QUOTED).collect()
}

fn said(violation: &Violation, w: &Words) -> String {
    let key = match violation {
        Violation::TooLong { max } => {
            let mut args = FluentArgs::new();
            args.set("count", *max);
            return w.say("form-wrong-too-long", &args);
        }
        Violation::UnknownEvent(slug) => return w.a("form-wrong-event", quoted(slug)),
        Violation::UnknownActionType(name) => return w.a("form-wrong-action-type", quoted(name)),
        Violation::Required | Violation::Null | Violation::Blank => "form-wrong-required",
        Violation::NotUrl => "form-wrong-url",
        Violation::AllAndSomeEvents => "form-wrong-all-and-some",
        Violation::NullCharacter | Violation::LoneSurrogate(_) => "form-wrong-character",
        _ => "form-wrong-choice",
    };
    w.t(key).into_owned()
}

fn key_of(problem: HeaderViolation) -> &'static str {
    match problem {
        HeaderViolation::TooMany => "form-wrong-headers-many",
        HeaderViolation::Duplicate => "form-wrong-header-twice",
        HeaderViolation::InvalidName => "form-wrong-header-name",
        HeaderViolation::Reserved => "form-wrong-header-reserved",
        HeaderViolation::TooLong => "form-wrong-header-long",
        HeaderViolation::NotText | HeaderViolation::InvalidValue => "form-wrong-header-value",
        HeaderViolation::NoStoredValue => "form-wrong-header-masked",
    }
}
