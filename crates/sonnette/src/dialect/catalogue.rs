//! The action types that an organizer can publish.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};

use super::action_type::ActionType;
use super::builtin_action_types::BuiltinActionTypes;
use super::field_errors::FieldErrors;
use super::lookup::dialect;
use super::pretix_payload;
use super::schema::{DataSchema, compile};
use crate::domain::{ActionName, DialectName, PayloadShape, RegisteredAction, covering_wildcards};

/// The action types that an organizer can publish: those of its dialects, then the registered ones by name.
#[derive(Default)]
pub struct Catalogue {
    builtin: Vec<&'static BuiltinActionTypes>,
    registered: BTreeMap<ActionName, Arc<ActionType>>,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|spec| &spec.name))
            .finish()
    }
}

impl Catalogue {
    /// The catalogue of an organizer with these dialects. `registered` are the action types of the organizer and those of
    /// all organizers; names of other dialects are ignored, and the organizer's own name wins over a global one.
    pub fn new(dialects: &[DialectName], registered: &[RegisteredAction]) -> Self {
        let mut known: Vec<DialectName> = Vec::new();
        for dialect in dialects {
            if !known.contains(dialect) {
                known.push(*dialect);
            }
        }
        let builtin: Vec<_> = known
            .iter()
            .filter_map(|name| dialect(*name).builtin.map(|builtin| builtin()))
            .collect();
        let mut own = BTreeMap::new();
        let everybodys = registered
            .iter()
            .filter(|action| action.organizer.is_none());
        let organizers = registered
            .iter()
            .filter(|action| action.organizer.is_some());
        for action in organizers.chain(everybodys) {
            let fresh = !own.contains_key(&action.name)
                && !builtin
                    .iter()
                    .any(|layer| layer.by_name.contains_key(&action.name));
            if fresh && known.contains(&dialect_of(&action.name)) {
                own.insert(action.name.clone(), Arc::new(spec_of(action)));
            }
        }
        Self {
            builtin,
            registered: own,
        }
    }

    /// The action type that a publication of `concrete` belongs to: for pretix names the name itself, else the longest
    /// registered wildcard over it; for others exactly that name. Wildcards cannot be published.
    pub fn resolve(&self, concrete: &str) -> Option<&Arc<ActionType>> {
        if concrete.ends_with('*') {
            return None;
        }
        self.get(concrete).or_else(|| {
            is_pretix(concrete)
                .then(|| covering_wildcards(concrete).find_map(|wildcard| self.get(&wildcard)))
                .flatten()
        })
    }

    /// The error text for a name that is not in the catalogue; a long name is cut.
    pub fn explain_unknown(&self, name: &str) -> String {
        let short: String = name.chars().take(100).collect();
        let first = name.split('.').next().unwrap_or_default();
        let explained = first
            .parse()
            .ok()
            .filter(|dialect| self.iter().any(|spec| spec.dialect == *dialect))
            .and_then(|name| dialect(name).explain)
            .and_then(|explain| explain(&short));
        match explained {
            Some(why) => format!("Unknown action type \"{short}\": {why}"),
            None => format!("Unknown action type \"{short}\"."),
        }
    }

    /// The action type registered under exactly this name.
    pub fn get(&self, name: &str) -> Option<&Arc<ActionType>> {
        self.builtin
            .iter()
            .find_map(|layer| layer.by_name.get(name))
            .or_else(|| self.registered.get(name))
    }

    /// Whether a webhook may have this among its `action_types`: a registered name, or, but for pretix, a wildcard
    /// over at least one.
    pub fn is_selectable(&self, name: &str) -> bool {
        self.get(name).is_some() || (!is_pretix(name) && self.first_match(name).is_some())
    }

    /// The first concrete action type that the stored name of a webhook matches: what a test sends.
    pub fn first_concrete(&self, stored: &str) -> Option<(ActionName, &Arc<ActionType>)> {
        let spec = match self.get(stored) {
            Some(spec) => spec,
            None if is_pretix(stored) => return None,
            None => self.first_match(stored)?,
        };
        Some((spec.first_concrete(), spec))
    }

    /// All action types: the built-in ones in the order of their documentation, then the registered ones by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ActionType>> {
        self.builtin
            .iter()
            .flat_map(|layer| &layer.ordered)
            .chain(self.registered.values())
    }

    /// The first action type that the wildcard `name` matches.
    fn first_match(&self, name: &str) -> Option<&Arc<ActionType>> {
        let stem = name.strip_suffix('*').filter(|stem| stem.ends_with('.'))?;
        let begins = |spec: &&Arc<ActionType>| spec.name.as_str().starts_with(stem);
        let from = (Bound::Included(stem), Bound::Unbounded);
        self.builtin
            .iter()
            .flat_map(|layer| &layer.ordered)
            .find(begins)
            .or_else(|| {
                self.registered
                    .range::<str, _>(from)
                    .map(|(_, spec)| spec)
                    .next()
                    .filter(begins)
            })
    }
}

fn is_pretix(name: &str) -> bool {
    name.starts_with("pretix.")
}

fn dialect_of(name: &ActionName) -> DialectName {
    name.first_word().parse().unwrap_or(DialectName::Custom)
}

fn spec_of(action: &RegisteredAction) -> ActionType {
    let rule = match (action.shape, &action.schema) {
        (PayloadShape::Custom, None) => DataSchema::AnyObject,
        (shape, None) => pretix_payload::rule(shape),
        _ => compile(&full_schema(action.shape, action.schema.as_ref()))
            .map_or(DataSchema::Unusable, DataSchema::Compiled),
    };
    let example = action
        .example
        .clone()
        .unwrap_or_else(|| match action.shape {
            PayloadShape::Custom => json!({}),
            family => pretix_payload::example(family),
        });
    ActionType {
        dialect: dialect_of(&action.name),
        name: action.name.clone(),
        shape: action.shape,
        label: None,
        description: action.description.clone(),
        schema: full_schema(action.shape, action.schema.as_ref()),
        example,
        concrete: &[],
        rule,
    }
}

/// The family's schema and the registered one together.
fn full_schema(shape: PayloadShape, registered: Option<&Value>) -> Value {
    match (shape, registered) {
        (PayloadShape::Custom, None) => json!({"type": "object"}),
        (PayloadShape::Custom, Some(schema)) => schema.clone(),
        (family, None) => pretix_payload::schema(family),
        (family, Some(schema)) => json!({"allOf": [pretix_payload::schema(family), schema]}),
    }
}

/// Checks the name, schema and example of an action type that is to be registered. The store checks whether the name is
/// taken; the caller checks who may register pretix names.
///
/// # Errors
/// The errors by the keys of the request: `action_type`, `family`, `schema`, `example…`.
pub fn check_registration(
    name: &ActionName,
    shape: PayloadShape,
    schema: Option<&Value>,
    example: Option<&Value>,
) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    let mut refuse = |path: &str, message: &str| errors.push(path.to_owned(), message.to_owned());
    match (dialect_of(name), shape) {
        (DialectName::Pretix, PayloadShape::Custom) => refuse("family", "This field is required."),
        (DialectName::Pretix, shape) if !shape.is_pretix_family() => {
            refuse("family", "This is no family of pretix.");
        }
        (DialectName::Custom, _) if name.is_wildcard() => {
            refuse(
                "action_type",
                "Only names that begin with pretix may be wildcards.",
            );
        }
        (DialectName::Pretix, _) | (DialectName::Custom, PayloadShape::Custom) => {}
        (DialectName::Custom, _) => {
            refuse("family", "Only names that begin with pretix have a family.");
        }
        (built_in, _) => {
            let message = format!("Names that begin with {built_in} cannot be registered.");
            refuse("action_type", &message);
        }
    }
    if schema.is_some_and(|schema| !schema.is_object()) {
        refuse("schema", "A JSON Schema is required, as an object.");
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let rule = match compile(&full_schema(shape, schema)) {
        Ok(validator) => DataSchema::Compiled(validator),
        Err(message) => return Err(FieldErrors::one("schema", message)),
    };
    match example {
        Some(example) => rule.check(example, "example"),
        None => Ok(()),
    }
}
