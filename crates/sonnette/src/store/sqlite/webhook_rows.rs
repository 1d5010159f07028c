//! Webhooks as rows.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use rusqlite::{Connection, Transaction, params};

use super::StoreError;
use super::damage_log::DamageLog;
use super::registry_version::touch_webhook;
use super::table_row::{TableRow, to_json, to_micros};
use crate::domain::{
    Disablement, EventFilter, EventSlug, OrganizerId, Secrets, SigningSeed, SigningSeeds, Webhook,
    WebhookId, WebhookSettings, WebhookState,
};

/// Requests per second that a webhook may be limited to.
const PER_SECOND_RANGE: RangeInclusive<u32> = 1..=10_000;
/// Concurrent requests that a webhook may be limited to.
const CONCURRENCY_RANGE: RangeInclusive<u32> = 1..=1_000;
/// Milliseconds that a webhook may give a request.
const TIMEOUT_MS_RANGE: RangeInclusive<u32> = 1..=30_000;

/// Webhooks by id, in two statements however many they are. Damaged rows are left out.
pub(super) fn webhooks(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    value: i64,
) -> Result<Vec<Webhook>, StoreError> {
    let mut events = limit_events(c, damage, condition, value)?;
    let mut statement = c.prepare_cached(&select_webhooks(condition))?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "webhooks");
        let events = events.remove(&cells.get("id")?).unwrap_or_default();
        found.extend(damage.skip_damaged(webhook(cells, events))?);
    }
    Ok(found)
}

/// `+id`: the order must not lead the planner past the index that the condition has.
pub(super) fn select_webhooks(condition: &str) -> String {
    format!(
        "SELECT *, (SELECT o.id FROM organizers o WHERE o.id = webhooks.organizer) AS owner
         FROM webhooks WHERE {condition} ORDER BY +id"
    )
}

/// `CROSS JOIN`: the lists of the few webhooks first.
pub(super) fn select_limit_events(condition: &str) -> String {
    format!(
        "SELECT e.id, l.webhook AS listener, e.slug FROM webhook_events l CROSS JOIN events e ON e.id = l.event
         WHERE l.webhook IN (SELECT id FROM webhooks WHERE {condition})"
    )
}

/// A webhook that, unless it hears all events, hears these.
fn webhook(cells: TableRow<'_>, events: BTreeSet<EventSlug>) -> Result<Webhook, StoreError> {
    let id: i64 = cells.get("id")?;
    if cells.get::<Option<i64>>("owner")?.is_none() {
        return Err(cells.invalid("organizer", "there is no such organizer"));
    }
    let previous = match cells.parse_optional("previous_secret")? {
        None => None,
        Some(secret) => Some((secret, cells.time("previous_until")?)),
    };
    let timeout = cells.in_range("timeout_ms", TIMEOUT_MS_RANGE)?;
    let signing_seeds = match cells.get::<Option<[u8; 32]>>("signing_seed")? {
        None => None,
        Some(current) => Some(SigningSeeds {
            current: SigningSeed(current),
            previous: match cells.get::<Option<[u8; 32]>>("previous_signing_seed")? {
                None => None,
                Some(seed) => Some((SigningSeed(seed), cells.time("previous_until")?)),
            },
        }),
    };
    Ok(Webhook {
        id: WebhookId(id),
        organizer: OrganizerId(cells.get("organizer")?),
        state: match cells.time_optional("disabled_at")? {
            None => match cells.get::<Option<String>>("disabled_reason")? {
                None => WebhookState::Enabled,
                Some(_) => return Err(cells.invalid("disabled_at", "a reason without a time")),
            },
            Some(since) => WebhookState::Disabled(Disablement {
                since,
                reason: cells.parse("disabled_reason")?,
            }),
        },
        target: cells.parse("target_url")?,
        generation: cells.get("generation")?,
        events: if cells.get("all_events")? {
            EventFilter::All
        } else {
            EventFilter::Only(events)
        },
        action_types: cells.json("action_types")?,
        comment: cells.get("comment")?,
        secrets: Secrets {
            current: cells.parse("secret")?,
            previous,
        },
        settings: WebhookSettings {
            headers: cells.json("headers")?,
            max_per_second: cells.in_range("max_per_second", PER_SECOND_RANGE)?,
            max_concurrency: cells.in_range("max_concurrency", CONCURRENCY_RANGE)?,
            timeout: timeout.map(|ms| Duration::from_millis(ms.into())),
            extra_signatures: cells.json("extra_signatures")?,
            signing_seeds,
            contact_emails: cells.json("contact_emails")?,
        },
    })
}

/// The slugs in the event lists of webhooks, by the webhook's id.
fn limit_events(
    c: &Connection,
    damage: &DamageLog,
    condition: &str,
    value: i64,
) -> Result<HashMap<i64, BTreeSet<EventSlug>>, StoreError> {
    let mut statement = c.prepare_cached(&select_limit_events(condition))?;
    let mut rows = statement.query([value])?;
    let mut slugs: HashMap<i64, BTreeSet<EventSlug>> = HashMap::new();
    while let Some(row) = rows.next()? {
        let cells = TableRow::new(row, "events");
        if let Some(slug) = damage.skip_damaged(cells.parse("slug"))? {
            slugs
                .entry(cells.get("listener")?)
                .or_default()
                .insert(slug);
        }
    }
    Ok(slugs)
}

pub(super) fn write_webhook(t: &Transaction<'_>, webhook: &Webhook) -> Result<(), StoreError> {
    let disabled = match &webhook.state {
        WebhookState::Enabled => None,
        WebhookState::Disabled(disabled) => Some(disabled),
    };
    let previous = webhook.secrets.previous.as_ref();
    let settings = &webhook.settings;
    let seeds = settings.signing_seeds.as_ref();
    t.execute(
        "UPDATE webhooks SET target_url = ?2, all_events = ?3, action_types = ?4, comment = ?5, disabled_at = ?6,
           disabled_reason = ?7, secret = ?8, previous_secret = ?9, previous_until = ?10, headers = ?11,
           max_per_second = ?12, max_concurrency = ?13, timeout_ms = ?14, extra_signatures = ?15, contact_emails = ?16,
           signing_seed = ?17, previous_signing_seed = ?18, generation = ?19
         WHERE id = ?1",
        params![
            webhook.id.0,
            webhook.target.as_unredacted_str(),
            webhook.events == EventFilter::All,
            to_json(&webhook.action_types),
            webhook.comment,
            disabled.map(|d| to_micros(d.since)),
            disabled.map(|d| d.reason.as_str()),
            webhook.secrets.current.text(),
            previous.map(|(secret, _)| secret.text()),
            previous.map(|(_, until)| to_micros(*until)),
            to_json(&settings.headers),
            settings.max_per_second,
            settings.max_concurrency,
            settings.timeout.map(|t| u32::try_from(t.as_millis()).unwrap_or(u32::MAX)),
            to_json(&settings.extra_signatures),
            to_json(&settings.contact_emails),
            seeds.map(|seeds| seeds.current.0),
            seeds.and_then(|seeds| seeds.previous.as_ref()).map(|(seed, _)| seed.0),
            webhook.generation,
        ],
    )?;
    t.execute(
        "DELETE FROM webhook_events WHERE webhook = ?1",
        [webhook.id.0],
    )?;
    if let EventFilter::Only(slugs) = &webhook.events {
        for slug in slugs {
            t.execute(
                "INSERT INTO webhook_events (webhook, event) SELECT ?1, id FROM events WHERE organizer = ?2 AND slug = ?3",
                params![webhook.id.0, webhook.organizer.0, slug.as_str()],
            )?;
        }
    }
    touch_webhook(t, webhook.id)
}
