//! The organizer's settings.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use sonnette::domain::{DialectName, FailurePolicy, Language, Organizer, Permission};

use super::input::Input;
use crate::admin::organizers;
use crate::dashboard::error::PageError;
use crate::dashboard::faults::Faults;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::posted::Posted;
use crate::dashboard::said;
use crate::dashboard::visitor::Desk;
use crate::edge::AppState;

struct Choice {
    word: &'static str,
    name: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "organizer/settings.html")]
struct SettingsPage {
    f: Frame,
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
    faults: Faults,
}

impl SettingsPage {
    fn new(desk: Desk, input: Input, faults: Faults) -> Self {
        let organizer = &desk.tenant.organizer;
        let w = desk.frame.w;
        let languages = [
            (Language::English, "English"),
            (Language::French, "Français"),
        ];
        let dialects = DialectName::ALL.iter().map(|dialect| Choice {
            word: dialect.as_str(),
            name: w.t(&format!("catalogue-dialect-{dialect}")).into_owned(),
            chosen: input.speaks(*dialect),
        });
        Self {
            here: desk.url("/settings/"),
            events: desk.url("/settings/events/"),
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
            dialects: if desk.visitor.is_operator() {
                dialects.collect()
            } else {
                Vec::new()
            },
            default_policy: default_policy(organizer),
            input,
            faults,
            f: desk.frame,
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
pub(in crate::dashboard) async fn show(
    State(state): State<AppState>,
    desk: Desk,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let input = Input::of(&desk.tenant.organizer);
    page(&SettingsPage::new(desk, input, Faults::default()))
}

/// Saves them.
pub(in crate::dashboard) async fn change(
    State(state): State<AppState>,
    desk: Desk,
    posted: Posted,
) -> Result<Response, PageError> {
    desk.need(&state, Permission::Organizer).await?;
    let mut faults = Faults::default();
    let input = Input::read(&posted);
    let operator = desk.visitor.is_operator();
    let (patch, data) = input.patch(desk.frame.w, &posted, operator, &mut faults);
    if !faults.is_empty() {
        let mut response = page(&SettingsPage::new(desk, input, faults))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let (author, id) = (desk.author(), desk.organizer());
    state
        .change(move |store, now| organizers::change(store, &author, id, &patch, data, now))
        .await??;
    Ok(said::go(&desk.url("/settings/"), "settings-saved"))
}
