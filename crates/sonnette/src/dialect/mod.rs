//! Action types, the `data` that they accept, and the bodies that receivers get.
//!
//! A dialect is data: names, schemas and examples. This module does not know webhooks, the store or the time. Whether a
//! publication names an event is given by [`EventRequirement`]; the publisher enforces it.

mod action_type;
mod builtin_action_types;
pub(crate) mod canonical_json;
mod catalogue;
mod check_budget;
mod compact_json;
mod compose_input;
mod creads;
mod creads_examples;
mod custom;
mod definition;
mod definitions;
mod field_errors;
mod lazy_schema;
mod metered_json;
mod pretix;
mod pretix_payload;
mod registration;
mod schema;
mod schema_messages;
mod schema_patterns;
mod schema_size;
mod strict_json;
mod tibillet;
mod tibillet_input;
mod tibillet_labels;
mod unknown_action;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

pub use action_type::{ActionType, EventRequirement};
pub use catalogue::Catalogue;
pub(crate) use catalogue::RegisteredActionTypes;
pub use check_budget::CheckBudget;
pub use compose_input::{ComposeInput, ComposedNotification};
pub use field_errors::FieldErrors;
pub use registration::{SchemaRules, check_registration};
pub use schema_patterns::count_patterns;
pub use unknown_action::UnknownAction;

use crate::domain::{Organizer, PayloadShape, PendingWebhookChange};
use definitions::dialect;

/// Validates `data` and composes the body.
///
/// # Errors
/// All errors in `data`, by dotted paths that begin with `data`.
pub fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    (dialect(input.catalogue_entry.dialect).compose)(input)
}

/// The value of the `data` of a publication.
///
/// # Errors
/// A key that stands twice in an object, and a number that no double can hold, by its dotted path.
pub(crate) fn parse_data(data: &RawValue) -> Result<Value, FieldErrors> {
    strict_json::parse(&compact_json::compact(data.get())?, "data")
}

/// Reads the publication's `data` from a body. For pretix it is the input keys of the family, with null for those left
/// out; otherwise it is as published, without white space. `None` if `body` has another shape or `data` is stored beside it.
pub fn extract_data(shape: PayloadShape, body: &[u8]) -> Option<Box<RawValue>> {
    match shape {
        PayloadShape::Custom => custom::extract_data(body),
        PayloadShape::Creads => creads::extract_data(body),
        PayloadShape::TibilletMembership | PayloadShape::DataStored => None,
        family => pretix_payload::extract_data(family, body),
    }
}

/// The body of an attempt at `now`: the stored body, but for members that the dialect computes for each attempt.
pub fn body_at_send_time(shape: PayloadShape, body: &Bytes, now: Timestamp) -> Bytes {
    match shape {
        PayloadShape::TibilletMembership => tibillet::body_at_send_time(body, now),
        _ => body.clone(),
    }
}

/// The publication of a change of a webhook: the action type and its `data`.
pub fn compose_webhook_change(
    organizer: &Organizer,
    change: &PendingWebhookChange,
) -> (String, Box<RawValue>) {
    creads::compose_webhook_change(organizer, change)
}

#[cfg(test)]
mod tests;
