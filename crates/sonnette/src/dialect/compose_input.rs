//! What a body is made of, and what is made.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::action_type::ActionType;
use crate::domain::{ActionName, Audience, BodyTemplate, EventSlug, Organizer};

/// What a body is made of.
#[derive(Debug, Clone, Copy)]
pub struct ComposeInput<'a> {
    /// Whose fact it is.
    pub organizer: &'a Organizer,
    /// What [`Catalogue::resolve`](super::Catalogue::resolve) found for `action_type`.
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
    /// The publication's `data` less white space, where [`extract_data`](super::extract_data) cannot read it out of the body.
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
