//! The signing secret, and sample code of receivers that verify signatures.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use sonnette::domain::{Secret, SignatureScheme, Webhook};

use super::actions::change::change_webhook;
use super::actions::confirm::confirm;
use super::page::{Breadcrumbs, WebhookPage};
use crate::admin::webhooks::secrets;
use crate::credentials::random_secret;
use crate::dashboard::samples::{SAMPLES, Sample};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::flash;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::time_element::TimeElement;
use crate::edge::AppState;

/// The programming language of the sample.
#[derive(Deserialize)]
pub(crate) struct SecretQuery {
    #[serde(default)]
    language: String,
}

/// A link to the sample in a programming language.
struct SampleLink {
    name: &'static str,
    url: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "webhooks/secret.html")]
struct SecretTemplate {
    layout: Layout,
    breadcrumbs: Breadcrumbs,
    secret: String,
    public_key: Option<String>,
    /// Whether there is a signature that the previous secret never makes.
    signs_for_creads: bool,
    /// The previous secret, and the time until which it signs too.
    previous: Option<(String, TimeElement)>,
    /// The key of the error message for the secret that the user entered.
    error: Option<&'static str>,
    rotate: String,
    action: String,
    languages: Vec<SampleLink>,
    sample: &'static Sample,
}

/// Shows the secret and a sample in one of the languages.
pub(crate) async fn show_secret(
    State(state): State<AppState>,
    Query(query): Query<SecretQuery>,
    page: WebhookPage,
) -> Result<Response, PageError> {
    show(&state, page, &query.language, None)
}

fn show(
    state: &AppState,
    page: WebhookPage,
    language: &str,
    error: Option<&'static str>,
) -> Result<Response, PageError> {
    let webhook = &page.webhook;
    let mut samples = SAMPLES.iter();
    let sample = samples
        .find(|sample| sample.slug == language)
        .or(SAMPLES.first())
        .ok_or(PageError::NotFound)?;
    let link = |one: &Sample| SampleLink {
        name: one.name,
        url: format!("{}?language={}#samples", page.url("secret/"), one.slug),
        is_current: one.slug == sample.slug,
    };
    let previous = webhook.secrets.previous.as_ref();
    render(&SecretTemplate {
        breadcrumbs: Breadcrumbs::new(&page),
        secret: webhook.secrets.current.text().to_owned(),
        public_key: secrets::public_key(webhook),
        signs_for_creads: signs_for_creads(webhook),
        previous: previous
            .filter(|(_, until)| state.now() < *until)
            .map(|(secret, until)| (secret.text().to_owned(), TimeElement(*until))),
        error,
        rotate: page.url("secret/rotate/"),
        action: page.url("secret/"),
        languages: SAMPLES.iter().map(link).collect(),
        sample,
        layout: page.organizer_page.layout,
    })
}

/// Sets a secret that the user entered.
pub(crate) async fn set_secret(
    State(state): State<AppState>,
    page: WebhookPage,
    form: FormData,
) -> Result<Response, PageError> {
    let Ok(secret) = form.get("secret").parse::<Secret>() else {
        let mut response = show(&state, page, "", Some("secret-invalid"))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    replace_secret(&state, &page, secret, "sonnette.webhook.secret.changed").await?;
    Ok(flash::redirect(&page.url("secret/"), "secret-set"))
}

fn signs_for_creads(webhook: &Webhook) -> bool {
    let signatures = &webhook.settings.extra_signatures;
    signatures.contains(&SignatureScheme::Creads)
}

/// Asks for confirmation before a new secret is generated.
pub(crate) async fn confirm_rotate(page: WebhookPage) -> Result<Response, PageError> {
    let texts = page.organizer_page.layout.texts;
    let mut keys = vec!["rotate-new", "rotate-day"];
    if signs_for_creads(&page.webhook) {
        keys.push("secret-change-creads");
    }
    if page.webhook.settings.signing_seeds.is_some() {
        keys.push("rotate-key");
    }
    let consequences = keys
        .into_iter()
        .map(|key| texts.get(key).into_owned())
        .collect();
    confirm(page, "secret/rotate/", "rotate", consequences, false)
}

/// Replaces the secret by a random one.
pub(crate) async fn rotate(
    State(state): State<AppState>,
    page: WebhookPage,
    _: FormData,
) -> Result<Response, PageError> {
    let secret = random_secret()?;
    replace_secret(&state, &page, secret, "sonnette.webhook.secret.rotated").await?;
    Ok(flash::redirect(&page.url("secret/"), "secret-rotated"))
}

async fn replace_secret(
    state: &AppState,
    page: &WebhookPage,
    secret: Secret,
    action: &'static str,
) -> Result<(), PageError> {
    let (seed, now) = (secrets::random_seed()?, state.now());
    let data = json!({ "id": page.webhook.id });
    change_webhook(state, page, (action, data), move |webhook| {
        secrets::replace(webhook, &secret, &seed, now)
    })
    .await?;
    Ok(())
}
