//! Action types that the operator or an organizer registered, with bodies as Standard Webhooks recommends.
//!
//! `data` is copied. It is parsed only if the action type has a schema.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::compact_json::compact;
use super::compose_input::{ComposeInput, ComposedNotification};
use super::definition::DialectDefinition;
use super::field_errors::FieldErrors;
use super::schema::DataSchema;
use super::schema_messages::not_an_object;
use super::strict_json;
use crate::domain::{BodyTemplate, custom_body};

pub(super) const DIALECT: DialectDefinition = DialectDefinition {
    builtin: None,
    compose,
    explain: None,
};

fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    let data = input.data.get();
    let compact = compact(data)?;
    if !data.starts_with('{') {
        let value = strict_json::parse(&compact, "data")?;
        return Err(FieldErrors::one("data", not_an_object(&value)));
    }
    if matches!(input.catalogue_entry.data_schema, DataSchema::AnyObject) {
        strict_json::check(&compact, "data")?;
    } else {
        let value = strict_json::parse(&compact, "data")?;
        input
            .catalogue_entry
            .data_schema
            .check(&value, "data", input.budget)?;
    }
    let body = custom_body::compose(input.action_type, input.published_at, &compact);
    Ok(BodyTemplate::Complete(body.into()).into())
}

pub(super) fn extract_data(body: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct CustomBody {
        data: Box<RawValue>,
    }
    serde_json::from_slice::<CustomBody>(body)
        .ok()
        .map(|body| body.data)
}
