use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::{catalogue, registered};
use crate::domain::{ActionTypeName, DialectName};

#[test]
fn names_resolve_as_pretix_does() {
    let catalogue = catalogue(&[
        registered("pretix.plugins.badges.*", PayloadShape::Order, None),
        registered("order.placed", PayloadShape::Custom, None),
    ]);
    for (concrete, found) in [
        (
            "pretix.event.order.placed",
            Some("pretix.event.order.placed"),
        ),
        ("pretix.event.order.placed.foo", None),
        (
            "pretix.event.order.placed.require_approval",
            Some("pretix.event.order.placed.require_approval"),
        ),
        ("pretix.event.order.changed", None),
        (
            "pretix.event.order.changed.price",
            Some("pretix.event.order.changed.*"),
        ),
        (
            "pretix.event.order.changed.a.b",
            Some("pretix.event.order.changed.*"),
        ),
        ("pretix.event.order.changed.*", None),
        (
            "pretix.event.item.variation.added",
            Some("pretix.event.item.*"),
        ),
        ("pretix.event.item", None),
        (
            "pretix.plugins.badges.printed",
            Some("pretix.plugins.badges.*"),
        ),
        ("pretix.plugins.badges", None),
        ("pretix.nothing", None),
        ("order.placed", Some("order.placed")),
        ("order.placed.x", None),
        ("order", None),
        ("", None),
    ] {
        let name = catalogue
            .resolve(concrete)
            .map(|catalogue_entry| catalogue_entry.name.as_str());
        assert_eq!(name, found, "{concrete}");
    }
}

#[test]
fn only_known_names_may_be_stored() {
    let catalogue = catalogue(&[registered("order.line.added", PayloadShape::Custom, None)]);
    for (name, selectable) in [
        ("pretix.event.order.placed", true),
        ("pretix.event.order.changed.*", true),
        ("pretix.event.order.changed.price", false),
        ("pretix.event.order.*", false),
        ("pretix.*", false),
        ("pretix.event.order.placed ", false),
        ("order.line.added", true),
        ("order.line.*", true),
        ("order.*", true),
        ("order.line.added.*", false),
        ("ord.*", false),
        ("orde*", false),
        ("order", false),
        ("*", false),
        (".*", false),
        ("", false),
    ] {
        assert_eq!(catalogue.is_selectable(name), selectable, "{name}");
    }
    assert_eq!(
        catalogue.first_concrete("order.*").unwrap().0.as_str(),
        "order.line.added"
    );
    assert_eq!(
        catalogue
            .first_concrete("pretix.event.order.changed.*")
            .unwrap()
            .0
            .as_str(),
        "pretix.event.order.changed.add"
    );
    assert!(catalogue.first_concrete("pretix.event.*").is_none());
    let changed = catalogue.get("pretix.event.order.changed.*").unwrap();
    assert_eq!(changed.concrete_names().len(), 19);
    let plugin = registered("pretix.plugin.*", PayloadShape::Order, None);
    let catalogue = super::catalogue(&[plugin]);
    assert_eq!(
        catalogue
            .first_concrete("pretix.plugin.*")
            .unwrap()
            .0
            .as_str(),
        "pretix.plugin.test"
    );
}

#[test]
fn other_dialects_are_unknown() {
    let own = registered("order.placed", PayloadShape::Custom, None);
    let foreign = registered("pretix.plugin.x", PayloadShape::Order, None);
    let custom = Catalogue::new(&[DialectName::Custom], &[own.clone(), foreign.clone()]);
    assert_eq!(custom.iter().count(), 1);
    assert!(custom.resolve("pretix.event.order.placed").is_none());
    let pretix = Catalogue::new(&[DialectName::Pretix, DialectName::Pretix], &[own, foreign]);
    assert_eq!(pretix.iter().count(), 48);
    assert!(pretix.resolve("order.placed").is_none());
}

#[test]
fn built_in_and_organizer_names_take_precedence() {
    let mut everybodys = registered("order.placed", PayloadShape::Custom, None);
    everybodys.organizer = None;
    everybodys.description = "everybody's".into();
    let own = registered("order.placed", PayloadShape::Custom, None);
    let shadow = registered("pretix.event.checkin", PayloadShape::Order, None);
    let catalogue = catalogue(&[everybodys, own, shadow]);
    assert_eq!(catalogue.get("order.placed").unwrap().description, "");
    assert_eq!(
        catalogue.get("pretix.event.checkin").unwrap().shape,
        PayloadShape::Checkin
    );
    assert_eq!(catalogue.iter().count(), 48);
}

#[test]
fn event_is_required_or_refused_by_action_type() {
    let catalogue = catalogue(&[registered("order.placed", PayloadShape::Custom, None)]);
    for (name, rule) in [
        ("pretix.event.order.placed", EventRequirement::Required),
        ("pretix.event.checkin", EventRequirement::Required),
        ("pretix.event.added", EventRequirement::Required),
        ("pretix.event.deleted", EventRequirement::DeletedEvent),
        ("pretix.voucher.added", EventRequirement::Required),
        ("pretix.subevent.deleted", EventRequirement::Required),
        ("pretix.customer.changed", EventRequirement::Forbidden),
        ("pretix.giftcards.created", EventRequirement::Forbidden),
        (
            "pretix.giftcards.transaction.manual",
            EventRequirement::Forbidden,
        ),
        ("order.placed", EventRequirement::Optional),
    ] {
        assert_eq!(
            catalogue.resolve(name).unwrap().event_requirement(name),
            rule,
            "{name}"
        );
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn registrations_are_checked() {
    let check = |name: &str, shape, schema: Option<Value>, example: Option<Value>| {
        let name: ActionTypeName = name.parse().unwrap();
        check_registration(
            &name,
            shape,
            schema.as_ref(),
            example.as_ref(),
            SchemaRules::New,
        )
        .map_err(|errors| {
            errors
                .0
                .into_iter()
                .map(|(path, _)| path)
                .collect::<Vec<_>>()
        })
    };
    let custom = PayloadShape::Custom;
    let integer = || Some(json!({"properties": {"n": {"type": "integer"}}}));
    assert_eq!(check("order.placed", custom, None, None), Ok(()));
    assert_eq!(
        check("order.placed", custom, integer(), Some(json!({"n": 1}))),
        Ok(())
    );
    assert_eq!(
        check(
            "pretix.plugin.*",
            PayloadShape::Order,
            None,
            Some(json!({"code": "A"}))
        ),
        Ok(())
    );
    for (name, shape, schema, example, path) in [
        ("order.*", custom, None, None, "action_type"),
        ("creads.project.created", custom, None, None, "action_type"),
        ("tibillet.x", custom, None, None, "action_type"),
        ("pretix.plugin.x", custom, None, None, "family"),
        ("order.placed", PayloadShape::Order, None, None, "family"),
        ("order.placed", custom, Some(json!(true)), None, "schema"),
        (
            "order.placed",
            custom,
            Some(json!({"type": "nothing"})),
            None,
            "schema",
        ),
        (
            "order.placed",
            custom,
            Some(json!({"pattern": "("})),
            None,
            "schema",
        ),
        (
            "order.placed",
            custom,
            Some(json!({"$ref": "http://127.0.0.1/s.json"})),
            None,
            "schema",
        ),
        (
            "order.placed",
            custom,
            Some(json!({"$ref": "file:///etc/passwd"})),
            None,
            "schema",
        ),
        (
            "order.placed",
            custom,
            integer(),
            Some(json!({"n": "1"})),
            "example.n",
        ),
        ("order.placed", custom, None, Some(json!([])), "example"),
        (
            "pretix.plugin.x",
            PayloadShape::Order,
            None,
            Some(json!({})),
            "example.code",
        ),
    ] {
        assert_eq!(
            check(name, shape, schema, example),
            Err(vec![path.to_owned()]),
            "{name}"
        );
    }
}

/// The rule of the document, word for word.
fn naive(registered: &[String], concrete: &str) -> Option<String> {
    if registered.iter().any(|name| name == concrete) {
        return Some(concrete.to_owned());
    }
    let mut words: Vec<_> = concrete.split('.').collect();
    while words.pop().is_some() && !words.is_empty() {
        let wildcard = format!("{}.*", words.join("."));
        if registered.contains(&wildcard) {
            return Some(wildcard);
        }
    }
    None
}

proptest! {
    #[test]
    fn resolve_agrees_with_the_document(
        names in proptest::collection::vec("pretix(\\.[ab]){1,3}(\\.\\*)?", 0..6),
        concrete in "pretix(\\.[ab]){1,5}",
    ) {
        let actions: Vec<_> = names.iter().map(|name| registered(name, PayloadShape::Order, None)).collect();
        let catalogue = catalogue(&actions);
        let found = catalogue.resolve(&concrete).map(|catalogue_entry| catalogue_entry.name.to_string());
        prop_assert_eq!(found, naive(&names, &concrete));
    }
}
