//! The values that a schema checks, with a meter at each access.
//!
//! Once the steps of the check are used up, every object and list looks empty, and nothing is a text or a number.
//! Whoever runs the check discards its result then.

use std::borrow::Cow;
use std::collections::HashSet;

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde_json::{Map, Number, Value};

use super::canonical_json;
use super::check_budget::{charge, charge_key, charge_text};

/// The representation of values with a meter.
pub(super) struct MeteredJson;

/// A value with a meter.
#[derive(Clone, Copy)]
pub(super) struct MeteredNode<'a>(pub(super) &'a Value);

impl Json for MeteredJson {
    type Node<'a> = MeteredNode<'a>;
    type PreparedKey = String;
    type StringBuffer = Value;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>(
        buffer: &mut Value,
        string: &str,
        f: impl FnOnce(MeteredNode<'_>) -> T,
    ) -> T {
        *buffer = Value::String(string.to_owned());
        f(MeteredNode(buffer))
    }
}

impl<'a> Node<'a, MeteredJson> for MeteredNode<'a> {
    type Object = MeteredObject<'a>;
    type Array = MeteredArray<'a>;
    type Number = &'a Number;

    fn as_object(&self) -> Option<MeteredObject<'a>> {
        match self.0 {
            Value::Object(members) if charge(1, self.0) => Some(MeteredObject {
                value: self.0,
                members,
            }),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<MeteredArray<'a>> {
        match self.0 {
            Value::Array(items) if charge(1, self.0) => Some(MeteredArray {
                value: self.0,
                items,
            }),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.0 {
            Value::String(text) if charge_text(text.len(), self.0) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<&'a Number> {
        match self.0 {
            // Exact arithmetic allocates, and takes longer for more digits.
            Value::Number(number) if charge(10 + number.as_str().len() as u64, self.0) => {
                Some(number)
            }
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        self.0.as_bool()
    }

    fn is_null(&self) -> bool {
        self.0.is_null()
    }

    fn is_number(&self) -> bool {
        self.0.is_number()
    }

    fn json_type(&self) -> JsonType {
        charge(1, self.0);
        JsonType::from(self.0)
    }

    fn string_length(&self) -> Option<u64> {
        let text = self.0.as_str()?;
        charge(1 + text.len() as u64 / 16, self.0).then(|| text.chars().count() as u64)
    }

    fn equals_value(&self, expected: &Value) -> bool {
        is_equal(self.0, expected)
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Borrowed(self.0)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref(self.0).addr()))
    }
}

/// The members of an object, with a meter.
pub(super) struct MeteredObject<'a> {
    value: &'a Value,
    members: &'a Map<String, Value>,
}

impl<'a> Object<'a, MeteredJson> for MeteredObject<'a> {
    type Node = MeteredNode<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        self.members.len()
    }

    fn get(&self, key: &String) -> Option<MeteredNode<'a>> {
        charge(3, self.value)
            .then(|| self.members.get(key.as_str()).map(MeteredNode))
            .flatten()
    }

    fn members(&self) -> Members<'a> {
        Members(self.members.iter())
    }
}

/// Iterates over the members of an object.
pub(super) struct Members<'a>(serde_json::map::Iter<'a>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, MeteredNode<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.0.next()?;
        charge_key(key.len(), value).then_some((key, MeteredNode(value)))
    }
}

/// The elements of a list, with a meter.
pub(super) struct MeteredArray<'a> {
    value: &'a Value,
    items: &'a [Value],
}

impl<'a> Array<'a, MeteredJson> for MeteredArray<'a> {
    type Node = MeteredNode<'a>;
    type ElementsIter = Elements<'a>;

    fn len(&self) -> usize {
        self.items.len()
    }

    fn elements(&self) -> Elements<'a> {
        Elements(self.items.iter())
    }

    /// Compares canonical texts, since hashes of numbers as doubles collide.
    fn is_unique(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.items.len().min(1_024));
        for item in self.items {
            let text = canonical_json::text(item);
            if !charge(20 + text.len() as u64, self.value) || !seen.insert(text) {
                return false;
            }
        }
        true
    }
}

/// Iterates over the elements of a list.
pub(super) struct Elements<'a>(std::slice::Iter<'a, Value>);

impl<'a> Iterator for Elements<'a> {
    type Item = MeteredNode<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = self.0.next()?;
        charge(2, item).then_some(MeteredNode(item))
    }
}

/// Whether two values are equal as JSON Schema has it: numbers by value.
fn is_equal(value: &Value, expected: &Value) -> bool {
    match (value, expected) {
        (Value::String(text), Value::String(other)) => {
            charge(1 + text.len() as u64 / 16, value) && text == other
        }
        (Value::Number(number), Value::Number(other)) => {
            charge(10 + number.as_str().len() as u64, value)
                && canonical_json::is_same_number(number, other)
        }
        (Value::Array(items), Value::Array(others)) => {
            charge(2, value)
                && items.len() == others.len()
                && items.iter().zip(others).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(members), Value::Object(others)) => {
            charge(2, value)
                && members.len() == others.len()
                && members.iter().all(|(key, value)| {
                    charge(3, value) && others.get(key).is_some_and(|b| is_equal(value, b))
                })
        }
        _ => charge(1, value) && value == expected,
    }
}
