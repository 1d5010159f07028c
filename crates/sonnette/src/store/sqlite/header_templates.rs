//! Stores the templates of headers, and finds them in memory.

use std::collections::HashMap;

use rusqlite::{Transaction, params};

use super::StoreError;

/// The number of templates that a webhook has at most: a receiver whose responses all differ must not fill the table.
const MAX_TEMPLATES_PER_WEBHOOK: usize = 32;

/// Longer headers are stored in full.
const MAX_TEMPLATE_BYTES: usize = 4096;

/// Templates in memory take about so many bytes at most. They are read again after that.
const MAX_CACHE_BYTES: usize = 4 << 20;

/// What a template takes in memory beside its texts.
const CACHE_ENTRY_BYTES: usize = 128;

/// The templates that were used since the store was opened, by webhook.
#[derive(Default)]
pub(super) struct HeaderTemplateCache {
    webhooks: HashMap<i64, Vec<StoredTemplate>>,
    bytes: usize,
}

struct StoredTemplate {
    id: i64,
    target_url: Option<String>,
    headers: String,
    last_segment: i64,
}

impl HeaderTemplateCache {
    /// The id of a template that is used in `segment`. `None`: the headers must be stored in full, since the webhook has too
    /// many templates.
    pub(super) fn find_or_insert(
        &mut self,
        t: &Transaction<'_>,
        webhook: i64,
        target_url: Option<&str>,
        headers: &str,
        segment: i64,
    ) -> Result<Option<i64>, StoreError> {
        if !self.webhooks.contains_key(&webhook) {
            self.load(t, webhook)?;
        }
        let templates = self.webhooks.entry(webhook).or_default();
        let found = templates.iter().position(|known| {
            known.headers == headers && known.target_url.as_deref() == target_url
        });
        if let Some(index) = found {
            let known = &mut templates[index];
            if known.last_segment >= segment || mark_used(t, known.id, segment)? {
                known.last_segment = segment;
                return Ok(Some(known.id));
            }
            // It was removed as unused.
            templates.remove(index);
        }
        if templates.len() >= MAX_TEMPLATES_PER_WEBHOOK || headers.len() > MAX_TEMPLATE_BYTES {
            return Ok(None);
        }
        t.prepare_cached(
            "INSERT INTO header_templates (webhook, target_url, headers, last_segment) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![webhook, target_url, headers, segment])?;
        let id = t.last_insert_rowid();
        self.bytes += CACHE_ENTRY_BYTES + headers.len();
        templates.push(StoredTemplate {
            id,
            target_url: target_url.map(str::to_owned),
            headers: headers.to_owned(),
            last_segment: segment,
        });
        Ok(Some(id))
    }

    /// Forgets all, after a transaction that was rolled back.
    pub(super) fn clear(&mut self) {
        self.webhooks.clear();
        self.bytes = 0;
    }

    /// Reads the templates of a webhook. Damaged ones are passed over: new attempts use others.
    fn load(&mut self, t: &Transaction<'_>, webhook: i64) -> Result<(), StoreError> {
        if self.bytes >= MAX_CACHE_BYTES {
            self.clear();
        }
        let mut statement = t.prepare_cached(
            "SELECT id, target_url, headers, last_segment FROM header_templates WHERE webhook = ?1",
        )?;
        let found = statement.query_map([webhook], |row| {
            Ok(StoredTemplate {
                id: row.get(0)?,
                target_url: row.get(1)?,
                headers: row.get(2)?,
                last_segment: row.get(3)?,
            })
        })?;
        let templates: Vec<_> = found.flatten().collect();
        let bytes = templates
            .iter()
            .map(|known| CACHE_ENTRY_BYTES + known.headers.len());
        self.bytes += CACHE_ENTRY_BYTES + bytes.sum::<usize>();
        self.webhooks.insert(webhook, templates);
        Ok(())
    }
}

/// Returns whether the template still exists.
fn mark_used(t: &Transaction<'_>, id: i64, segment: i64) -> Result<bool, StoreError> {
    let changed = t
        .prepare_cached("UPDATE header_templates SET last_segment = ?2 WHERE id = ?1")?
        .execute([id, segment])?;
    Ok(changed > 0)
}
