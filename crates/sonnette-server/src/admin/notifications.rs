//! Published notifications.

use serde_json::value::RawValue;
use sonnette::dialect::extract_data;
use sonnette::store::NotificationEntry;

/// The `data` of a publication: stored beside the body, or else read from it. JSON `null` once it is erased.
pub(crate) fn published_data(entry: &NotificationEntry) -> Box<RawValue> {
    let stored = entry.data.clone().map(RawValue::from_string);
    stored
        .and_then(Result::ok)
        .or_else(|| extract_data(entry.notification.shape, &entry.notification.body))
        .unwrap_or_else(|| RawValue::NULL.to_owned())
}
