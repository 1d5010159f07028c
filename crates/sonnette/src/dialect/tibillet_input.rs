//! The objects that TiBillet's application publishes, as JSON Schema and as values.
//!
//! The schema gives keys and types. UUIDs, times and dates are checked here, with the error texts of Django REST
//! framework. Unknown keys are ignored.

use std::str::FromStr;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use super::canonical_json;
use super::field_errors::FieldErrors;
use crate::domain::UtcDateTime;

const NOT_UUID: &str = "Must be a valid UUID.";
const NOT_TIME: &str = "Datetime has wrong format. Use one of these formats instead: \
    YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
const NOT_DATE: &str = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";

/// A membership as published. UUIDs, times and dates are unchecked texts.
#[derive(Deserialize)]
pub(super) struct Membership<'a> {
    pub(super) id: Value,
    pub(super) uuid: String,
    pub(super) status: Option<String>,
    pub(super) user: Option<User>,
    pub(super) card_number: Option<String>,
    pub(super) price: Option<Price>,
    pub(super) date_added: String,
    pub(super) last_action: Option<String>,
    pub(super) last_contribution: Option<String>,
    pub(super) deadline: Option<String>,
    pub(super) contribution_value: Option<Value>,
    pub(super) payment_method: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) pseudo: Option<String>,
    pub(super) newsletter: Option<bool>,
    pub(super) postal_code: Option<Value>,
    pub(super) birth_date: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) comment: Option<String>,
    pub(super) asset_fedow: Option<String>,
    pub(super) stripe_id_subscription: Option<String>,
    pub(super) last_stripe_invoice: Option<String>,
    pub(super) options: Option<Vec<Choice>>,
    #[serde(borrow)]
    pub(super) custom_form: Option<&'a RawValue>,
    pub(super) state_display: Option<String>,
    pub(super) payment_method_name: Option<String>,
}

/// The person a membership is linked to.
#[derive(Deserialize, Default)]
pub(super) struct User {
    pub(super) id: Option<String>,
    pub(super) email: Option<String>,
}

/// The price that was bought.
#[derive(Deserialize, Default)]
pub(super) struct Price {
    pub(super) uuid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) product: Option<Product>,
}

/// The product of a price.
#[derive(Deserialize, Default)]
pub(super) struct Product {
    pub(super) uuid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) img: Option<String>,
}

/// An option that was chosen.
#[derive(Deserialize)]
pub(super) struct Choice {
    pub(super) uuid: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) poids: Option<Value>,
}

/// A reservation as published.
#[derive(Deserialize)]
pub(super) struct Reservation {
    pub(super) uuid: String,
    pub(super) status: String,
    pub(super) previous_status: Option<String>,
    pub(super) datetime: Option<String>,
    pub(super) created_at: Option<String>,
}

/// Parses texts and collects the errors.
#[derive(Default)]
pub(super) struct Reader(FieldErrors);

impl Reader {
    /// Adds an error.
    pub(super) fn refuse(&mut self, path: &str, message: &str) {
        self.0.push(format!("data.{path}"), message.to_owned());
    }

    /// Parses a UUID and writes it with hyphens in lower case.
    pub(super) fn uuid(&mut self, path: &str, text: Option<&str>) -> Option<String> {
        self.read(path, text, NOT_UUID, Uuid::from_str)
            .map(|uuid| uuid.to_string())
    }

    /// Parses a time with its offset.
    pub(super) fn time(&mut self, path: &str, text: Option<&str>) -> Option<UtcDateTime> {
        self.read(path, text, NOT_TIME, UtcDateTime::from_str)
    }

    /// Parses a date.
    pub(super) fn date(&mut self, path: &str, text: Option<&str>) -> Option<String> {
        let day = self.read(path, text, NOT_DATE, |text| match text.len() {
            10 => Date::from_str(text).map_err(|_| ()),
            _ => Err(()),
        });
        day.map(|day| day.to_string())
    }

    /// Returns the errors, if there are any.
    pub(super) fn finish(self) -> Result<(), FieldErrors> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(self.0)
        }
    }

    fn read<T, E>(
        &mut self,
        path: &str,
        text: Option<&str>,
        message: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = parse(text?).ok();
        if value.is_none() {
            self.refuse(path, message);
        }
        value
    }
}

/// A whole number, published as a number or as a text of digits.
pub(super) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(digits) => digits.parse().ok(),
        Value::Number(number) => canonical_json::normalize(number.as_str()).parse().ok(),
        _ => None,
    }
}

/// A decimal number, published as a number or as a text.
pub(super) fn decimal(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_f64(),
    }
}

fn text(description: &str) -> Value {
    json!({"description": description, "type": "string"})
}

fn optional_text(description: &str) -> Value {
    json!({"description": description, "type": ["string", "null"]})
}

fn object(description: &str, properties: &Value) -> Value {
    json!({"description": description, "type": ["object", "null"], "properties": properties})
}

/// JSON Schema of a reservation.
pub(super) fn reservation_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Reservation",
        "type": "object",
        "properties": {
            "uuid": text("The reservation's UUID."),
            "status": {
                "description": "Its state code now: R, U, F, FA, P, PE, PN, V or C.",
                "type": "string", "minLength": 1,
            },
            "previous_status": optional_text("The state code before; null or left out: not known."),
            "datetime": optional_text("When it was made. This or created_at is required."),
            "created_at": optional_text("The same under another name."),
        },
        "required": ["uuid", "status"],
    })
}

/// The schemas of a membership's price, user and options.
fn membership_parts() -> (Value, Value, Value) {
    let product = json!({
        "uuid": optional_text("The product's UUID."),
        "name": optional_text("The product's name."),
        "img": optional_text("Its picture: a path below /media/, or a full URL."),
    });
    let price = json!({
        "uuid": optional_text("The price's UUID."),
        "name": optional_text("The price's name."),
        "product": object("The product it is a price of.", &product),
    });
    let user = json!({"id": optional_text("The person's UUID."), "email": optional_text("The person's address.")});
    let option = json!({
        "type": "object",
        "properties": {
            "uuid": text("The option's UUID."),
            "name": text("The option's name."),
            "description": optional_text("More about it."),
            "poids": {
                "description": "Its weight: lighter options come first.",
                "type": ["integer", "null"], "minimum": 0, "maximum": i64::from(i32::MAX),
            },
        },
        "required": ["uuid", "name"],
    });
    (
        object("What was bought.", &price),
        object("The person it is linked to, if any.", &user),
        option,
    )
}

/// JSON Schema of a membership.
pub(super) fn membership_schema() -> Value {
    let (price, user, option) = membership_parts();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Membership",
        "type": "object",
        "properties": {
            "id": {
                "description": "The internal key.",
                "type": ["integer", "string"], "pattern": "^[0-9]{1,18}$", "minimum": 0, "maximum": i64::MAX,
            },
            "uuid": text("The membership's UUID."),
            "status": optional_text("Its status code, such as D, L, A, O, C or AC."),
            "user": user,
            "card_number": optional_text("The number printed on the card."),
            "price": price,
            "date_added": text("When it was made."),
            "last_action": optional_text("When it was last saved."),
            "last_contribution": optional_text("When it was last paid."),
            "deadline": optional_text("When it ends. Without one nobody is told."),
            "contribution_value": {
                "description": "The amount, as a number or as text.",
                "type": ["number", "string", "null"], "pattern": "^-?[0-9]{1,15}(\\.[0-9]{1,9})?$",
            },
            "payment_method": optional_text("A code, such as CA or CC."),
            "first_name": optional_text("The first name."),
            "last_name": optional_text("The last name."),
            "pseudo": optional_text("The nickname."),
            "newsletter": {"description": "Whether letters are wanted.", "type": ["boolean", "null"]},
            "postal_code": {
                "description": "A whole number, or digits.",
                "type": ["integer", "string", "null"], "pattern": "^[0-9]{1,15}$",
                "minimum": 0, "maximum": 999_999_999_999_999_i64,
            },
            "birth_date": optional_text("YYYY-MM-DD."),
            "phone": optional_text("As typed."),
            "comment": optional_text("Free text."),
            "asset_fedow": optional_text("The UUID of the currency asset."),
            "stripe_id_subscription": optional_text("Of a recurring payment."),
            "last_stripe_invoice": optional_text("The last invoice."),
            "options": {"description": "The options chosen.", "type": ["array", "null"], "items": option},
            "custom_form": {"description": "Answers to the organisation's own form; passed through."},
            "state_display": optional_text("The label of status; left out: by the table, in the organizer's language."),
            "payment_method_name": optional_text("The label of payment_method; left out: by the table."),
        },
        "required": ["id", "uuid", "status", "date_added"],
    })
}
