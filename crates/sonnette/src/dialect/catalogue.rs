//! The action types an organizer knows.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use serde_json::{Value, json};

use super::schema::{DataSchema, compile};
use super::{ActionType, FieldErrors, pretix_payload};
use crate::domain::{ActionName, DialectName, PayloadShape, RegisteredAction, covering_wildcards};

/// Action types that every organizer with their dialect knows, in the order of the documents.
pub(super) struct BuiltinActionTypes {
    ordered: Vec<Arc<ActionType>>,
    by_name: HashMap<ActionName, Arc<ActionType>>,
}

impl BuiltinActionTypes {
    pub(super) fn new(specs: Vec<ActionType>) -> Self {
        let ordered: Vec<_> = specs.into_iter().map(Arc::new).collect();
        let by_name = ordered
            .iter()
            .map(|spec| (spec.name.clone(), Arc::clone(spec)))
            .collect();
        Self { ordered, by_name }
    }

    fn of(dialect: DialectName) -> Option<&'static Self> {
        super::dialect(dialect).builtin.map(|builtin| builtin())
    }
}

/// The action types an organizer knows: those of its dialects, then what was registered, by name.
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
    /// The catalogue of an organizer with these dialects, of which `registered` are the types registered by it or for
    /// all. Names of other dialects stay unknown. Where two have one name, the organizer's own wins.
    pub fn new(dialects: &[DialectName], registered: &[RegisteredAction]) -> Self {
        let mut known: Vec<DialectName> = Vec::new();
        for dialect in dialects {
            if !known.contains(dialect) {
                known.push(*dialect);
            }
        }
        let builtin: Vec<_> = known
            .iter()
            .filter_map(|d| BuiltinActionTypes::of(*d))
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

    /// What is said of a name that is not to be found here, shortened if long.
    pub fn explain_unknown(&self, name: &str) -> String {
        let short: String = name.chars().take(100).collect();
        let first = name.split('.').next().unwrap_or_default();
        let explained = first
            .parse()
            .ok()
            .filter(|dialect| self.iter().any(|spec| spec.dialect == *dialect))
            .and_then(|dialect| super::dialect(dialect).explain)
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
        self.get(name).is_some() || (!is_pretix(name) && self.covered(name).is_some())
    }

    /// What a test of a webhook with this stored name sends: the first concrete action type it stands for.
    pub fn first_concrete(&self, stored: &str) -> Option<(ActionName, &Arc<ActionType>)> {
        let spec = match self.get(stored) {
            Some(spec) => spec,
            None if is_pretix(stored) => return None,
            None => self.covered(stored)?,
        };
        Some((spec.first_concrete(), spec))
    }

    /// All action types: pretix's in the order of its form, other built-in ones, then registered ones by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ActionType>> {
        self.builtin
            .iter()
            .flat_map(|layer| &layer.ordered)
            .chain(self.registered.values())
    }

    /// The first action type that the wildcard `name` covers.
    fn covered(&self, name: &str) -> Option<&Arc<ActionType>> {
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

/// What the family asks together with what was registered.
fn full_schema(shape: PayloadShape, registered: Option<&Value>) -> Value {
    match (shape, registered) {
        (PayloadShape::Custom, None) => json!({"type": "object"}),
        (PayloadShape::Custom, Some(schema)) => schema.clone(),
        (family, None) => pretix_payload::schema(family),
        (family, Some(schema)) => json!({"allOf": [pretix_payload::schema(family), schema]}),
    }
}

/// Whether an action type may be registered: its name, its schema, its example. Whether the name is
/// taken is for the store to say, and who may register pretix names for the caller.
///
/// # Errors
/// By the keys of the request: `action_type`, `family`, `schema`, `example…`.
pub fn check_registration(
    name: &ActionName,
    shape: PayloadShape,
    schema: Option<&Value>,
    example: Option<&Value>,
) -> Result<(), FieldErrors> {
    let mut errors = FieldErrors::default();
    let mut say = |path: &str, message: &str| errors.push(path.to_owned(), message.to_owned());
    match (dialect_of(name), shape) {
        (DialectName::Pretix, PayloadShape::Custom) => say("family", "This field is required."),
        (DialectName::Pretix, shape) if !shape.is_pretix_family() => {
            say("family", "This is no family of pretix.");
        }
        (DialectName::Custom, _) if name.is_wildcard() => {
            say(
                "action_type",
                "Only names that begin with pretix may be wildcards.",
            );
        }
        (DialectName::Pretix, _) | (DialectName::Custom, PayloadShape::Custom) => {}
        (DialectName::Custom, _) => {
            say("family", "Only names that begin with pretix have a family.");
        }
        (built_in, _) => {
            let message = format!("Names that begin with {built_in} cannot be registered.");
            say("action_type", &message);
        }
    }
    if schema.is_some_and(|schema| !schema.is_object()) {
        say("schema", "A JSON Schema is required, as an object.");
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
