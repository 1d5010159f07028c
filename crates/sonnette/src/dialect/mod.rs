//! What action types there are, what may be published under them, and what receivers are sent.
//!
//! A dialect is data: names with a family, a schema and an example. Nothing here knows webhooks, stores or the time;
//! who is told is the matcher's business. Whether an event may, must or must not be named is said by [`EventRequirement`], and
//! enforced by the publisher.

mod action_type;
mod builtin_action_types;
mod catalogue;
mod compact_json;
mod compose_input;
mod creads;
mod creads_examples;
mod custom;
mod definition;
mod field_errors;
mod lookup;
mod pretix;
mod pretix_payload;
mod schema;
mod schema_size;
mod tibillet;
mod tibillet_input;
mod tibillet_labels;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::value::RawValue;

pub use action_type::{ActionType, EventRequirement};
pub use catalogue::{Catalogue, check_registration};
pub use compose_input::{ComposeInput, ComposedNotification};
pub use field_errors::FieldErrors;

use crate::domain::{Organizer, PayloadShape, PendingWebhookChange};
use lookup::dialect;

/// Checks `data` and makes the body.
///
/// # Errors
/// Everything that is wrong with `data`, by dotted paths that begin with `data`.
pub fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    (dialect(input.spec.dialect).compose)(input)
}

/// The publication's `data` out of a body: for pretix the input keys of its family, what was left out as null;
/// otherwise as published, less white space. None if `body` is not of this shape, or the data is kept beside it.
pub fn extract_data(shape: PayloadShape, body: &[u8]) -> Option<Box<RawValue>> {
    match shape {
        PayloadShape::Custom => custom::extract_data(body),
        PayloadShape::Creads => creads::extract_data(body),
        PayloadShape::TibilletMembership | PayloadShape::DataStored => None,
        family => pretix_payload::extract_data(family, body),
    }
}

/// The body as it is sent at `now`: as it is stored, but for what the document wants worked out at each sending.
pub fn body_at_send_time(shape: PayloadShape, body: &Bytes, now: Timestamp) -> Bytes {
    match shape {
        PayloadShape::TibilletMembership => tibillet::body_at_send_time(body, now),
        _ => body.clone(),
    }
}

/// A change of a webhook as a publication: the action type and its `data`.
pub fn compose_webhook_change(
    organizer: &Organizer,
    news: &PendingWebhookChange,
) -> (String, Box<RawValue>) {
    creads::compose_webhook_change(organizer, news)
}

#[cfg(test)]
mod tests;
