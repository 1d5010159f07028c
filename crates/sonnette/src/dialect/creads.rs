//! The dialect of Creads Partners: changes of resources, which are passed on unchanged.

use std::sync::LazyLock;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::action_type::ActionType;
use super::builtin_action_types::BuiltinActionTypes;
use super::compact_json::{compact, parse};
use super::compose_input::{ComposeInput, ComposedNotification};
use super::creads_examples::RESOURCES;
use super::definition::DialectDefinition;
use super::field_errors::FieldErrors;
use super::strict_json;
use crate::domain::{
    BodyTemplate, DialectName, Organizer, PayloadShape, PendingWebhookChange, WebhookChange,
};

pub(super) const DIALECT: DialectDefinition = DialectDefinition {
    builtin: Some(builtin),
    compose,
    explain: Some(explain),
};

/// The events of a resource.
const CHANGE_NAMES: &[&str] = &["created", "updated", "deleted"];

/// The available pairs of resource and event, in the order of the documentation. Ten other pairs are documented as not
/// available.
#[rustfmt::skip]
const ALLOWED_PAIRS: &[(&str, &[&str])] = &[
    ("invitation", &["created", "updated", "deleted"]),
    ("organization", &["updated"]),
    ("product", &["updated"]),
    ("membership", &["created", "updated", "deleted"]),
    ("project", &["created", "updated", "deleted"]),
    ("project_message", &["created"]),
    ("work", &["created"]),
    ("webhook", &["created", "updated", "deleted"]),
    ("comment", &["created"]),
];

fn builtin() -> &'static BuiltinActionTypes {
    static BUILTIN: LazyLock<BuiltinActionTypes> = LazyLock::new(|| {
        let pairs = ALLOWED_PAIRS.iter().flat_map(|(resource, changes)| {
            changes
                .iter()
                .map(|change| build_action_type(resource, change))
        });
        BuiltinActionTypes::new(pairs.collect())
    });
    &BUILTIN
}

fn build_action_type(resource: &str, change: &str) -> ActionType {
    let words = resource.replace('_', " ");
    let happened = match change {
        "created" => "was created",
        "deleted" => "was deleted",
        _ => "was changed",
    };
    let article = if words.starts_with(['a', 'i', 'o']) {
        "An"
    } else {
        "A"
    };
    ActionType::builtin(
        &format!("creads.{resource}.{change}"),
        DialectName::Creads,
        PayloadShape::Creads,
        &format!("{article} {words} {happened}."),
        schema(change),
        example(resource, change),
    )
}

/// The members of `resource` are not documented and not validated.
fn schema(change: &str) -> Value {
    let gid = json!({
        "description": "The resource's identifier.", "type": "string", "minLength": 1, "maxLength": 255,
    });
    let resource = json!({"description": "The resource in its new state.", "type": "object"});
    let (properties, required) = if change == "deleted" {
        (json!({"resource_gid": gid}), json!(["resource_gid"]))
    } else {
        let properties = json!({"resource_gid": gid, "resource": resource});
        (properties, json!(["resource_gid", "resource"]))
    };
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

fn example(resource: &str, change: &str) -> Value {
    let known = RESOURCES.iter().find(|(name, _)| *name == resource);
    let shown: Value = known
        .and_then(|(_, text)| serde_json::from_str(text).ok())
        .unwrap_or_else(|| json!({"gid": "69afe1310a3f2"}));
    let mut data = Map::new();
    data.insert("resource_gid".to_owned(), shown["gid"].clone());
    if change != "deleted" {
        data.insert("resource".to_owned(), shown);
    }
    data.into()
}

/// Explains which part of the name is wrong: the resource or the event.
fn explain(name: &str) -> Option<String> {
    let (resource, change) = name.strip_prefix("creads.")?.split_once('.')?;
    let known = ALLOWED_PAIRS.iter().find(|(known, _)| *known == resource);
    Some(match known {
        Some((_, changes)) if CHANGE_NAMES.contains(&change) => format!(
            "\"{change}\" is not available for \"{resource}\", only {}.",
            changes.join(", ")
        ),
        Some(_) => format!("\"{change}\" is not an event of \"{resource}\"."),
        None => format!("there is no resource \"{resource}\" that could be \"{change}\"."),
    })
}

/// `data`, with the text of its values.
#[derive(Deserialize)]
struct CreadsInput<'a> {
    #[serde(borrow)]
    resource_gid: &'a RawValue,
    #[serde(borrow)]
    resource: Option<&'a RawValue>,
}

fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    let data = compact(input.data.get())?;
    let value = strict_json::parse(&data, "data")?;
    input
        .catalogue_entry
        .data_schema
        .check(&value, "data", input.budget)?;
    let fields: CreadsInput<'_> = parse(&data)?;
    let name = input.action_type.as_str();
    let (resource, change) = name
        .strip_prefix("creads.")
        .and_then(|pair| pair.split_once('.'))
        .unwrap_or_default();
    let mut body = String::with_capacity(data.len() + 80);
    // Neither word has a character that JSON escapes.
    body.extend(["{\"event\":\"resource.", change]);
    body.extend(["\",\"resource_type\":\"", resource]);
    body.extend(["\",\"resource_gid\":", fields.resource_gid.get()]);
    if let Some(resource) = fields.resource {
        body.extend([",\"resource\":", resource.get()]);
    }
    body.push('}');
    Ok(BodyTemplate::Complete(body.into()).into())
}

/// Reads `data` from a body.
pub(super) fn extract_data(body: &[u8]) -> Option<Box<RawValue>> {
    let fields: CreadsInput<'_> = serde_json::from_slice(body).ok()?;
    let mut data = format!("{{\"resource_gid\":{}", fields.resource_gid.get());
    if let Some(resource) = fields.resource {
        data.extend([",\"resource\":", resource.get()]);
    }
    data.push('}');
    RawValue::from_string(data).ok()
}

/// The publication of a change of a webhook, with the URL but without credentials.
pub(super) fn compose_webhook_change(
    organizer: &Organizer,
    change: &PendingWebhookChange,
) -> (String, Box<RawValue>) {
    let gid = format!("{:013x}", change.webhook.0);
    let mut data = json!({ "resource_gid": gid });
    if change.change != WebhookChange::Deleted {
        data["resource"] = json!({
            "gid": gid,
            "created_at": date(change.created_at),
            "modified_at": date(change.modified_at),
            "href": format!("/api/v1/organizers/{}/webhooks/{}/", organizer.slug, change.webhook),
            "url": change.target.redacted_without_query(),
            "enabled": change.enabled,
        });
    }
    let name = format!("creads.webhook.{}", change.change);
    (name, to_raw_value(&data).unwrap_or_default())
}

/// Whole seconds and an offset without a colon, as Creads writes them.
fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
}
