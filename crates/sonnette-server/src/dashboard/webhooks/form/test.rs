//! A webhook tested as it stands in the form, with nothing stored.

use serde_json::json;
use sonnette::domain::Webhook;
use sonnette::engine::ControlError;

use super::checks::Checked;
use super::errors::{Complaint, Wrong};
use super::save;
use crate::admin::webhooks::secrets;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::webhooks::actions::test_result::Told;
use crate::edge::AppState;

/// Sends the example of the first action type that is chosen; `before` is the webhook as it is stored, if it is. It is
/// noted before it is sent: whoever goes away meanwhile leaves a trace.
pub(super) async fn try_out(
    state: &AppState,
    page: &OrganizerPage,
    before: Option<&Webhook>,
    checked: &Checked,
) -> Result<Result<Told, Wrong>, PageError> {
    let now = state.now();
    let draft = match before {
        None => save::draft(page, checked, now)?,
        Some(before) => {
            let mut draft = before.clone();
            checked.apply(&mut draft, &secrets::random_seed()?, now);
            draft
        }
    };
    let mut data = json!({"target_url": draft.target.redacted()});
    if let Some(before) = before {
        data["id"] = json!(before.id);
    }
    let note = page.current_user.note("sonnette.webhook.tried", data, now);
    let organizer = page.organizer();
    state
        .store(move |store| store.note(organizer, note))
        .await?;
    match state.sonnette.try_out(draft, None).await {
        Ok(attempt) => {
            let mut told = Told::of(&attempt, page.layout.texts);
            told.unsigned = before.is_none();
            Ok(Ok(told))
        }
        Err(ControlError::NothingToTest) => {
            Ok(Err(Wrong::new("action_types", Complaint::NothingToTest)))
        }
        Err(ControlError::Busy) => Ok(Err(Wrong::new("target_url", Complaint::Busy))),
        Err(error) => Err(error.into()),
    }
}
