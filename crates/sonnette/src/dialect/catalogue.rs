//! The action types an organizer knows.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::schema::{DataSchema, compile};
use super::{ActionType, FieldErrors, pretix_payload};
use crate::cow_map::CowMap;
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

/// Registered action types by name, each compiled once. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct RegisteredActions(CowMap<ActionName, Arc<Registered>>);

struct Registered {
    action: RegisteredAction,
    spec: Arc<ActionType>,
}

impl RegisteredActions {
    /// Adds an action type, or replaces the one of this name.
    pub(crate) fn insert(&mut self, action: RegisteredAction) {
        let spec = Arc::new(spec_of(&action));
        let name = action.name.clone();
        self.0.insert(name, Arc::new(Registered { action, spec }));
    }

    /// Removes the action type of this name, if there is one.
    pub(crate) fn remove(&mut self, name: &ActionName) {
        self.0.remove(name);
    }

    fn get(&self, name: &str) -> Option<&Arc<ActionType>> {
        self.0.get(name).map(|registered| &registered.spec)
    }

    fn actions(&self) -> impl Iterator<Item = &RegisteredAction> {
        self.0.values().map(|registered| &registered.action)
    }

    /// The action types from the first name that is not before `start`.
    fn specs_from(&self, start: &str) -> impl Iterator<Item = &Arc<ActionType>> {
        let from = self.0.iter_from(|name| name.as_str() < start);
        from.map(|(_, registered)| &registered.spec)
    }
}

/// The action types an organizer knows: those of its dialects, then what was registered, by name.
///
/// Names of other dialects stay unknown. Where two have one name, a built-in one wins, then the organizer's own.
#[derive(Clone, Default)]
pub struct Catalogue {
    /// Each once.
    dialects: Arc<[DialectName]>,
    /// Registered by the organizer.
    own: RegisteredActions,
    /// Registered for all organizers.
    shared: RegisteredActions,
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
    /// all.
    pub fn new(dialects: &[DialectName], registered: &[RegisteredAction]) -> Self {
        let (mut own, mut shared) = <(RegisteredActions, RegisteredActions)>::default();
        for action in registered {
            let into = match action.organizer {
                Some(_) => &mut own,
                None => &mut shared,
            };
            into.insert(action.clone());
        }
        Self::default()
            .with_dialects(dialects)
            .with_shared(&shared)
            .with_own(own)
    }

    /// This catalogue for other dialects.
    pub(crate) fn with_dialects(self, dialects: &[DialectName]) -> Self {
        let mut known: Vec<DialectName> = Vec::new();
        for dialect in dialects {
            if !known.contains(dialect) {
                known.push(*dialect);
            }
        }
        Self {
            dialects: known.into(),
            ..self
        }
    }

    /// This catalogue with other action types that are registered for all organizers.
    pub(crate) fn with_shared(self, shared: &RegisteredActions) -> Self {
        Self {
            shared: shared.clone(),
            ..self
        }
    }

    /// Whether these are the action types that it has registered for all organizers.
    pub(crate) fn has_shared(&self, shared: &RegisteredActions) -> bool {
        self.shared.0.ptr_eq(&shared.0)
    }

    fn with_own(self, own: RegisteredActions) -> Self {
        Self { own, ..self }
    }

    /// What the organizer registered itself.
    pub(crate) fn own_mut(&mut self) -> &mut RegisteredActions {
        &mut self.own
    }

    /// What was registered, of whatever dialect: by the organizer, then for all.
    pub fn registered(&self) -> impl Iterator<Item = &RegisteredAction> {
        self.own.actions().chain(self.shared.actions())
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
        self.built_in(name)
            .or_else(|| self.own.get(name).filter(|spec| self.has_dialect_of(spec)))
            .or_else(|| {
                let shared = self.shared.get(name);
                shared.filter(|spec| self.has_dialect_of(spec))
            })
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
        let built_in = self.built_in_layers().flat_map(|layer| &layer.ordered);
        built_in.chain(self.registered_from(""))
    }

    /// The first action type that the wildcard `name` covers.
    fn covered(&self, name: &str) -> Option<&Arc<ActionType>> {
        let stem = name.strip_suffix('*').filter(|stem| stem.ends_with('.'))?;
        let begins = |spec: &&Arc<ActionType>| spec.name.as_str().starts_with(stem);
        self.built_in_layers()
            .flat_map(|layer| &layer.ordered)
            .find(begins)
            .or_else(|| self.registered_from(stem).next().filter(begins))
    }

    fn built_in_layers(&self) -> impl Iterator<Item = &'static BuiltinActionTypes> {
        self.dialects
            .iter()
            .filter_map(|d| BuiltinActionTypes::of(*d))
    }

    fn built_in(&self, name: &str) -> Option<&'static Arc<ActionType>> {
        self.built_in_layers()
            .find_map(|layer| layer.by_name.get(name))
    }

    fn has_dialect_of(&self, spec: &ActionType) -> bool {
        self.dialects.contains(&spec.dialect)
    }

    /// The registered action types by name, from the first that is not before `start`.
    fn registered_from<'a>(&'a self, start: &str) -> impl Iterator<Item = &'a Arc<ActionType>> {
        let mut own = self.own.specs_from(start).peekable();
        let mut shared = self.shared.specs_from(start).peekable();
        let merged = std::iter::from_fn(move || match (own.peek(), shared.peek()) {
            (Some(first), Some(second)) => match first.name.cmp(&second.name) {
                Ordering::Less => own.next(),
                Ordering::Greater => shared.next(),
                Ordering::Equal => {
                    shared.next();
                    own.next()
                }
            },
            (Some(_), None) => own.next(),
            (None, _) => shared.next(),
        });
        merged
            .filter(|spec| self.has_dialect_of(spec) && self.built_in(spec.name.as_str()).is_none())
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
