//! The families of pretix's action types: the `data` of each and its body.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::canonical_json;
use super::compact_json::compact;
use super::compose_input::{ComposeInput, ComposedNotification};
use super::field_errors::FieldErrors;
use super::schema::DataSchema;
use super::strict_json;
use crate::domain::{BodyTemplate, EventSlug, PayloadShape};

/// A key of `data`.
struct Key {
    name: &'static str,
    required: bool,
    schema: fn() -> Value,
}

const fn required(name: &'static str, schema: fn() -> Value) -> Key {
    Key {
        name,
        required: true,
        schema,
    }
}

const fn optional(name: &'static str, schema: fn() -> Value) -> Key {
    Key {
        name,
        required: false,
        schema,
    }
}

fn integer(title: &str, description: &str) -> Value {
    json!({
        "title": title, "description": description,
        "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX,
    })
}

fn slug(title: &str, description: &str) -> Value {
    json!({
        "title": title, "description": description,
        "type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9.-]{0,49}$",
    })
}

const CODE: Key = required("code", || {
    json!({
        "title": "Order code", "description": "The order's code: 1 to 16 letters or digits.",
        "type": "string", "pattern": "^[A-Za-z0-9]{1,16}$",
    })
});
const CHECKIN: &[Key] = &[
    CODE,
    required("orderposition_id", || {
        integer(
            "Order position",
            "The internal id of the ticket that was scanned.",
        )
    }),
    required("orderposition_positionid", || {
        integer(
            "Position",
            "The number of the ticket within its order, from 1.",
        )
    }),
    required("checkin_list", || {
        integer(
            "Check-in list",
            "The id of the check-in list it was scanned for.",
        )
    }),
    optional("type", || {
        json!({
            "title": "Direction", "description": "\"entry\" or \"exit\"; null when a check-in is reverted.",
            "type": ["string", "null"], "enum": ["entry", "exit", null],
        })
    }),
    optional("first_checkin", || {
        json!({
            "title": "First check-in", "description": "Whether this is the ticket's first check-in on this list.",
            "type": ["boolean", "null"],
        })
    }),
];
const SUBEVENT: &[Key] = &[required("subevent", || {
    integer("Date", "The id of the date in the event series.")
})];
const ITEM: &[Key] = &[required("item", || {
    integer(
        "Product",
        "The id of the product; for quota actions, of the quota.",
    )
})];
const WAITING_LIST: &[Key] = &[required("waitinglistentry", || {
    integer("Waiting list entry", "The id of the waiting list entry.")
})];
const VOUCHER: &[Key] = &[required("voucher", || {
    integer("Voucher", "The id of the voucher.")
})];
const CUSTOMER: &[Key] = &[required("customer", || {
    json!({
        "title": "Customer", "description": "The customer's public identifier.",
        "type": "string", "minLength": 1, "maxLength": 190,
    })
})];
const ISSUER_ID: Key = optional("issuer_id", || {
    integer(
        "Issuer",
        "The id of the organizer that issued the gift card; left out: this organizer.",
    )
});
const ISSUER_SLUG: Key = optional("issuer_slug", || {
    slug(
        "Issuer",
        "The slug of the organizer that issued the gift card; left out: this organizer.",
    )
});
const GIFT_CARD_ID: Key = required("giftcard", || {
    integer("Gift card", "The id of the gift card.")
});
const GIFT_CARD: &[Key] = &[ISSUER_ID, ISSUER_SLUG, GIFT_CARD_ID];
const GIFT_CARD_TRANSACTION: &[Key] = &[
    ISSUER_ID,
    ISSUER_SLUG,
    required("acceptor_id", || {
        integer(
            "Acceptor",
            "The id of the organizer at which the gift card was used.",
        )
    }),
    required("acceptor_slug", || {
        slug(
            "Acceptor",
            "The slug of the organizer at which the gift card was used.",
        )
    }),
    GIFT_CARD_ID,
];

fn keys(family: PayloadShape) -> &'static [Key] {
    match family {
        PayloadShape::Order => &[CODE],
        PayloadShape::Checkin => CHECKIN,
        PayloadShape::Event
        | PayloadShape::Custom
        | PayloadShape::TibilletMembership
        | PayloadShape::Creads
        | PayloadShape::DataStored => &[],
        PayloadShape::Subevent => SUBEVENT,
        PayloadShape::Item => ITEM,
        PayloadShape::WaitingList => WAITING_LIST,
        PayloadShape::Voucher => VOUCHER,
        PayloadShape::Customer => CUSTOMER,
        PayloadShape::GiftCard => GIFT_CARD,
        PayloadShape::GiftCardTransaction => GIFT_CARD_TRANSACTION,
    }
}

/// JSON Schema of a family's `data`.
pub(super) fn schema(family: PayloadShape) -> Value {
    let properties: Map<String, Value> = keys(family)
        .iter()
        .map(|key| (key.name.to_owned(), (key.schema)()))
        .collect();
    let required: Vec<_> = keys(family)
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// An example of a family's `data`.
pub(super) fn example(family: PayloadShape) -> Value {
    match family {
        PayloadShape::Order => json!({"code": "T0CHT"}),
        PayloadShape::Checkin => json!({
            "code": "9LAYR", "orderposition_id": 7, "orderposition_positionid": 1,
            "checkin_list": 2, "type": "entry", "first_checkin": true,
        }),
        PayloadShape::Event
        | PayloadShape::Custom
        | PayloadShape::TibilletMembership
        | PayloadShape::Creads
        | PayloadShape::DataStored => {
            json!({})
        }
        PayloadShape::Subevent => json!({"subevent": 1}),
        PayloadShape::Item => json!({"item": 2}),
        PayloadShape::WaitingList => json!({"waitinglistentry": 1}),
        PayloadShape::Voucher => json!({"voucher": 2}),
        PayloadShape::Customer => json!({"customer": "FLPSJYV"}),
        PayloadShape::GiftCard => json!({"giftcard": 1}),
        PayloadShape::GiftCardTransaction => {
            json!({"acceptor_id": 1, "acceptor_slug": "bigevents", "giftcard": 1})
        }
    }
}

/// The family's schema. All are compiled once per process.
pub(super) fn data_schema(family: PayloadShape) -> DataSchema {
    static DATA_SCHEMAS: LazyLock<HashMap<PayloadShape, DataSchema>> = LazyLock::new(|| {
        PayloadShape::ALL
            .iter()
            .map(|shape| (*shape, DataSchema::builtin(&schema(*shape))))
            .collect()
    });
    DATA_SCHEMAS
        .get(&family)
        .cloned()
        .unwrap_or(DataSchema::AnyObject)
}

/// Composes the body after its first member, which is the notification's id.
pub(super) fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    let data = compact(input.data.get())?;
    let data = strict_json::parse(&data, "data")?;
    input
        .catalogue_entry
        .data_schema
        .check(&data, "data", input.budget)?;
    let mut body = Writer(String::with_capacity(160));
    let organizer = input.organizer;
    let event = || Value::from(input.event.map(EventSlug::as_str));
    let shape = input.catalogue_entry.shape;
    match shape {
        PayloadShape::GiftCard | PayloadShape::GiftCardTransaction => {
            body.member(
                "issuer_id",
                data.get("issuer_id").unwrap_or(&organizer.id.0.into()),
            );
            let own = organizer.slug.as_str().into();
            body.member("issuer_slug", data.get("issuer_slug").unwrap_or(&own));
        }
        PayloadShape::Customer => body.member("organizer", &organizer.slug.as_str().into()),
        _ => {
            body.member("organizer", &organizer.slug.as_str().into());
            body.member("event", &event());
        }
    }
    // `action` follows the first key of a check-in, and the last of all others.
    let input_keys = keys(shape)
        .iter()
        .filter(|key| !key.name.starts_with("issuer_"));
    let before_action = if shape == PayloadShape::Checkin {
        1
    } else {
        usize::MAX
    };
    for key in input_keys.clone().take(before_action) {
        body.member(key.name, &data[key.name]);
    }
    body.member("action", &input.action_type.as_str().into());
    for key in input_keys.skip(before_action) {
        body.member(key.name, &data[key.name]);
    }
    body.0.push('}');
    Ok(BodyTemplate::WithId(body.0.into()).into())
}

struct Writer(String);

impl Writer {
    fn member(&mut self, key: &str, value: &Value) {
        self.0.push_str(",\"");
        self.0.push_str(key);
        self.0.push_str("\":");
        match value {
            // JSON Schema accepts 2.0 as an integer; pretix never sends it.
            Value::Number(number) => self.0 += &canonical_json::normalize(number.as_str()),
            other => self.0.push_str(&other.to_string()),
        }
    }
}

/// Reads the keys of `data` from a body.
pub(super) fn extract_data(family: PayloadShape, body: &[u8]) -> Option<Box<RawValue>> {
    let body: HashMap<String, &RawValue> = from_slice(body)?;
    let mut data = String::from("{");
    for key in keys(family)
        .iter()
        .filter(|key| !key.name.starts_with("issuer_"))
    {
        let value = body.get(key.name)?;
        if data.len() > 1 {
            data.push(',');
        }
        data.extend(["\"", key.name, "\":", value.get()]);
    }
    data.push('}');
    RawValue::from_string(data).ok()
}

fn from_slice<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Option<T> {
    serde_json::from_slice(body).ok()
}
