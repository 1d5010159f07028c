//! The organizer's settings.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{DialectName, FailurePolicy, Language, Organizer, Permission};

use super::settings_form::Input;
use crate::admin::organizers;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::form_errors::FormErrors;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

struct Choice {
    word: &'static str,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "organizers/settings.html")]
struct SettingsTemplate {
    layout: Layout,
    here: String,
    events: String,
    slug: String,
    uuid: String,
    languages: Vec<Choice>,
    /// Empty: they may not choose.
    dialects: Vec<Choice>,
    /// What the dialects say, in words.
    default_policy: &'static str,
    input: Input,
    errors: FormErrors,
}

impl SettingsTemplate {
    fn new(page: OrganizerPage, input: Input, errors: FormErrors) -> Self {
        let organizer = &page.tenant.organizer;
        let texts = page.layout.texts;
        let languages = [
            (Language::English, "English"),
            (Language::French, "Français"),
        ];
        let dialects = DialectName::ALL.iter().map(|dialect| Choice {
            word: dialect.as_str(),
            name: texts
                .get(&format!("catalogue-dialect-{dialect}"))
                .into_owned(),
            chosen: input.speaks(*dialect),
        });
        Self {
            here: page.url("/settings/"),
            events: page.url("/settings/events/"),
            slug: organizer.slug.to_string(),
            uuid: organizer.uuid.to_string(),
            languages: languages
                .into_iter()
                .map(|(language, name)| Choice {
                    word: language.as_str(),
                    name: name.to_owned(),
                    chosen: input.language == language.as_str(),
                })
                .collect(),
            dialects: if page.current_user.is_operator() {
                dialects.collect()
            } else {
                Vec::new()
            },
            default_policy: default_policy(organizer),
            input,
            errors,
            layout: page.layout,
        }
    }

    /// Whether this policy is chosen.
    fn is(&self, policy: &str) -> bool {
        match self.input.policy.as_str() {
            chosen @ ("never" | "after") => chosen == policy,
            _ => policy == "default",
        }
    }
}

/// The key of what holds if the organizer leaves it to its dialects.
fn default_policy(organizer: &Organizer) -> &'static str {
    let mut organizer = organizer.clone();
    organizer.failure_policy = None;
    match organizer.effective_failure_policy() {
        FailurePolicy::Never => "organizer-policy-default-never",
        FailurePolicy::After { .. } => "organizer-policy-default-after",
    }
}

/// The page.
pub(crate) async fn show(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let input = Input::of(&page.tenant.organizer);
    render(&SettingsTemplate::new(page, input, FormErrors::default()))
}

/// Saves them.
pub(crate) async fn change(
    State(state): State<AppState>,
    page: OrganizerPage,
    form: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Organizer).await?;
    let mut errors = FormErrors::default();
    let input = Input::read(&form);
    let operator = page.current_user.is_operator();
    let (patch, data) = input.patch(page.layout.texts, &form, operator, &mut errors);
    if !errors.is_empty() {
        let mut response = render(&SettingsTemplate::new(page, input, errors))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, id) = (page.author(), page.organizer());
    state
        .change(move |store, now| organizers::change(store, &author, id, &patch, data, now))
        .await??;
    Ok(flash::redirect(&page.url("/settings/"), "settings-saved"))
}
