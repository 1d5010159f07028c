//! The form of an organizer's settings.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use sonnette::domain::{DialectName, FailurePolicy, Organizer};

use crate::admin::organizers::{OrganizerPatch, failure_policy_json};
use crate::admin::validation::{self, MAX_CONTACT_EMAILS, MAX_NAME_CHARS, Nullable};
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::texts::Texts;

/// The values of the form as the user typed them.
pub(super) struct SettingsForm {
    pub(super) name: String,
    pub(super) language: String,
    /// One e-mail address per line.
    pub(super) contacts: String,
    /// `default`, `never` or `after`.
    pub(super) policy: String,
    pub(super) failures: String,
    pub(super) minutes: String,
    pub(super) dialects: Vec<String>,
}

impl SettingsForm {
    /// The values of a stored organizer.
    pub(super) fn from_organizer(organizer: &Organizer) -> Self {
        let (policy, after) = match organizer.failure_policy {
            None => ("default", organizer.effective_failure_policy()),
            Some(FailurePolicy::Never) => ("never", FailurePolicy::Never),
            Some(after) => ("after", after),
        };
        let (failures, lasting) = match (after, FailurePolicy::TWENTY_IN_AN_HOUR) {
            (FailurePolicy::After { failures, lasting }, _)
            | (FailurePolicy::Never, FailurePolicy::After { failures, lasting }) => {
                (failures, lasting)
            }
            (FailurePolicy::Never, FailurePolicy::Never) => (1, SignedDuration::ZERO),
        };
        let dialects = organizer.dialects.iter();
        Self {
            name: organizer.name.clone(),
            language: organizer.language.to_string(),
            contacts: organizer.contact_emails.join("\n"),
            policy: policy.to_owned(),
            failures: failures.to_string(),
            minutes: format_minutes(lasting),
            dialects: dialects.map(ToString::to_string).collect(),
        }
    }

    /// The values of a submitted form.
    pub(super) fn from_form(form: &FormData) -> Self {
        let text = |field| form.get(field).to_owned();
        Self {
            name: text("name"),
            language: text("language"),
            contacts: text("contacts"),
            policy: text("policy"),
            failures: text("failures"),
            minutes: text("minutes"),
            dialects: form.get_all("dialect").map(str::to_owned).collect(),
        }
    }

    /// Whether this dialect is chosen.
    pub(super) fn has_dialect(&self, dialect: DialectName) -> bool {
        self.dialects.iter().any(|word| word == dialect.as_str())
    }

    /// Validates the form: what changes, and the data of the audit entry. Only operators change dialects.
    pub(super) fn patch(
        &self,
        texts: &Texts,
        form: &FormData,
        is_operator: bool,
        errors: &mut FormErrors,
    ) -> (OrganizerPatch, Value) {
        let name = errors.single_line(texts, form, "name", MAX_NAME_CHARS);
        let language = self.language.parse().ok();
        if language.is_none() {
            errors.add("language", texts.get("field-error-required"));
        }
        let contacts = self.contacts(texts, errors);
        let policy = self.policy(texts, errors);
        let dialects = is_operator.then(|| self.dialects(texts, errors));
        let mut data = Map::new();
        data.insert("name".to_owned(), json!(name));
        data.insert("language".to_owned(), json!(language));
        data.insert("contact_emails".to_owned(), json!(contacts));
        data.insert(
            "failure_policy".to_owned(),
            policy.map_or(Value::Null, failure_policy_json),
        );
        if let Some(dialects) = &dialects {
            data.insert("dialects".to_owned(), json!(dialects));
        }
        let patch = OrganizerPatch {
            name: Some(name),
            uuid: None,
            language,
            dialects,
            contact_emails: Some(contacts),
            failure_policy: Some(Nullable(policy)),
        };
        (patch, data.into())
    }

    fn contacts(&self, texts: &Texts, errors: &mut FormErrors) -> Vec<String> {
        let lines = self.contacts.split(['\n', ',']).map(str::trim);
        let contacts: Vec<String> = lines
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        if let Some(invalid) = contacts
            .iter()
            .find(|contact| validation::email(contact).is_err())
        {
            errors.add(
                "contacts",
                texts.get_with("organizer-contact-invalid", invalid),
            );
        } else if contacts.len() > MAX_CONTACT_EMAILS {
            errors.add(
                "contacts",
                texts.get_count("organizer-contacts-too-many", MAX_CONTACT_EMAILS),
            );
        }
        contacts
    }

    fn policy(&self, texts: &Texts, errors: &mut FormErrors) -> Option<FailurePolicy> {
        match self.policy.as_str() {
            "never" => Some(FailurePolicy::Never),
            "after" => {
                let failures: Option<u32> = self.failures.parse().ok().filter(|n| *n >= 1);
                if failures.is_none() {
                    errors.add("failures", texts.get("organizer-failures-invalid"));
                }
                let lasting = parse_minutes(&self.minutes);
                if lasting.is_none() {
                    errors.add("minutes", texts.get("organizer-minutes-invalid"));
                }
                let (failures, lasting) = (failures?, lasting?);
                Some(FailurePolicy::After { failures, lasting })
            }
            _ => None,
        }
    }

    fn dialects(&self, texts: &Texts, errors: &mut FormErrors) -> Vec<DialectName> {
        let all = DialectName::ALL.iter().copied();
        let dialects: Vec<_> = all.filter(|dialect| self.has_dialect(*dialect)).collect();
        if dialects.is_empty() {
            errors.add("dialects", texts.get("organizer-dialects-none"));
        }
        dialects
    }
}

/// A duration in minutes, with decimals if needed.
fn format_minutes(lasting: SignedDuration) -> String {
    let text = format!("{:.4}", lasting.as_secs_f64() / 60.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Parses minutes into whole seconds, within the range of the API.
fn parse_minutes(minutes: &str) -> Option<SignedDuration> {
    let minutes: f64 = minutes.replace(',', ".").parse().ok()?;
    let lasting = SignedDuration::try_from_secs_f64((minutes * 60.0).round()).ok()?;
    let fits = (0..=i64::from(u32::MAX)).contains(&lasting.as_secs());
    fits.then_some(lasting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_come_back_as_they_were() {
        for seconds in [0, 1, 59, 61, 90, 3_600, 86_400, i64::from(u32::MAX)] {
            let time = SignedDuration::from_secs(seconds);
            assert_eq!(
                parse_minutes(&format_minutes(time)),
                Some(time),
                "{}",
                format_minutes(time)
            );
        }
        assert_eq!(format_minutes(SignedDuration::from_mins(60)), "60");
        assert_eq!(parse_minutes("1,5"), Some(SignedDuration::from_secs(90)));
        for wrong in ["", "-1", "x", "NaN", "inf", "1e30"] {
            assert_eq!(parse_minutes(wrong), None, "{wrong}");
        }
    }
}
