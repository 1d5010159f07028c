//! `[[action_types]]`: action types beside those of the dialects.

use serde::Deserialize;
use sonnette::dialect::{FieldErrors, check_registration};
use sonnette::domain::{ActionName, OrganizerSlug, PayloadShape, RegisteredAction};

/// An entry of `[[action_types]]`, which can be registered.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Entry")]
pub(crate) struct ActionTypeSetting {
    /// For whom; none: for all.
    pub(crate) organizer: Option<OrganizerSlug>,
    /// What is to be registered; of no organizer yet.
    pub(crate) action: RegisteredAction,
}

/// As the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    organizer: Option<OrganizerSlug>,
    action_type: ActionName,
    #[serde(default)]
    description: String,
    schema: Option<serde_json::Value>,
    example: Option<serde_json::Value>,
    family: Option<PayloadShape>,
}

impl TryFrom<Entry> for ActionTypeSetting {
    type Error = FieldErrors;

    fn try_from(entry: Entry) -> Result<Self, FieldErrors> {
        let shape = entry.family.unwrap_or(PayloadShape::Custom);
        let (schema, example) = (entry.schema.as_ref(), entry.example.as_ref());
        check_registration(&entry.action_type, shape, schema, example)?;
        let action = RegisteredAction {
            id: 0,
            organizer: None,
            name: entry.action_type,
            description: entry.description,
            schema: entry.schema,
            example: entry.example,
            shape,
            from_file: true,
        };
        Ok(Self {
            organizer: entry.organizer,
            action,
        })
    }
}
