//! The dialect of TiBillet (Lespass): reservations and memberships, composed of the application's objects. `docs/api.md`
//! lists the differences from the payloads that the application sends itself.
//!
//! A body is fixed at publication but for `is_valid`, which the documentation defines "au moment de l'envoi".

use std::borrow::Cow;
use std::sync::LazyLock;

use bytes::Bytes;
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::action_type::ActionType;
use super::builtin_action_types::BuiltinActionTypes;
use super::compact_json::{compact, parse};
use super::compose_input::{ComposeInput, ComposedNotification};
use super::definition::DialectDefinition;
use super::field_errors::FieldErrors;
use super::strict_json;
use super::tibillet_input::{
    self as input, Choice, Price, Product, Reader, User, decimal, integer,
};
use super::tibillet_labels as labels;
use crate::domain::{Audience, BodyTemplate, DialectName, Language, PayloadShape, UtcDateTime};

pub(super) const DIALECT: DialectDefinition = DialectDefinition {
    builtin: Some(builtin),
    compose,
    explain: None,
};

/// The characters that Django's `filepath_to_uri` escapes.
const ESCAPED_IN_PATHS: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'~')
    .remove(b'!')
    .remove(b'*')
    .remove(b'(')
    .remove(b')')
    .remove(b'\'')
    .remove(b'_')
    .remove(b'.')
    .remove(b'-');

fn builtin() -> &'static BuiltinActionTypes {
    static BUILTIN: LazyLock<BuiltinActionTypes> =
        LazyLock::new(|| BuiltinActionTypes::new(vec![reservation_type(), membership_type()]));
    &BUILTIN
}

fn reservation_type() -> ActionType {
    ActionType::builtin(
        "tibillet.reservation",
        DialectName::Tibillet,
        PayloadShape::DataStored,
        "A reservation was saved. Rings when it was just paid or validated, or saved again as such.",
        input::reservation_schema(),
        json!({
            "uuid": "b7d1f0a2-3c4e-4d5f-8a6b-7c8d9e0f1a2b", "status": "P", "previous_status": "U",
            "datetime": "2026-05-02T18:41:07.512345Z",
        }),
    )
}

fn membership_type() -> ActionType {
    ActionType::builtin(
        "tibillet.membership",
        DialectName::Tibillet,
        PayloadShape::TibilletMembership,
        "A membership was saved. Rings if it has a deadline.",
        input::membership_schema(),
        json!({
            "id": 4127, "uuid": "6c1b9a52-9f0e-4b0e-8f3a-0d6f6e7c2b10", "status": "D",
            "user": {"id": "7f0e3f3c-1f57-4f0b-9f83-5f0a7a0b1c22", "email": "camille.dubreuil@example.org"},
            "card_number": null,
            "price": {
                "uuid": "5d2c7a1e-4a6f-4a0d-9a53-6a1f4b8e7c01", "name": "Adhésion annuelle",
                "product": {
                    "uuid": "a3c4d5e6-1b2a-4c3d-8e9f-001122334455", "name": "Adhésion associative",
                    "img": "images/adhesion_2026.png",
                },
            },
            "date_added": "2026-03-10T09:15:29.104233Z", "last_action": "2026-03-10T09:15:30.871044Z",
            "last_contribution": "2026-03-10T09:15:29.098112Z", "deadline": "2127-03-10T09:15:29.098112Z",
            "contribution_value": "25.00", "payment_method": "CA", "first_name": "Camille", "last_name": "Dubreuil",
            "pseudo": null, "newsletter": true, "postal_code": "35000", "birth_date": "1990-01-01",
            "phone": "+33611223344", "comment": "Payé au forum des assos",
            "asset_fedow": "a3c4d5e6-1b2a-4c3d-8e9f-001122334455", "stripe_id_subscription": null,
            "last_stripe_invoice": null,
            "options": [
                {"uuid": "e1000000-0000-4000-8000-000000000001", "name": "Bénévole bar",
                 "description": "Tient le bar un soir par mois", "poids": 2},
                {"uuid": "e1000000-0000-4000-8000-000000000002", "name": "Chorale", "description": null, "poids": 0},
            ],
            "custom_form": {"Allergies": "arachides"},
        }),
    )
}

fn compose(input: &ComposeInput<'_>) -> Result<ComposedNotification, FieldErrors> {
    let data = compact(input.data.get())?;
    let value = strict_json::parse(&data, "data")?;
    input
        .catalogue_entry
        .data_schema
        .check(&value, "data", input.budget)?;
    let (body, is_delivered) = match input.catalogue_entry.shape {
        PayloadShape::TibilletMembership => membership(input, &parse(&data)?)?,
        _ => reservation(&parse(&data)?)?,
    };
    Ok(ComposedNotification {
        body: BodyTemplate::Complete(body.into()),
        audience: if is_delivered {
            Audience::Everyone
        } else {
            Audience::Nobody
        },
        data: Some(data.into()),
    })
}

/// Serializes a body, which cannot fail for texts and numbers.
fn to_json(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// The body of a reservation, with its keys in the documented order.
#[derive(Serialize)]
struct ReservationBody<'a> {
    object: &'static str,
    uuid: Option<String>,
    state: &'a str,
    datetime: Option<String>,
}

fn reservation(given: &input::Reservation) -> Result<(String, bool), FieldErrors> {
    let mut reader = Reader::default();
    let uuid = reader.uuid("uuid", Some(&given.uuid));
    let made = match (&given.datetime, &given.created_at) {
        (Some(text), _) => reader.time("datetime", Some(text)),
        (None, Some(text)) => reader.time("created_at", Some(text)),
        (None, None) => {
            reader.refuse("datetime", "This field is required.");
            None
        }
    };
    reader.finish()?;
    let body = ReservationBody {
        object: "reservation",
        uuid,
        state: &given.status,
        datetime: made.map(|time| python_time(time, ' ', "+00:00")),
    };
    let before = given.previous_status.as_deref();
    Ok((
        to_json(&body),
        is_reservation_delivered(before, &given.status),
    ))
}

/// Whether a reservation is delivered: on a change from `R`, `U` or `F` to `P`, `FA` or `V`, and when `FA` or `P` is saved
/// again. Without a previous state, for `P`, `FA` and `V`.
fn is_reservation_delivered(before: Option<&str>, after: &str) -> bool {
    let validated = matches!(after, "P" | "FA" | "V");
    match before {
        None | Some("R" | "U" | "F") => validated,
        Some(before @ ("FA" | "P")) => before == after,
        Some(_) => false,
    }
}

/// The body of a membership: 39 keys in TiBillet's order, all of them always present.
#[derive(Serialize)]
struct MembershipBody<'a> {
    object: &'static str,
    pk: String,
    uuid: Option<String>,
    state: Option<&'a str>,
    datetime: Option<String>,
    deadline: Option<String>,
    email: Cow<'a, str>,
    comment: Option<&'a str>,
    first_name: Option<&'a str>,
    last_name: Option<&'a str>,
    pseudo: Option<&'a str>,
    price_name: Option<&'a str>,
    price_uuid: Option<String>,
    product_name: Option<&'a str>,
    product_uuid: Option<String>,
    organisation: &'a str,
    organisation_id: String,
    user: Option<String>,
    card_number: Option<&'a str>,
    date_added: Option<String>,
    last_action: Option<String>,
    last_contribution: Option<String>,
    contribution_value: Option<f64>,
    payment_method: Option<&'a str>,
    payment_method_name: Option<&'a str>,
    newsletter: bool,
    postal_code: Option<i64>,
    birth_date: Option<String>,
    phone: Option<&'a str>,
    is_valid: bool,
    asset_fedow: Option<String>,
    stripe_id_subscription: Option<&'a str>,
    last_stripe_invoice: Option<&'a str>,
    member_name: Option<String>,
    product_img: Option<String>,
    option_generale: Vec<OptionBody<'a>>,
    option_names: Vec<&'a str>,
    state_display: Option<&'a str>,
    custom_form: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct OptionBody<'a> {
    uuid: Option<String>,
    name: &'a str,
    description: Option<&'a str>,
    poids: i64,
}

fn membership(
    about: &ComposeInput<'_>,
    given: &input::Membership<'_>,
) -> Result<(String, bool), FieldErrors> {
    let organizer = about.organizer;
    let mut reader = Reader::default();
    let added = reader.time("date_added", Some(&given.date_added));
    let deadline = reader.time("deadline", given.deadline.as_deref());
    let acted = reader.time("last_action", given.last_action.as_deref());
    let paid = reader.time("last_contribution", given.last_contribution.as_deref());
    let status = filled(given.status.as_deref());
    let (no_price, no_product, nobody) = (Price::default(), Product::default(), User::default());
    let price = given.price.as_ref().unwrap_or(&no_price);
    let product = price.product.as_ref().unwrap_or(&no_product);
    let user = given.user.as_ref().unwrap_or(&nobody);
    let options = options(&mut reader, given.options.as_deref().unwrap_or_default());
    let body = MembershipBody {
        object: "membership",
        pk: integer(&given.id).unwrap_or_default().to_string(),
        uuid: reader.uuid("uuid", Some(&given.uuid)),
        state: status,
        datetime: added.map(with_numeric_offset),
        deadline: deadline.map(with_numeric_offset),
        email: email(user, given.card_number.as_deref()),
        comment: given.comment.as_deref(),
        first_name: given.first_name.as_deref(),
        last_name: given.last_name.as_deref(),
        pseudo: given.pseudo.as_deref(),
        price_name: price.name.as_deref(),
        price_uuid: reader.uuid("price.uuid", price.uuid.as_deref()),
        product_name: product.name.as_deref(),
        product_uuid: reader.uuid("price.product.uuid", product.uuid.as_deref()),
        organisation: &organizer.name,
        organisation_id: organizer.uuid.to_string(),
        user: reader.uuid("user.id", user.id.as_deref()),
        card_number: given.card_number.as_deref(),
        date_added: added.map(with_z),
        last_action: acted.map(with_z),
        last_contribution: paid.map(with_z),
        contribution_value: given.contribution_value.as_ref().and_then(decimal),
        payment_method: given.payment_method.as_deref(),
        payment_method_name: payment_method_name(given, organizer.language),
        newsletter: given.newsletter.unwrap_or_default(),
        postal_code: given.postal_code.as_ref().and_then(integer),
        birth_date: reader.date("birth_date", given.birth_date.as_deref()),
        phone: given.phone.as_deref(),
        is_valid: is_valid(status, deadline, about.published_at),
        asset_fedow: reader.uuid("asset_fedow", given.asset_fedow.as_deref()),
        stripe_id_subscription: given.stripe_id_subscription.as_deref(),
        last_stripe_invoice: given.last_stripe_invoice.as_deref(),
        member_name: member_name(given),
        product_img: product.img.as_deref().and_then(image_path),
        option_names: options.iter().map(|option| option.name).collect(),
        option_generale: options,
        state_display: state_display(given, organizer.language),
        custom_form: given.custom_form,
    };
    reader.finish()?;
    Ok((to_json(&body), deadline.is_some()))
}

/// The published label, or the one of the table.
fn state_display<'a>(given: &'a input::Membership<'_>, language: Language) -> Option<&'a str> {
    let by_table = filled(given.status.as_deref()).map(|code| labels::status(code, language));
    filled(given.state_display.as_deref()).or(by_table)
}

/// The published label of the payment method, or the one of the table.
fn payment_method_name<'a>(
    given: &'a input::Membership<'_>,
    language: Language,
) -> Option<&'a str> {
    let code = filled(given.payment_method.as_deref());
    let by_table = code.map(|code| labels::payment_method(code, language));
    filled(given.payment_method_name.as_deref()).or(by_table)
}

/// The text, unless it is missing or empty.
fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The user's address in lower case, or `Anonymous` and the card number, in both languages.
fn email<'a>(user: &User, card: Option<&'a str>) -> Cow<'a, str> {
    match (filled(user.email.as_deref()), filled(card)) {
        (Some(address), _) => address.to_lowercase().into(),
        (None, Some(card)) => format!("Anonymous {card}").into(),
        (None, None) => "Anonymous".into(),
    }
}

/// The nickname, or the last and first name; `None` for a person without names.
fn member_name(given: &input::Membership<'_>) -> Option<String> {
    if let Some(pseudo) = filled(given.pseudo.as_deref()) {
        return Some(pseudo.to_owned());
    }
    let names = [given.last_name.as_deref(), given.first_name.as_deref()];
    let names: Vec<&str> = names.into_iter().filter_map(filled).collect();
    (!names.is_empty()).then(|| names.join(" "))
}

/// The path of a picture below `/media/`, percent-encoded like Django's. A full URL or a path below `/media/` stays.
fn image_path(img: &str) -> Option<String> {
    let lower = img.to_ascii_lowercase();
    if lower.starts_with("http://") || lower.starts_with("https://") || img.starts_with("/media/") {
        return Some(img.to_owned());
    }
    let path = img.replace('\\', "/");
    let path = path.trim_start_matches('/');
    (!path.is_empty()).then(|| format!("/media/{}", utf8_percent_encode(path, ESCAPED_IN_PATHS)))
}

/// The options by weight, and in the published order for equal weights.
fn options<'a>(reader: &mut Reader, given: &'a [Choice]) -> Vec<OptionBody<'a>> {
    let mut options = Vec::with_capacity(given.len());
    for (index, option) in given.iter().enumerate() {
        options.push(OptionBody {
            uuid: reader.uuid(&format!("options.{index}.uuid"), Some(&option.uuid)),
            name: &option.name,
            description: option.description.as_deref(),
            poids: option.poids.as_ref().and_then(integer).unwrap_or_default(),
        });
    }
    options.sort_by_key(|option| option.poids);
    options
}

/// UTC with `T` and `+00:00`.
fn with_numeric_offset(time: UtcDateTime) -> String {
    python_time(time, 'T', "+00:00")
}

/// UTC with `T` and `Z`.
fn with_z(time: UtcDateTime) -> String {
    python_time(time, 'T', "Z")
}

/// An instant like Python's `isoformat`: six digits of a second's fraction, or none for a whole second.
fn python_time(time: UtcDateTime, separator: char, offset: &str) -> String {
    let civil = time.date_time();
    let (date, clock) = (civil.date(), civil.time());
    let (hour, minute, second) = (clock.hour(), clock.minute(), clock.second());
    let micros = clock.subsec_nanosecond() / 1_000;
    if micros == 0 {
        format!("{date}{separator}{hour:02}:{minute:02}:{second:02}{offset}")
    } else {
        format!("{date}{separator}{hour:02}:{minute:02}:{second:02}.{micros:06}{offset}")
    }
}

/// Whether a membership is valid at `now`: not cancelled, and its deadline has not passed.
fn is_valid(status: Option<&str>, deadline: Option<UtcDateTime>, now: Timestamp) -> bool {
    !matches!(status, Some("C" | "AC"))
        && deadline.is_some_and(|deadline| UtcDateTime::from(now) <= deadline)
}

/// The body of a membership with `is_valid` for `now`.
pub(super) fn body_at_send_time(body: &Bytes, now: Timestamp) -> Bytes {
    #[derive(Deserialize)]
    struct StoredBody<'a> {
        state: Option<String>,
        deadline: Option<UtcDateTime>,
        #[serde(borrow)]
        is_valid: &'a RawValue,
    }
    let Ok(stored) = serde_json::from_slice::<StoredBody<'_>>(body) else {
        // The body was erased.
        return body.clone();
    };
    let valid = is_valid(stored.state.as_deref(), stored.deadline, now);
    let old = stored.is_valid.get();
    let new = if valid { "true" } else { "false" };
    if old == new {
        return body.clone();
    }
    // The member is borrowed from the body, which gives its position.
    let from = old.as_ptr().addr() - body.as_ptr().addr();
    let parts = [&body[..from], new.as_bytes(), &body[from + old.len()..]];
    parts.concat().into()
}
