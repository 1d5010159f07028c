//! What action types there are, what may be published under them, and what receivers are sent.
//!
//! A dialect is data: names with a family, a schema and an example. Nothing here knows webhooks, stores or the time;
//! who is told is the matcher's business. Whether an event may, must or must not be named is said by [`EventRule`], and
//! enforced by the publisher.

mod catalogue;
mod custom;
mod errors;
mod pretix;
mod pretix_family;
mod schema;
mod schema_size;

use jiff::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

pub use catalogue::{Catalogue, check_registration};
pub use errors::FieldErrors;

use crate::domain::{ActionName, BodyDraft, DialectName, EventSlug, Organizer, Shape};
use schema::Rule;

/// An action type as an organizer knows it.
#[derive(Debug)]
pub struct ActionSpec {
    /// As registered: perhaps a wildcard.
    pub name: ActionName,
    /// Whose it is.
    pub dialect: DialectName,
    /// How bodies are made.
    pub shape: Shape,
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
    rule: Rule,
}

impl ActionSpec {
    /// Whether a publication of `concrete` names an event (contract §3).
    pub fn event_rule(&self, concrete: &str) -> EventRule {
        match self.shape {
            _ if concrete == pretix::EVENT_DELETED => EventRule::Deleted,
            Shape::Custom => EventRule::Optional,
            Shape::Customer | Shape::GiftCard | Shape::GiftCardTransaction => EventRule::Refused,
            Shape::Order
            | Shape::Checkin
            | Shape::Event
            | Shape::Subevent
            | Shape::Item
            | Shape::WaitingList
            | Shape::Voucher => EventRule::Required,
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
pub enum EventRule {
    /// It must.
    Required,
    /// It may.
    Optional,
    /// It must not: the fact belongs to the organizer.
    Refused,
    /// It may be null, and an unknown one is not registered on the way: the event is gone.
    Deleted,
}

/// What a body is made of.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Whose fact it is.
    pub organizer: &'a Organizer,
    /// What [`Catalogue::resolve`] found for `action_type`.
    pub spec: &'a ActionSpec,
    /// The concrete action type.
    pub action_type: &'a ActionName,
    /// Already checked against [`ActionSpec::event_rule`].
    pub event: Option<&'a EventSlug>,
    /// The publication's `data`.
    pub data: &'a RawValue,
    /// When it was published.
    pub published_at: Timestamp,
}

/// Checks `data` and makes the body: compact UTF-8 JSON with the keys in the documents' order.
///
/// # Errors
/// Everything that is wrong with `data`, by dotted paths that begin with `data`.
pub fn compose(input: &Input<'_>) -> Result<BodyDraft, FieldErrors> {
    match input.spec.shape {
        Shape::Custom => custom::compose(input),
        _ => pretix_family::compose(input),
    }
}

/// The publication's `data` out of a body: for pretix the input keys of its family, what was left out as null;
/// otherwise as published, less white space. None if `body` is not of this shape.
pub fn data_of(shape: Shape, body: &[u8]) -> Option<Box<RawValue>> {
    match shape {
        Shape::Custom => custom::data_of(body),
        _ => pretix_family::data_of(shape, body),
    }
}

#[cfg(test)]
mod tests;
