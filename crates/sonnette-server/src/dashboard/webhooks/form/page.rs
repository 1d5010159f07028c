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
use crate::dashboard::shell::form_data::Posted;
use crate::dashboard::shell::layout::{Frame, Who, page};
use crate::dashboard::shell::visitor::Desk;
use crate::dashboard::webhooks::actions::test_result::Told;
use crate::dashboard::webhooks::page::At;
use crate::edge::AppState;

#[derive(Template)]
#[template(path = "webhooks/form/form.html")]
struct FormPage {
    f: Frame,
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

impl FormPage {
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
    desk: Desk,
    /// None: a new one.
    webhook: Option<Webhook>,
    events: Vec<Event>,
}

impl Form {
    async fn of(state: &AppState, desk: Desk, webhook: Option<Webhook>) -> Result<Self, PageError> {
        let organizer = desk.organizer();
        let events = state.store(move |store| store.events(organizer)).await?;
        Ok(Self {
            desk,
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
        let desk = self.desk;
        let w = desk.frame.w;
        let here = match &self.webhook {
            None => "/webhooks/new/".to_owned(),
            Some(webhook) => format!("/webhooks/{}/edit/", webhook.id),
        };
        let list = desk.url("/webhooks/");
        let warnings = match &self.webhook {
            Some(webhook) => warnings::of(&webhook.target, &state.settings.allow_target),
            None => Vec::new(),
        };
        let back = match &self.webhook {
            None => list.clone(),
            Some(webhook) => desk.url(format_args!("/webhooks/{}/", webhook.id)),
        };
        let (events, some_events_left_out) = EventChoice::first(&self.events, &input.limit_events);
        page(&FormPage {
            list,
            back,
            action: desk.url(here),
            stored: self.webhook.map(|webhook| webhook.target.redacted()),
            choices: Choices::of(&desk.tenant.catalogue, &input.action_types, w),
            events,
            some_events_left_out,
            wrong: Wrong::told(wrong, w),
            warnings: warnings.iter().map(|key| w.t(key).into_owned()).collect(),
            input,
            told,
            require_https: state.settings.require_https,
            f: desk.frame,
        })
    }
}

/// The empty form.
pub(crate) async fn show_new(
    State(state): State<AppState>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let form = Form::of(&state, desk, None).await?;
    form.shown(&state, Input::default(), &[], None)
}

/// The form with a webhook as it is.
pub(crate) async fn show_edit(
    State(state): State<AppState>,
    At { desk, webhook }: At,
) -> Result<Response, PageError> {
    let input = Input::of(&webhook);
    let webhook = Webhook::clone(&webhook);
    let form = Form::of(&state, desk, Some(webhook)).await?;
    form.shown(&state, input, &[], None)
}

/// A new webhook, or a try of one.
pub(crate) async fn create(
    State(state): State<AppState>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Webhooks).await?;
    let form = Form::of(&state, desk, None).await?;
    sent(&state, form, &posted).await
}

/// A webhook changed, or a try of what it would be.
pub(crate) async fn save_edit(
    State(state): State<AppState>,
    At { desk, webhook }: At,
    posted: Posted,
) -> Result<Response, PageError> {
    let webhook = Webhook::clone(&webhook);
    let form = Form::of(&state, desk, Some(webhook)).await?;
    sent(&state, form, &posted).await
}

async fn sent(state: &AppState, form: Form, posted: &Posted) -> Result<Response, PageError> {
    let input = Input::posted(posted);
    let checked = checks::check(
        &input,
        form.webhook.as_ref(),
        &form.events,
        &form.desk.tenant.catalogue,
        &state.settings,
    );
    let checked = match checked {
        Ok(checked) => checked,
        Err(wrong) => return again(state, form, input, &wrong),
    };
    if posted.has("test") {
        return match test::try_out(state, &form.desk, form.webhook.as_ref(), &checked).await? {
            Ok(told) => form.shown(state, input, &[], Some(told)),
            Err(wrong) => again(state, form, input, &[wrong]),
        };
    }
    let saved = match &form.webhook {
        None => save::create(state, &form.desk, checked, &form.events)
            .await
            .map(Ok),
        Some(before) => save::change(state, &form.desk, before, input.clone(), &checked).await,
    };
    match saved? {
        Ok((webhook, key)) => {
            let warnings = warnings::of(&webhook.target, &state.settings.allow_target);
            let key = warnings.last().map_or(key, |last| warnings::told(last));
            let to = form.desk.url(format_args!("/webhooks/{}/", webhook.id));
            Ok(flash::go(&to, key))
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
