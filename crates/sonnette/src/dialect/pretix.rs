//! The built-in action types of pretix, in the order of its form.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::action_type::{ActionType, PRETIX_EVENT_DELETED};
use super::builtin_action_types::BuiltinActionTypes;
use super::definition::DialectDefinition;
use super::pretix_payload;
use crate::domain::{DialectName, PayloadShape};

/// Name, label in the form, family, description, and for wildcards the known endings.
struct ActionTypeRow(
    &'static str,
    &'static str,
    PayloadShape,
    &'static str,
    &'static [&'static str],
);

pub(super) const DIALECT: DialectDefinition = DialectDefinition {
    builtin: Some(builtin),
    compose: pretix_payload::compose,
    explain: None,
};

/// The 47 action types of pretix.
fn builtin() -> &'static BuiltinActionTypes {
    static BUILTIN: LazyLock<BuiltinActionTypes> = LazyLock::new(|| {
        BuiltinActionTypes::new(ACTION_TYPE_ROWS.iter().map(build_action_type).collect())
    });
    &BUILTIN
}

fn build_action_type(row: &ActionTypeRow) -> ActionType {
    let ActionTypeRow(name, label, shape, description, concrete) = row;
    let mut schema = Map::new();
    schema.insert("title".to_owned(), Value::from(*label));
    schema.insert("description".to_owned(), Value::from(*description));
    if let Value::Object(family) = pretix_payload::schema(*shape) {
        schema.extend(family);
    }
    ActionType {
        name: name.parse().unwrap_or_else(|_| {
            unreachable!("the table holds valid names only; a test parses all")
        }),
        dialect: DialectName::Pretix,
        shape: *shape,
        label: Some(label),
        description: (*description).to_owned(),
        schema: schema.into(),
        example: pretix_payload::example(*shape),
        wildcard_endings: concrete,
        data_schema: pretix_payload::data_schema(*shape),
    }
}

#[rustfmt::skip]
const ACTION_TYPE_ROWS: &[ActionTypeRow] = &[
    ActionTypeRow("pretix.event.order.placed", "New order placed", PayloadShape::Order,
        "An order was created, in any way: shop, API or import, in test mode too.", &[]),
    ActionTypeRow("pretix.event.order.placed.require_approval", "New order requires approval", PayloadShape::Order,
        "An order from the shop needs approval; raised beside \"New order placed\", and not for orders made through the API.", &[]),
    ActionTypeRow("pretix.event.order.paid", "Order marked as paid", PayloadShape::Order,
        "An order became fully paid.", &[]),
    ActionTypeRow("pretix.event.order.canceled", "Order canceled", PayloadShape::Order,
        "An order was canceled.", &[]),
    ActionTypeRow("pretix.event.order.reactivated", "Order reactivated", PayloadShape::Order,
        "A canceled order was reopened.", &[]),
    ActionTypeRow("pretix.event.order.expired", "Order expired", PayloadShape::Order,
        "An order was not paid in time and expired.", &[]),
    ActionTypeRow("pretix.event.order.expirychanged", "Order expiry date changed", PayloadShape::Order,
        "The date on which an order expires was changed.", &[]),
    ActionTypeRow("pretix.event.order.modified", "Order information changed", PayloadShape::Order,
        "Answers, attendee data or the invoice address of an order were changed.", &[]),
    ActionTypeRow("pretix.event.order.contact.changed", "Order contact address changed", PayloadShape::Order,
        "The e-mail address or phone number of an order was changed.", &[]),
    ActionTypeRow("pretix.event.order.changed.*", "Order changed", PayloadShape::Order,
        "The content of an order was changed: positions, prices, fees, seats, validity. One notification for each single change.",
        &["add", "add_block", "addfee", "cancel", "cancelfee", "feevalue", "item", "membership", "price", "recomputed",
          "remove_block", "seat", "secret", "split", "split_from", "subevent", "tax_rule", "valid_from", "valid_until"]),
    ActionTypeRow("pretix.event.order.refund.created", "Refund of payment created", PayloadShape::Order,
        "A refund for an order was created.", &[]),
    ActionTypeRow("pretix.event.order.refund.created.externally", "External refund of payment", PayloadShape::Order,
        "The payment provider reported a refund.", &[]),
    ActionTypeRow("pretix.event.order.refund.requested", "Refund of payment requested by customer", PayloadShape::Order,
        "The customer asked for a refund.", &[]),
    ActionTypeRow("pretix.event.order.refund.done", "Refund of payment completed", PayloadShape::Order,
        "A refund was completed.", &[]),
    ActionTypeRow("pretix.event.order.refund.canceled", "Refund of payment canceled", PayloadShape::Order,
        "A refund was canceled.", &[]),
    ActionTypeRow("pretix.event.order.refund.failed", "Refund of payment failed", PayloadShape::Order,
        "A refund failed.", &[]),
    ActionTypeRow("pretix.event.order.payment.confirmed", "Payment confirmed", PayloadShape::Order,
        "A payment was confirmed; raised for each, and before \"Order marked as paid\".", &[]),
    ActionTypeRow("pretix.event.order.approved", "Order approved", PayloadShape::Order,
        "An order that required approval was approved.", &[]),
    ActionTypeRow("pretix.event.order.denied", "Order denied", PayloadShape::Order,
        "An order that required approval was denied.", &[]),
    ActionTypeRow("pretix.event.order.deleted", "Order deleted", PayloadShape::Order,
        "An order was deleted; only orders in test mode can be.", &[]),
    ActionTypeRow("pretix.event.checkin", "Ticket checked in", PayloadShape::Checkin,
        "A ticket was scanned successfully, at an entry or an exit.", &[]),
    ActionTypeRow("pretix.event.checkin.reverted", "Ticket check-in reverted", PayloadShape::Checkin,
        "A check-in was reverted in the check-in list.", &[]),
    ActionTypeRow("pretix.event.added", "Event created", PayloadShape::Event,
        "An event was created.", &[]),
    ActionTypeRow("pretix.event.changed", "Event details changed", PayloadShape::Event,
        "The details of an event were changed.", &[]),
    ActionTypeRow(PRETIX_EVENT_DELETED, "Event deleted", PayloadShape::Event,
        "An event was deleted; it belongs to the organizer, so webhooks limited to some events hear it too.", &[]),
    ActionTypeRow("pretix.subevent.added", "Event series date added", PayloadShape::Subevent,
        "A date was added to an event series.", &[]),
    ActionTypeRow("pretix.subevent.changed", "Event series date changed", PayloadShape::Subevent,
        "A date of an event series was changed.", &[]),
    ActionTypeRow("pretix.subevent.deleted", "Event series date deleted", PayloadShape::Subevent,
        "A date of an event series was deleted.", &[]),
    ActionTypeRow("pretix.event.item.*", "Product changed", PayloadShape::Item,
        "A product, or one of its variations, add-ons, bundles or programme times, was added, changed, deleted or reordered.",
        &["added", "changed", "deleted", "reordered", "variation.added", "variation.changed", "variation.deleted",
          "addons.added", "addons.changed", "addons.removed", "bundles.added", "bundles.changed", "bundles.removed",
          "program_times.added", "program_times.changed", "program_times.removed"]),
    ActionTypeRow("pretix.event.quota.*", "Quota changed", PayloadShape::Item,
        "A quota was added, changed or deleted; the key \"item\" holds the quota's id.",
        &["added", "changed", "deleted"]),
    ActionTypeRow("pretix.event.live.activated", "Shop taken live", PayloadShape::Event,
        "The shop of an event was taken live.", &[]),
    ActionTypeRow("pretix.event.live.deactivated", "Shop taken offline", PayloadShape::Event,
        "The shop of an event was taken offline.", &[]),
    ActionTypeRow("pretix.event.testmode.activated", "Test-Mode of shop has been activated", PayloadShape::Event,
        "Test mode was switched on in the web interface; through the API this is \"Event details changed\".", &[]),
    ActionTypeRow("pretix.event.testmode.deactivated", "Test-Mode of shop has been deactivated", PayloadShape::Event,
        "Test mode was switched off in the web interface; through the API this is \"Event details changed\".", &[]),
    ActionTypeRow("pretix.event.orders.waitinglist.added", "Waiting list entry added", PayloadShape::WaitingList,
        "Someone was put on the waiting list.", &[]),
    ActionTypeRow("pretix.event.orders.waitinglist.changed", "Waiting list entry changed", PayloadShape::WaitingList,
        "An entry of the waiting list was changed.", &[]),
    ActionTypeRow("pretix.event.orders.waitinglist.deleted", "Waiting list entry deleted", PayloadShape::WaitingList,
        "An entry of the waiting list was deleted.", &[]),
    ActionTypeRow("pretix.event.orders.waitinglist.voucher_assigned", "Waiting list entry received voucher", PayloadShape::WaitingList,
        "An entry of the waiting list received a voucher.", &[]),
    ActionTypeRow("pretix.voucher.added", "Voucher added", PayloadShape::Voucher,
        "A voucher was added.", &[]),
    ActionTypeRow("pretix.voucher.changed", "Voucher changed", PayloadShape::Voucher,
        "A voucher was changed explicitly; being redeemed is no change.", &[]),
    ActionTypeRow("pretix.voucher.deleted", "Voucher deleted", PayloadShape::Voucher,
        "A voucher was deleted.", &[]),
    ActionTypeRow("pretix.customer.created", "Customer account created", PayloadShape::Customer,
        "A customer account was created.", &[]),
    ActionTypeRow("pretix.customer.changed", "Customer account changed", PayloadShape::Customer,
        "A customer account was changed.", &[]),
    ActionTypeRow("pretix.customer.anonymized", "Customer account anonymized", PayloadShape::Customer,
        "A customer account was anonymized.", &[]),
    ActionTypeRow("pretix.giftcards.created", "Gift card added", PayloadShape::GiftCard,
        "A gift card was issued.", &[]),
    ActionTypeRow("pretix.giftcards.modified", "Gift card modified", PayloadShape::GiftCard,
        "A gift card was modified.", &[]),
    ActionTypeRow("pretix.giftcards.transaction.*", "Gift card used in transaction", PayloadShape::GiftCardTransaction,
        "Money was booked on or off a gift card: by hand, by a payment or by a refund.",
        &["manual", "payment", "refund"]),
];
