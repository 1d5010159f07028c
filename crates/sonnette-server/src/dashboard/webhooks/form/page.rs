//! A webhook registered or changed: one form.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{Event, Permission, Webhook};

use super::choices::{Choices, EventChoice};
use super::errors::Wrong;
use super::input::Input;
use super::{checks, choices, errors, save, test, warnings};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::webhooks::actions::test_result::Told;
use crate::dashboard::webhooks::page::WebhookPage;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/form/form.html")]
struct FormTemplate {
    layout: Layout,
    /// Where the list of webhooks is.
    list: String,
    /// Where the form goes.
    action: String,
    /// Where one goes instead.
    back: String,
    /// Of the webhook as it is stored, if it is.
    stored: Option<String>,
    input: Input,
    choices: Choices,
    events: Vec<EventChoice>,
    some_events_left_out: bool,
    /// What is wrong, by the names of the fields.
    wrong: Vec<(&'static str, String)>,
    warnings: Vec<String>,
    /// What came of a test before saving.
    told: Option<Told>,
    require_https: bool,
}

impl FormTemplate {
    fn wrong_with<'a>(&'a self, field: &'a str) -> impl Iterator<Item = &'a str> {
        self.wrong
            .iter()
            .filter(move |(name, _)| *name == field)
            .map(|(_, words)| words.as_str())
    }

    fn is_wrong(&self, field: &&str) -> bool {
        self.wrong_with(field).next().is_some()
    }

    /// Whether what is folded out needs be seen.
    fn more_is_open(&self) -> bool {
        self.wrong
            .iter()
            .any(|(name, _)| errors::MORE.contains(name))
    }
}

/// What the form is about.
struct Form {
    page: OrganizerPage,
    /// None: a new one.
    webhook: Option<Webhook>,
    events: Vec<Event>,
}

impl Form {
    async fn of(
        state: &AppState,
        page: OrganizerPage,
        webhook: Option<Webhook>,
    ) -> Result<Self, PageError> {
        let organizer = page.organizer();
        let events = state.store(move |store| store.events(organizer)).await?;
        Ok(Self {
            page,
            webhook,
            events,
        })
    }

    fn shown(
        self,
        state: &AppState,
        input: Input,
        wrong: &[Wrong],
        told: Option<Told>,
    ) -> Result<Response, PageError> {
        let page = self.page;
        let texts = page.layout.texts;
        let here = match &self.webhook {
            None => "/webhooks/new/".to_owned(),
            Some(webhook) => format!("/webhooks/{}/edit/", webhook.id),
        };
        let list = page.url("/webhooks/");
        let warnings = match &self.webhook {
            Some(webhook) => warnings::of(&webhook.target, &state.settings.allow_target),
            None => Vec::new(),
        };
        let back = match &self.webhook {
            None => list.clone(),
            Some(webhook) => page.url(format_args!("/webhooks/{}/", webhook.id)),
        };
        let (events, some_events_left_out) = EventChoice::first(&self.events, &input.limit_events);
        render(&FormTemplate {
            list,
            back,
            action: page.url(here),
            stored: self.webhook.map(|webhook| webhook.target.redacted()),
            choices: Choices::of(&page.tenant.catalogue, &input.action_types, texts),
            events,
            some_events_left_out,
            wrong: Wrong::told(wrong, texts),
            warnings: warnings
                .iter()
                .map(|key| texts.get(key).into_owned())
                .collect(),
            input,
            told,
            require_https: state.settings.require_https,
            layout: page.layout,
        })
    }
}

/// The empty form.
pub(crate) async fn show_new(
    State(state): State<AppState>,
    page: OrganizerPage,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let form = Form::of(&state, page, None).await?;
    form.shown(&state, Input::default(), &[], None)
}

/// The form with a webhook as it is.
pub(crate) async fn show_edit(
    State(state): State<AppState>,
    WebhookPage { page, webhook }: WebhookPage,
) -> Result<Response, PageError> {
    let input = Input::of(&webhook);
    let webhook = Webhook::clone(&webhook);
    let form = Form::of(&state, page, Some(webhook)).await?;
    form.shown(&state, input, &[], None)
}

/// A new webhook, or a try of one.
pub(crate) async fn create(
    State(state): State<AppState>,
    page: OrganizerPage,
    data: FormData,
) -> Result<Response, PageError> {
    page.require(&state, Permission::Webhooks).await?;
    let form = Form::of(&state, page, None).await?;
    sent(&state, form, &data).await
}

/// A webhook changed, or a try of what it would be.
pub(crate) async fn save_edit(
    State(state): State<AppState>,
    WebhookPage { page, webhook }: WebhookPage,
    data: FormData,
) -> Result<Response, PageError> {
    let webhook = Webhook::clone(&webhook);
    let form = Form::of(&state, page, Some(webhook)).await?;
    sent(&state, form, &data).await
}

async fn sent(state: &AppState, form: Form, data: &FormData) -> Result<Response, PageError> {
    let input = Input::from_form(data);
    let checked = checks::check(
        &input,
        form.webhook.as_ref(),
        &form.events,
        &form.page.tenant.catalogue,
        &state.settings,
    );
    let checked = match checked {
        Ok(checked) => checked,
        Err(wrong) => return again(state, form, input, &wrong),
    };
    if data.contains("test") {
        return match test::try_out(state, &form.page, form.webhook.as_ref(), &checked).await? {
            Ok(told) => form.shown(state, input, &[], Some(told)),
            Err(wrong) => again(state, form, input, &[wrong]),
        };
    }
    let saved = match &form.webhook {
        None => save::create(state, &form.page, checked, &form.events)
            .await
            .map(Ok),
        Some(before) => save::change(state, &form.page, before, input.clone(), &checked).await,
    };
    match saved? {
        Ok((webhook, key)) => {
            let warnings = warnings::of(&webhook.target, &state.settings.allow_target);
            let key = warnings.last().map_or(key, |last| warnings::told(last));
            let to = form.page.url(format_args!("/webhooks/{}/", webhook.id));
            Ok(flash::redirect(&to, key))
        }
        Err(wrong) => again(state, form, input, &wrong),
    }
}

fn again(
    state: &AppState,
    form: Form,
    input: Input,
    wrong: &[Wrong],
) -> Result<Response, PageError> {
    let mut response = form.shown(state, input, wrong, None)?;
    *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    Ok(response)
}
