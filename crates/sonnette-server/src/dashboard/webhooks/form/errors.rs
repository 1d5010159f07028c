//! Errors of the webhook form and their texts.

use sonnette::dialect::UnknownAction;

use crate::admin::validation::Violation;
use crate::admin::webhooks::headers::HeaderViolation;
use crate::dashboard::shell::texts::Texts;

/// The fields in the section that is collapsed at first.
pub(super) const COLLAPSED_FIELDS: [&str; 6] = [
    "headers",
    "max_per_second",
    "max_concurrency",
    "timeout_seconds",
    "signature_scheme",
    "contact_emails",
];

/// Errors of one field that are shown. A list can have as many errors as it has elements.
const MAX_ERRORS_PER_FIELD: usize = 20;
/// Characters of an invalid value that are quoted.
const MAX_QUOTED_CHARS: usize = 100;

/// An error of a field.
#[derive(Debug)]
pub(super) struct FieldError {
    field: &'static str,
    problem: FieldProblem,
}

/// Why the value of a field is refused.
#[derive(Debug)]
pub(super) enum FieldProblem {
    /// It violates a rule of the resource.
    Violation(Violation),
    /// An action type is unknown, with its name.
    UnknownActionType(String, UnknownAction),
    /// The target is not `https`, which the server requires.
    NotHttps,
    /// The credentials are masked, and none are stored for the server of the target.
    MaskedCredentials,
    /// More than this many elements are chosen.
    TooManyChosen(usize),
    /// No action type is chosen. The API allows that, the form does not.
    NoActionType,
    /// None of the chosen action types can be sent as a test.
    NothingToTest,
    /// Too many tests are running.
    Busy,
    /// A line of the headers has no colon.
    MalformedHeader,
    /// A header, with its name, violates a rule; without a name, the list does.
    Header(Option<String>, HeaderViolation),
    /// The value of this header is masked, and the stored value is for another server.
    HeaderElsewhere(String),
    /// A setting is invalid; the key of the text that says what is valid.
    Setting(&'static str),
}

impl FieldError {
    pub(super) fn new(field: &'static str, problem: FieldProblem) -> Self {
        Self { field, problem }
    }

    /// The errors for the violations of one field.
    pub(super) fn of_violations(
        field: &'static str,
        violations: impl IntoIterator<Item = Violation>,
    ) -> impl Iterator<Item = Self> {
        violations
            .into_iter()
            .map(move |violation| Self::new(field, FieldProblem::Violation(violation)))
    }

    /// The error of a setting.
    pub(super) fn of_setting(name: &str) -> Self {
        let (field, key) = match name {
            "max_per_second" => ("max_per_second", "form-error-per-second"),
            "max_concurrency" => ("max_concurrency", "form-error-concurrency"),
            "timeout_seconds" => ("timeout_seconds", "form-error-timeout"),
            "contact_emails" => ("contact_emails", "form-error-emails"),
            _ => ("signature_scheme", "form-error-choice"),
        };
        Self::new(field, FieldProblem::Setting(key))
    }

    /// The fields and texts of the errors, at most [`MAX_ERRORS_PER_FIELD`] of each field.
    pub(super) fn texts(errors: &[Self], texts: &Texts) -> Vec<(&'static str, String)> {
        let mut shown: Vec<(&'static str, String)> = Vec::new();
        for error in errors {
            let of_field = shown.iter().filter(|(field, _)| *field == error.field);
            if of_field.count() < MAX_ERRORS_PER_FIELD {
                shown.push((error.field, error.text(texts)));
            }
        }
        shown
    }

    fn text(&self, texts: &Texts) -> String {
        let key = match &self.problem {
            FieldProblem::Violation(violation) => return violation_text(violation, texts),
            FieldProblem::UnknownActionType(name, reason) => {
                return unknown_action_text(name, reason, texts);
            }
            FieldProblem::TooManyChosen(max) => {
                return texts.get_count("form-error-too-many", *max);
            }
            FieldProblem::Header(Some(name), violation) => {
                return texts.get_with(header_key(*violation), quoted(name));
            }
            FieldProblem::HeaderElsewhere(name) => {
                return texts.get_with("form-error-header-elsewhere", quoted(name));
            }
            FieldProblem::NotHttps => "form-error-unencrypted",
            FieldProblem::MaskedCredentials => "form-error-url-masked",
            FieldProblem::NoActionType => "form-error-no-action-type",
            FieldProblem::NothingToTest => "conflict-nothing-to-test",
            FieldProblem::Busy => "form-error-busy",
            FieldProblem::MalformedHeader => "form-error-header-line",
            FieldProblem::Header(None, _) => "form-error-headers-many",
            FieldProblem::Setting(key) => key,
        };
        texts.get(key).into_owned()
    }
}

fn quoted(value: &str) -> String {
    value.chars().take(MAX_QUOTED_CHARS).collect()
}

/// That there is no such action type, and what helps to find the right one.
fn unknown_action_text(name: &str, reason: &UnknownAction, texts: &Texts) -> String {
    let mut sentences = vec![texts.get_with("form-error-action-type", quoted(name))];
    let similar = match reason {
        UnknownAction::DialectOff(dialect) => {
            sentences.push(texts.get_with("form-error-action-type-dialect", dialect));
            &[][..]
        }
        UnknownAction::Explained(_) => &[],
        UnknownAction::PretixWildcard { similar } => {
            sentences.push(texts.get("form-error-action-type-wildcard").into_owned());
            similar
        }
        UnknownAction::NoSuchName { similar } => similar,
    };
    if !similar.is_empty() {
        let names = similar.join(", ");
        sentences.push(texts.get_with("form-error-action-type-similar", names));
    }
    sentences.join(" ")
}

fn violation_text(violation: &Violation, texts: &Texts) -> String {
    let key = match violation {
        Violation::TooLong { max } => return texts.get_count("form-error-too-long", *max),
        Violation::UnknownEvent(slug) => return texts.get_with("form-error-event", quoted(slug)),
        Violation::Required | Violation::Null | Violation::Blank => "form-error-required",
        Violation::NotUrl => "form-error-url",
        Violation::AllAndSomeEvents => "form-error-all-and-some",
        Violation::NullCharacter | Violation::LoneSurrogate(_) => "form-error-character",
        _ => "form-error-choice",
    };
    texts.get(key).into_owned()
}

fn header_key(violation: HeaderViolation) -> &'static str {
    match violation {
        HeaderViolation::TooMany => "form-error-headers-many",
        HeaderViolation::Duplicate => "form-error-header-twice",
        HeaderViolation::InvalidName => "form-error-header-name",
        HeaderViolation::Reserved => "form-error-header-reserved",
        HeaderViolation::TooLong => "form-error-header-long",
        HeaderViolation::NotText | HeaderViolation::InvalidValue => "form-error-header-value",
        HeaderViolation::NoStoredValue => "form-error-header-masked",
    }
}
