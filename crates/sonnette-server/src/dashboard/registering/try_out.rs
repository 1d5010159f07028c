//! A webhook tested as it stands in the form, with nothing stored.

use serde_json::json;
use sonnette::domain::Webhook;
use sonnette::engine::ControlError;

use super::rules::Checked;
use super::save;
use super::wrong::{Complaint, Wrong};
use crate::admin::webhooks::secrets;
use crate::dashboard::error::PageError;
use crate::dashboard::mending::told::Told;
use crate::dashboard::visitor::Desk;
use crate::edge::AppState;

/// Sends the example of the first action type that is chosen; `before` is the webhook as it is stored, if it is. It is
/// noted before it is sent: whoever goes away meanwhile leaves a trace.
pub(super) async fn try_out(
    state: &AppState,
    desk: &Desk,
    before: Option<&Webhook>,
    checked: &Checked,
) -> Result<Result<Told, Wrong>, PageError> {
    let now = state.now();
    let draft = match before {
        None => save::draft(desk, checked, now)?,
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
    let note = desk.visitor.note("sonnette.webhook.tried", data, now);
    let organizer = desk.organizer();
    state
        .store(move |store| store.add_audit_entry(organizer, note))
        .await?;
    match state.sonnette.try_out(draft, None).await {
        Ok(attempt) => {
            let mut told = Told::of(&attempt, desk.frame.w);
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
