//! The pages with the form: for a new webhook, and for a stored one.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Event, Permission, Webhook};

use super::choices::{self, Choices, EventChoice};
use super::errors::{COLLAPSED_FIELDS, FieldError};
use super::input::Input;
use super::save;
use super::test_unsaved::test_unsaved;
use super::validate::validate;
use super::warnings::{flash_key, warning_keys};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::webhooks::actions::test_result::TestResult;
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/form/form.html")]
struct FormTemplate {
    layout: Layout,
    /// The URL of the list of webhooks.
    list: String,
    /// The URL that the form is sent to.
    action: String,
    /// The URL of the page to return to.
    back: String,
    /// The target of the stored webhook; `None` for a new one.
    stored_target: Option<String>,
    input: Input,
    choices: Choices,
    events: Vec<EventChoice>,
    has_more_events: bool,
    /// Names of fields with their error messages.
    errors: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    /// The result of a test before saving.
    result: Option<TestResult>,
    require_https: bool,
}

impl FormTemplate {
    fn errors_of<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.errors
            .iter()
            .filter(move |(name, _)| *name == field)
            .map(|(_, text)| text.as_str())
    }

    fn has_error(&self, field: &&str) -> bool {
        self.errors_of(field).next().is_some()
    }

    /// Whether a field in the collapsed section has an error.
    fn has_collapsed_error(&self) -> bool {
        self.errors
            .iter()
            .any(|(name, _)| COLLAPSED_FIELDS.contains(name))
    }
}

/// What a form is about.
struct FormContext {
    page: OrganizerPage,
    /// The stored webhook; `None` for a new one.
    webhook: Option<Webhook>,
    /// The events of the organizer.
    events: Vec<Event>,
}

impl FormContext {
    async fn load(
        state: &AppState,
        page: OrganizerPage,
        webhook: Option<Webhook>,
    ) -> Result<Self, PageError> {
        let organizer = page.organizer_id();
        let events = state.read(move |store| store.events(organizer)).await?;
        Ok(Self {
            page,
            webhook,
            events,
        })
    }

    fn render(
        self,
        state: &AppState,
        input: Input,
        errors: &[FieldError],
        result: Option<TestResult>,
    ) -> Result<Response, PageError> {
        let page = self.page;
        let texts = page.layout.texts;
        let list = page.url("/webhooks/");
        let (action, back, warnings) = match &self.webhook {
            None => (page.url("/webhooks/new/"), list.clone(), Vec::new()),
            Some(webhook) => {
                let url = page.url(format_args!("/webhooks/{}/", webhook.id));
                let warnings = warning_keys(&webhook.target, &state.settings.allow_target);
                (format!("{url}edit/"), url, warnings)
            }
        };
        let (events, has_more_events) = EventChoice::list(&self.events, &input.limit_events);
        render(&FormTemplate {
            list,
            back,
            action,
            stored_target: self.webhook.map(|webhook| webhook.target.redacted()),
            choices: Choices::new(&page.organizer.catalogue, &input.action_types, texts),
            events,
            has_more_events,
            errors: FieldError::texts(errors, texts),
            warnings: warnings
                .iter()
                .map(|key| texts.get(key).into_owned())
                .collect(),
            input,
            result,
            require_https: state.settings.require_https,
            layout: page.layout,
        })
    }

    fn render_errors(
        self,
        state: &AppState,
        input: Input,
        errors: &[FieldError],
    ) -> Result<Response, PageError> {
        let mut response = self.render(state, input, errors, None)?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        Ok(response)
    }
}

/// Shows the form for a new webhook.
pub(crate) async fn show_new(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let context = FormContext::load(&state, page, None).await?;
    context.render(&state, Input::default(), &[], None)
}

/// Shows the form with the values of a stored webhook.
pub(crate) async fn show_edit(
    State(state): State<AppState>,
    WebhookPage {
        organizer_page,
        webhook,
    }: WebhookPage,
) -> Result<Response, PageError> {
    let input = Input::from_webhook(&webhook);
    let webhook = Webhook::clone(&webhook);
    let context = FormContext::load(&state, organizer_page, Some(webhook)).await?;
    context.render(&state, input, &[], None)
}

/// Stores a new webhook, or tests it.
pub(crate) async fn create(
    State(state): State<AppState>,
    page: OrganizerPage,
    data: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let context = FormContext::load(&state, page, None).await?;
    submit(&state, context, &data).await
}

/// Changes a stored webhook, or tests the change.
pub(crate) async fn save_edit(
    State(state): State<AppState>,
    WebhookPage {
        organizer_page,
        webhook,
    }: WebhookPage,
    data: FormData,
) -> Result<Response, PageError> {
    let webhook = Webhook::clone(&webhook);
    let context = FormContext::load(&state, organizer_page, Some(webhook)).await?;
    submit(&state, context, &data).await
}

async fn submit(
    state: &AppState,
    context: FormContext,
    data: &FormData,
) -> Result<Response, PageError> {
    let input = Input::from_form(data);
    let (page, before) = (&context.page, context.webhook.as_ref());
    let catalogue = &page.organizer.catalogue;
    let form = match validate(&input, before, &context.events, catalogue, &state.settings) {
        Ok(form) => form,
        Err(errors) => return context.render_errors(state, input, &errors),
    };
    if data.contains("test") {
        return match test_unsaved(state, page, before, &form).await? {
            Ok(result) => context.render(state, input, &[], Some(result)),
            Err(error) => context.render_errors(state, input, &[error]),
        };
    }
    let saved = match before {
        None => Ok(save::create(state, page, &form, &context.events).await?),
        Some(before) => save::change(state, page, before, input.clone(), &form).await?,
    };
    match saved {
        Ok((webhook, key)) => {
            let warnings = warning_keys(&webhook.target, &state.settings.allow_target);
            let key = warnings.last().map_or(key, |warning| flash_key(warning));
            let url = page.url(format_args!("/webhooks/{}/", webhook.id));
            Ok(flash::redirect(&url, key))
        }
        Err(errors) => context.render_errors(state, input, &errors),
    }
}
