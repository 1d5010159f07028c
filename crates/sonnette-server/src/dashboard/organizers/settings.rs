//! The settings of an organizer.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{DialectName, FailurePolicy, Language, Organizer, Permission};

use super::settings_form::SettingsForm;
use crate::admin::organizers;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// A choice of a list.
struct Choice {
    value: &'static str,
    name: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "organizers/settings.html")]
struct SettingsTemplate {
    layout: Layout,
    url: String,
    events_url: String,
    slug: String,
    uuid: String,
    languages: Vec<Choice>,
    /// Empty for users who are not operators.
    dialects: Vec<Choice>,
    /// The key of the text about the policy of the dialects.
    default_policy_key: &'static str,
    input: SettingsForm,
    errors: FormErrors,
}

impl SettingsTemplate {
    fn new(page: OrganizerPage, input: SettingsForm, errors: FormErrors) -> Self {
        let organizer = &page.organizer.organizer;
        let texts = page.layout.texts;
        let languages = [
            (Language::English, "English"),
            (Language::French, "Français"),
        ];
        let dialects = DialectName::ALL.iter().map(|dialect| Choice {
            value: dialect.as_str(),
            name: texts
                .get(&format!("catalogue-dialect-{dialect}"))
                .into_owned(),
            is_chosen: input.has_dialect(*dialect),
        });
        Self {
            url: page.url("/settings/"),
            events_url: page.url("/settings/events/"),
            slug: organizer.slug.to_string(),
            uuid: organizer.uuid.to_string(),
            languages: languages
                .into_iter()
                .map(|(language, name)| Choice {
                    value: language.as_str(),
                    name: name.to_owned(),
                    is_chosen: input.language == language.as_str(),
                })
                .collect(),
            dialects: if page.current_user.is_operator() {
                dialects.collect()
            } else {
                Vec::new()
            },
            default_policy_key: default_policy_key(organizer),
            input,
            errors,
            layout: page.layout,
        }
    }

    /// Whether this failure policy is chosen.
    fn is_policy(&self, policy: &str) -> bool {
        match self.input.policy.as_str() {
            chosen @ ("never" | "after") => chosen == policy,
            _ => policy == "default",
        }
    }
}

/// The key of the text about the failure policy that applies if the organizer has none of its own.
fn default_policy_key(organizer: &Organizer) -> &'static str {
    let mut organizer = organizer.clone();
    organizer.failure_policy = None;
    match organizer.effective_failure_policy() {
        FailurePolicy::Never => "organizer-policy-default-never",
        FailurePolicy::After { .. } => "organizer-policy-default-after",
    }
}

/// Shows the settings.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let input = SettingsForm::from_organizer(&page.organizer.organizer);
    render(&SettingsTemplate::new(page, input, FormErrors::default()))
}

/// Saves the settings.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let mut errors = FormErrors::default();
    let input = SettingsForm::from_form(&form);
    let is_operator = page.current_user.is_operator();
    let (patch, data) = input.patch(page.layout.texts, &form, is_operator, &mut errors);
    if !errors.is_empty() {
        let mut response = render(&SettingsTemplate::new(page, input, errors))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, id) = (page.author(), page.organizer_id());
    state
        .change(move |store, now| organizers::change(store, &author, id, &patch, data, now))
        .await??;
    Ok(flash::redirect(&page.url("/settings/"), "settings-saved"))
}
