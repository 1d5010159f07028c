//! An action type as an organizer knows it.

use serde_json::Value;

use super::schema::DataSchema;
use crate::domain::{ActionTypeName, DialectName, PayloadShape};

/// The action type of pretix whose event no longer exists when it is published.
pub(super) const PRETIX_EVENT_DELETED: &str = "pretix.event.deleted";

/// An action type as an organizer knows it.
#[derive(Debug)]
pub struct ActionType {
    /// The name as registered; may be a wildcard.
    pub name: ActionTypeName,
    /// The dialect that it belongs to.
    pub dialect: DialectName,
    /// How bodies are composed.
    pub shape: PayloadShape,
    /// The label in pretix's form; only built-in pretix names have one.
    pub label: Option<&'static str>,
    /// A sentence that says when it is published.
    pub description: String,
    /// JSON Schema 2020-12 of the publication's `data`.
    pub schema: Value,
    /// A `data` that the schema accepts.
    pub example: Value,
    /// The known endings of a wildcard.
    pub(super) wildcard_endings: &'static [&'static str],
    pub(super) data_schema: DataSchema,
}

impl ActionType {
    /// A built-in action type with a concrete name.
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
            data_schema: DataSchema::builtin(&schema),
            schema,
            example,
            wildcard_endings: &[],
        }
    }

    /// Whether a publication of `concrete` must name an event.
    pub fn event_requirement(&self, concrete: &str) -> EventRequirement {
        match self.shape {
            _ if concrete == PRETIX_EVENT_DELETED => EventRequirement::DeletedEvent,
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

    /// The known concrete names: the name itself, or those that the wildcard matches. For a registered wildcard none is
    /// known, so it is one that ends in `.test`.
    pub fn concrete_names(&self) -> Vec<ActionTypeName> {
        let Some(stem) = self.name.as_str().strip_suffix('*') else {
            return vec![self.name.clone()];
        };
        let known = if self.wildcard_endings.is_empty() {
            &["test"]
        } else {
            self.wildcard_endings
        };
        known
            .iter()
            .filter_map(|last| format!("{stem}{last}").parse().ok())
            .collect()
    }

    /// The first of the [`concrete_names`](Self::concrete_names): what a test sends.
    pub fn first_concrete(&self) -> ActionTypeName {
        let first = self.concrete_names().into_iter().next();
        first.unwrap_or_else(|| self.name.clone())
    }
}

/// Whether a publication must name an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventRequirement {
    /// An event is required.
    Required,
    /// An event is optional.
    Optional,
    /// An event is an error: the notification belongs to the organizer.
    Forbidden,
    /// An event is optional, and an unknown one is not registered, since the event was deleted.
    DeletedEvent,
}
