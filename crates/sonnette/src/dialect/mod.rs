//! What action types there are, what may be published under them, and what receivers are sent.
//!
//! A dialect is data: names with a family, a schema and an example. Nothing here knows webhooks, stores or the time;
//! who is told is the matcher's business. Whether an event may, must or must not be named is said by [`EventRequirement`], and
//! enforced by the publisher.

mod catalogue;
mod creads;
mod creads_examples;
mod custom;
mod field_errors;
mod pretix;
mod pretix_payload;
mod schema;
mod schema_size;
mod tibillet;
mod tibillet_input;
mod tibillet_labels;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

pub(crate) use catalogue::RegisteredActions;
pub use catalogue::{Catalogue, check_registration};
pub use field_errors::FieldErrors;

use crate::domain::{
    ActionName, Audience, BodyTemplate, DialectName, EventSlug, Organizer, PayloadShape,
    PendingWebhookChange,
};
use catalogue::BuiltinActionTypes;
use schema::{DataSchema, compile};

/// An emitter whose action types and bodies we speak: what its file says of it.
struct Dialect {
    /// The action types that every organizer with the dialect knows.
    builtin: Option<fn() -> &'static BuiltinActionTypes>,
    /// Makes bodies.
    compose: fn(&ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors>,
    /// Why a name that begins like the dialect's own is none, where there is more to say than that it is unknown.
    explain: Option<fn(&str) -> Option<String>>,
}

/// The dialect of this name: the one line that a new dialect adds here, which the compiler asks for.
fn dialect(name: DialectName) -> &'static Dialect {
    match name {
        DialectName::Pretix => &pretix::DIALECT,
        DialectName::Tibillet => &tibillet::DIALECT,
        DialectName::Creads => &creads::DIALECT,
        DialectName::Custom => &custom::DIALECT,
    }
}

/// An action type as an organizer knows it.
#[derive(Debug)]
pub struct ActionType {
    /// As registered: perhaps a wildcard.
    pub name: ActionName,
    /// Whose it is.
    pub dialect: DialectName,
    /// How bodies are made.
    pub shape: PayloadShape,
    /// What pretix's form calls it; only its own names have one.
    pub label: Option<&'static str>,
    /// When it is published, in a sentence.
    pub description: String,
    /// JSON Schema 2020-12 of its input, the publication's `data`.
    pub schema: Value,
    /// An input that fits the schema.
    pub example: Value,
    /// What is known to follow the stem of a wildcard.
    concrete: &'static [&'static str],
    rule: DataSchema,
}

impl ActionType {
    /// An action type that every organizer with the dialect knows, under a concrete name.
    fn builtin(
        name: &str,
        dialect: DialectName,
        shape: PayloadShape,
        description: &str,
        schema: Value,
        example: Value,
    ) -> Self {
        Self {
            name: name
                .parse()
                .unwrap_or_else(|_| unreachable!("built-in names are valid; a test parses all")),
            dialect,
            shape,
            label: None,
            description: description.to_owned(),
            rule: compile(&schema).map_or(DataSchema::Unusable, DataSchema::Compiled),
            schema,
            example,
            concrete: &[],
        }
    }

    /// Whether a publication of `concrete` names an event.
    pub fn event_requirement(&self, concrete: &str) -> EventRequirement {
        match self.shape {
            _ if concrete == pretix::EVENT_DELETED => EventRequirement::DeletedEvent,
            PayloadShape::Custom
            | PayloadShape::TibilletMembership
            | PayloadShape::Creads
            | PayloadShape::DataStored => EventRequirement::Optional,
            PayloadShape::Customer | PayloadShape::GiftCard | PayloadShape::GiftCardTransaction => {
                EventRequirement::Forbidden
            }
            PayloadShape::Order
            | PayloadShape::Checkin
            | PayloadShape::Event
            | PayloadShape::Subevent
            | PayloadShape::Item
            | PayloadShape::WaitingList
            | PayloadShape::Voucher => EventRequirement::Required,
        }
    }

    /// The concrete names it is known to stand for: the name itself, or what a wildcard covers. Of a registered wildcard
    /// nobody listed any, so one that ends in `.test` stands for all.
    pub fn concrete_names(&self) -> Vec<ActionName> {
        let Some(stem) = self.name.as_str().strip_suffix('*') else {
            return vec![self.name.clone()];
        };
        let known = if self.concrete.is_empty() {
            &["test"]
        } else {
            self.concrete
        };
        known
            .iter()
            .filter_map(|last| format!("{stem}{last}").parse().ok())
            .collect()
    }

    /// The first of the [`concrete_names`](Self::concrete_names): what a test sends.
    pub fn first_concrete(&self) -> ActionName {
        let first = self.concrete_names().into_iter().next();
        first.unwrap_or_else(|| self.name.clone())
    }
}

/// Whether a publication names an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRequirement {
    /// It must.
    Required,
    /// It may.
    Optional,
    /// It must not: the fact belongs to the organizer.
    Forbidden,
    /// It may be null, and an unknown one is not registered on the way: the event is gone.
    DeletedEvent,
}

/// What a body is made of.
#[derive(Debug, Clone, Copy)]
pub struct ComposeInput<'a> {
    /// Whose fact it is.
    pub organizer: &'a Organizer,
    /// What [`Catalogue::resolve`] found for `action_type`.
    pub spec: &'a ActionType,
    /// The concrete action type.
    pub action_type: &'a ActionName,
    /// Already checked against [`ActionType::event_requirement`].
    pub event: Option<&'a EventSlug>,
    /// The publication's `data`.
    pub data: &'a RawValue,
    /// When it was published.
    pub published_at: Timestamp,
}

/// What a publication comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposedNotification {
    /// What receivers are sent: compact UTF-8 JSON with the keys in the documents' order.
    pub body: BodyTemplate,
    /// Who of those that match is told.
    pub audience: Audience,
    /// The publication's `data` less white space, where [`extract_data`] cannot read it out of the body.
    pub data: Option<Box<str>>,
}

impl From<BodyTemplate> for ComposedNotification {
    fn from(body: BodyTemplate) -> Self {
        Self {
            body,
            audience: Audience::Everyone,
            data: None,
        }
    }
}

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
