//! Webhooks.

use jiff::Timestamp;
use rusqlite::Transaction;
use serde_json::Value;

use super::audit_log::insert_entry;
use super::counters::next_webhook_id;
use super::damage_log::DamageLog;
use super::registry_version::touch_webhook;
use super::table_row::to_micros;
use super::webhook_rows::{webhooks, write_webhook};
use super::{
    SqliteStore, StoreError, disabled_intervals, lane_rows, pending_webhook_changes,
    refused_action_types,
};
use crate::domain::{
    DisableReason, Disablement, OrganizerId, PendingWebhookChange, Webhook, WebhookChange,
    WebhookId, WebhookState,
};
use crate::store::{ChangeResult, NewAuditEntry, WebhookStore};

impl WebhookStore for SqliteStore {
    fn add_webhook(
        &self,
        webhook: &Webhook,
        entry: NewAuditEntry,
        settings_entry: Option<NewAuditEntry>,
    ) -> Result<Webhook, StoreError> {
        self.write(|t| {
            let id = next_webhook_id(t)?;
            t.execute(
                "INSERT INTO webhooks (id, organizer, target_url, all_events, action_types, secret, headers, extra_signatures,
                   contact_emails) VALUES (?1, ?2, '', 0, '', '', '', '', '')",
                [id, webhook.organizer.0],
            )?;
            let webhook = Webhook { id: WebhookId(id), generation: 0, ..webhook.clone() };
            write_webhook(t, &webhook)?;
            set_receiver_since(t, webhook.id, entry.at)?;
            if !webhook.is_enabled() {
                disabled_intervals::begin(t, webhook.id)?;
            }
            pending_webhook_changes::insert(t, webhook.id, WebhookChange::Created, entry.at)?;
            for entry in [Some(entry), settings_entry].into_iter().flatten() {
                insert_entry(t, Some(webhook.organizer), &with_id(entry, webhook.id))?;
            }
            Ok(webhook)
        })
    }

    fn change_webhook(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        change: &mut dyn FnMut(&mut Webhook) -> bool,
        entry: NewAuditEntry,
        settings_entry: Option<NewAuditEntry>,
    ) -> Result<ChangeResult<Webhook>, StoreError> {
        self.write(|t| {
            let Some(before) = webhooks(t, &self.damage, "id = ?1", id.0)?
                .pop()
                .filter(|w| w.organizer == organizer)
            else {
                return Ok(ChangeResult::Missing);
            };
            let mut webhook = before.clone();
            if !change(&mut webhook) {
                return Ok(ChangeResult::Refused);
            }
            webhook.generation =
                before.generation + u64::from(is_new_generation(&before, &webhook));
            write_change(t, &before, &webhook, entry.at)?;
            for entry in [Some(entry), settings_entry].into_iter().flatten() {
                insert_entry(t, Some(organizer), &with_id(entry, id))?;
            }
            Ok(ChangeResult::Done(webhook))
        })
    }

    fn mark_webhook_deleted(
        &self,
        organizer: OrganizerId,
        id: WebhookId,
        entry: NewAuditEntry,
    ) -> Result<ChangeResult<Webhook>, StoreError> {
        self.write(
            |t| match mark_deleted(t, &self.damage, organizer, id, entry.at)? {
                None => Ok(ChangeResult::Missing),
                Some(webhook) => {
                    insert_entry(t, Some(organizer), &with_id(entry, id))?;
                    Ok(ChangeResult::Done(webhook))
                }
            },
        )
    }

    fn pending_webhook_changes(
        &self,
        limit: usize,
    ) -> Result<Vec<PendingWebhookChange>, StoreError> {
        self.read(|c| pending_webhook_changes::oldest(c, &self.damage, limit))
    }
}

/// Refusals count towards failing only a while after this.
fn set_receiver_since(
    t: &Transaction<'_>,
    webhook: WebhookId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let sql = "UPDATE webhooks SET receiver_since = ?2 WHERE id = ?1";
    t.execute(sql, [webhook.0, to_micros(at)])?;
    Ok(())
}

/// Whether the outcomes of requests that were sent before the change say nothing about the webhook after it.
fn is_new_generation(before: &Webhook, after: &Webhook) -> bool {
    before.target != after.target || before.is_enabled() != after.is_enabled()
}

/// Writes a changed webhook with everything that belongs to the change.
fn write_change(
    t: &Transaction<'_>,
    before: &Webhook,
    webhook: &Webhook,
    at: Timestamp,
) -> Result<(), StoreError> {
    let is_reenabled = webhook.is_enabled() && !before.is_enabled();
    if is_reenabled || webhook.target != before.target {
        // The health of the former target, or from before it was disabled, no longer counts.
        lane_rows::reset_health(t, webhook.id)?;
        refused_action_types::remove_all(t, webhook.id)?;
        set_receiver_since(t, webhook.id, at)?;
    }
    if webhook != before {
        write_webhook(t, webhook)?;
    }
    if !webhook.has_same_resource(before) {
        pending_webhook_changes::insert(t, webhook.id, WebhookChange::Updated, at)?;
    }
    match (before.is_enabled(), webhook.is_enabled()) {
        (true, false) => disabled_intervals::begin(t, webhook.id)?,
        (false, true) => disabled_intervals::end(t, webhook.id)?,
        _ => {}
    }
    if is_reenabled {
        let undelete = "UPDATE webhooks SET deleted = 0 WHERE id = ?1";
        t.execute(undelete, [webhook.id.0])?;
    }
    Ok(())
}

/// Disables a webhook that was deleted and adds the pending change, once. `None`: the organizer has no such webhook.
fn mark_deleted(
    t: &Transaction<'_>,
    damage: &DamageLog,
    organizer: OrganizerId,
    id: WebhookId,
    at: Timestamp,
) -> Result<Option<Webhook>, StoreError> {
    let found = webhooks(t, damage, "id = ?1", id.0)?.pop();
    let Some(mut webhook) = found.filter(|w| w.organizer == organizer) else {
        return Ok(None);
    };
    if webhook.is_enabled() {
        webhook.state = WebhookState::Disabled(Disablement {
            since: at,
            reason: DisableReason::User,
        });
        webhook.generation += 1;
        write_webhook(t, &webhook)?;
        disabled_intervals::begin(t, id)?;
    }
    let retire = "UPDATE webhooks SET deleted = 1 WHERE id = ?1 AND deleted = 0";
    if t.execute(retire, [id.0])? > 0 {
        pending_webhook_changes::insert(t, id, WebhookChange::Deleted, at)?;
        // Also where it was disabled before: whoever publishes the news looks for a new version.
        touch_webhook(t, id)?;
    }
    Ok(Some(webhook))
}

fn with_id(mut entry: NewAuditEntry, webhook: WebhookId) -> NewAuditEntry {
    if let Value::Object(data) = &mut entry.data {
        data.insert("id".to_owned(), webhook.0.into());
    }
    entry
}
