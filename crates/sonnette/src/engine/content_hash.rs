//! What two publications with one idempotency key are compared by.

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::PublishRequest;
use crate::dialect::canonical_json;
use crate::domain::EventSlug;
use crate::store::ContentHash;

/// The hash of what a publication says, the same for equal JSON values however they are written.
pub(super) fn content_hash(request: &PublishRequest, data: &Value) -> ContentHash {
    let exact = canonical_json::text(data);
    let double_precision = canonical_json::double_precision_text(data);
    let hash_exact = hash(request, &exact);
    ContentHash {
        double_precision: if exact == double_precision {
            hash_exact
        } else {
            hash(request, &double_precision)
        },
        exact: hash_exact,
    }
}

fn hash(request: &PublishRequest, data: &str) -> [u8; 32] {
    let event = request.event.as_ref().map(EventSlug::as_str);
    let whole = json!([request.action_type, event, request.subject, data]).to_string();
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, whole.as_bytes()).as_ref());
    hash
}
