//! An action type as an organizer knows it.

use serde_json::Value;

use super::schema::{DataSchema, compile};
use crate::domain::{ActionName, DialectName, PayloadShape};

/// The action type of pretix whose event no longer exists when it is published.
pub(super) const EVENT_DELETED: &str = "pretix.event.deleted";

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
    pub(super) concrete: &'static [&'static str],
    pub(super) rule: DataSchema,
}

impl ActionType {
    /// An action type that every organizer with the dialect knows, under a concrete name.
    pub(super) fn builtin(
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
            _ if concrete == EVENT_DELETED => EventRequirement::DeletedEvent,
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
