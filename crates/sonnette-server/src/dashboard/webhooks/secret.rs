//! The signing secret, and receivers that verify with it.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sonnette::domain::Secret;

use super::actions::confirm::{Breadcrumbs, ask, change};
use super::page::WebhookPage;
use crate::admin::webhooks::secrets;
use crate::credentials::random_secret;
use crate::dashboard::samples::{SAMPLES, Sample};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::time_element::TimeElement;
use crate::edge::AppState;

/// In which language a receiver is shown.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    language: String,
}

struct Language {
    name: &'static str,
    url: String,
    current: bool,
}

#[derive(Template)]
#[template(path = "webhooks/secret.html")]
struct SecretTemplate {
    layout: Layout,
    crumbs: Breadcrumbs,
    secret: String,
    public_key: Option<String>,
    /// The secret before, which signs as well until then.
    previous: Option<(String, TimeElement)>,
    /// The key of what is wrong with the secret that was sent.
    wrong: Option<&'static str>,
    rotate: String,
    action: String,
    languages: Vec<Language>,
    sample: &'static Sample,
}

/// The secret, and a receiver in one of the languages.
pub(crate) async fn show_secret(
    State(state): State<AppState>,
    Query(wanted): Query<Wanted>,
    at: WebhookPage,
) -> Result<Response, PageError> {
    shown(&state, at, &wanted.language, None)
}

fn shown(
    state: &AppState,
    at: WebhookPage,
    wanted: &str,
    wrong: Option<&'static str>,
) -> Result<Response, PageError> {
    let webhook = &at.webhook;
    let mut samples = SAMPLES.iter();
    let sample = samples
        .find(|sample| sample.slug == wanted)
        .or(SAMPLES.first())
        .ok_or(PageError::NotFound)?;
    let language = |one: &Sample| Language {
        name: one.name,
        url: format!("{}?language={}#samples", at.url("secret/"), one.slug),
        current: one.slug == sample.slug,
    };
    let previous = webhook.secrets.previous.as_ref();
    render(&SecretTemplate {
        crumbs: Breadcrumbs::of(&at),
        secret: webhook.secrets.current.text().to_owned(),
        public_key: secrets::public_key(webhook),
        previous: previous
            .filter(|(_, until)| state.now() < *until)
            .map(|(secret, until)| (secret.text().to_owned(), TimeElement(*until))),
        wrong,
        rotate: at.url("secret/rotate/"),
        action: at.url("secret/"),
        languages: SAMPLES.iter().map(language).collect(),
        sample,
        layout: at.page.layout,
    })
}

/// A secret of one's own.
pub(crate) async fn set_secret(
    State(state): State<AppState>,
    at: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    let Ok(secret) = form.get("secret").parse::<Secret>() else {
        let mut response = shown(&state, at, "", Some("secret-invalid"))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    replace(&state, &at, secret, "sonnette.webhook.secret.changed").await?;
    Ok(flash::redirect(&at.url("secret/"), "secret-set"))
}

/// Asks before a new secret is drawn.
pub(crate) async fn ask_to_rotate(at: WebhookPage) -> Result<Response, PageError> {
    let texts = at.page.layout.texts;
    let mut says = vec!["rotate-new", "rotate-day"];
    if at.webhook.settings.signing_seeds.is_some() {
        says.push("rotate-key");
    }
    let says = says
        .into_iter()
        .map(|key| texts.get(key).into_owned())
        .collect();
    ask(at, "secret/rotate/", "rotate", says, false)
}

/// A new secret, drawn at random.
pub(crate) async fn rotate(
    State(state): State<AppState>,
    at: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let secret = random_secret()?;
    replace(&state, &at, secret, "sonnette.webhook.secret.rotated").await?;
    Ok(flash::redirect(&at.url("secret/"), "secret-rotated"))
}

async fn replace(
    state: &AppState,
    at: &WebhookPage,
    secret: Secret,
    action: &'static str,
) -> Result<(), PageError> {
    let (seed, now) = (secrets::random_seed()?, state.now());
    let data = json!({ "id": at.webhook.id });
    change(state, at, (action, data), move |webhook| {
        secrets::replace(webhook, &secret, &seed, now);
    })
    .await?;
    Ok(())
}
