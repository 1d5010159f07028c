//! The input and the result of composing a body.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::action_type::ActionType;
use super::check_budget::CheckBudget;
use crate::domain::{ActionTypeName, Audience, BodyTemplate, EventSlug, Organizer};

/// The input of [`compose`](super::compose).
#[derive(Debug, Clone, Copy)]
pub struct ComposeInput<'a> {
    /// The organizer that publishes.
    pub organizer: &'a Organizer,
    /// The result of [`Catalogue::resolve`](super::Catalogue::resolve) for `action_type`.
    pub catalogue_entry: &'a ActionType,
    /// The concrete action type.
    pub action_type: &'a ActionTypeName,
    /// The event, already checked against [`ActionType::event_requirement`].
    pub event: Option<&'a EventSlug>,
    /// The publication's `data`.
    pub data: &'a RawValue,
    /// When it was published.
    pub published_at: Timestamp,
    /// What checking `data` against its schema may cost.
    pub budget: &'a CheckBudget,
}

/// The result of [`compose`](super::compose).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposedNotification {
    /// Compact UTF-8 JSON with the keys in the order of the dialect's documentation.
    pub body: BodyTemplate,
    /// Which of the matching webhooks get it.
    pub audience: Audience,
    /// `data` without white space, if [`extract_data`](super::extract_data) cannot read it from the body.
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
