//! Tests the webhook of a form without storing it.

use serde_json::json;
use sonnette::domain::Webhook;
use sonnette::engine::ControlError;

use super::errors::{FieldError, FieldProblem};
use super::save::draft;
use super::validate::ValidForm;
use crate::admin::webhooks::secrets;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::webhooks::actions::test_result::TestResult;
use crate::edge::AppState;

/// Sends the example of the first action type that is chosen. `before` is the stored webhook, if there is one.
///
/// The audit entry is written before the request is sent, so that it exists even if the user leaves the page.
pub(super) async fn test_unsaved(
    state: &AppState,
    page: &OrganizerPage,
    before: Option<&Webhook>,
    form: &ValidForm,
) -> Result<Result<TestResult, FieldError>, PageError> {
    let now = state.now();
    let webhook = match before {
        None => draft(page, form, now)?,
        Some(before) => {
            let mut webhook = before.clone();
            form.apply(&mut webhook, &secrets::random_seed()?, now);
            webhook
        }
    };
    let mut data = json!({"target_url": webhook.target.redacted()});
    if let Some(before) = before {
        data["id"] = json!(before.id);
    }
    let entry = page
        .author()
        .audit_entry("sonnette.webhook.tried", data, now);
    let organizer = page.organizer_id();
    state
        .write(move |store| store.add_audit_entry(organizer, entry))
        .await?;
    match state.sonnette.test_draft(webhook, None).await {
        Ok(attempt) => {
            let mut result = TestResult::new(&attempt, page.layout.texts);
            result.has_temporary_secret = before.is_none();
            Ok(Ok(result))
        }
        Err(ControlError::NothingToTest) => Ok(Err(FieldError::new(
            "action_types",
            FieldProblem::NothingToTest,
        ))),
        Err(ControlError::Busy) => Ok(Err(FieldError::new("target_url", FieldProblem::Busy))),
        Err(error) => Err(error.into()),
    }
}
