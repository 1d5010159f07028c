//! `[[action_types]]`: action types in addition to those of the dialects.

use serde::Deserialize;
use sonnette::dialect::{FieldErrors, SchemaRules, check_registration};
use sonnette::domain::{ActionTypeName, OrganizerSlug, PayloadShape, RegisteredActionType};

/// A checked entry of `[[action_types]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Entry")]
pub(crate) struct ActionTypeSetting {
    /// The organizer; `None` for all organizers.
    pub(crate) organizer: Option<OrganizerSlug>,
    /// The action type, without the id of its organizer.
    pub(crate) action: RegisteredActionType,
}

/// An entry as it is in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    organizer: Option<OrganizerSlug>,
    action_type: ActionTypeName,
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
        check_registration(
            &entry.action_type,
            shape,
            schema,
            example,
            SchemaRules::Existing,
        )?;
        let action = RegisteredActionType {
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
