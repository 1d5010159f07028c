//! The action types that an organizer can publish.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Value, json};

use super::action_type::ActionType;
use super::builtin_action_types::BuiltinActionTypes;
use super::definitions::dialect;
use super::pretix_payload;
use super::schema::DataSchema;
use crate::cow_map::CowMap;
use crate::domain::{
    ActionTypeName, DialectName, PayloadShape, RegisteredActionType, matching_wildcards,
};

/// Registered action types by name, each compiled once. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct RegisteredActionTypes(CowMap<ActionTypeName, Arc<RegisteredEntry>>);

struct RegisteredEntry {
    registration: RegisteredActionType,
    action_type: Arc<ActionType>,
}

impl RegisteredActionTypes {
    /// Adds an action type, or replaces the one of this name.
    pub(crate) fn insert(&mut self, action: RegisteredActionType) {
        let catalogue_entry = Arc::new(build_action_type(&action));
        let name = action.name.clone();
        self.0.insert(
            name,
            Arc::new(RegisteredEntry {
                registration: action,
                action_type: catalogue_entry,
            }),
        );
    }

    /// Removes the action type of this name, if there is one.
    pub(crate) fn remove(&mut self, name: &ActionTypeName) {
        self.0.remove(name);
    }

    fn get(&self, name: &str) -> Option<&Arc<ActionType>> {
        self.0.get(name).map(|registered| &registered.action_type)
    }

    fn actions(&self) -> impl Iterator<Item = &RegisteredActionType> {
        self.0.values().map(|registered| &registered.registration)
    }

    /// The action types from the first name that is not before `start`.
    fn action_types_from(&self, start: &str) -> impl Iterator<Item = &Arc<ActionType>> {
        let from = self.0.iter_from(|name| name.as_str() < start);
        from.map(|(_, registered)| &registered.action_type)
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
    own: RegisteredActionTypes,
    /// Registered for all organizers.
    shared: RegisteredActionTypes,
}

impl std::fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|catalogue_entry| &catalogue_entry.name))
            .finish()
    }
}

impl Catalogue {
    /// The catalogue of an organizer with these dialects, of which `registered` are the types registered by it or for
    /// all.
    pub fn new(dialects: &[DialectName], registered: &[RegisteredActionType]) -> Self {
        let (mut own, mut shared) = <(RegisteredActionTypes, RegisteredActionTypes)>::default();
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
            .with_organizer_types(own)
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
    pub(crate) fn with_shared(self, shared: &RegisteredActionTypes) -> Self {
        Self {
            shared: shared.clone(),
            ..self
        }
    }

    /// Whether these are the action types that it has registered for all organizers.
    pub(crate) fn has_shared(&self, shared: &RegisteredActionTypes) -> bool {
        self.shared.0.ptr_eq(&shared.0)
    }

    fn with_organizer_types(self, own: RegisteredActionTypes) -> Self {
        Self { own, ..self }
    }

    /// What the organizer registered itself.
    pub(crate) fn organizer_types_mut(&mut self) -> &mut RegisteredActionTypes {
        &mut self.own
    }

    /// What was registered, of whatever dialect: by the organizer, then for all.
    pub fn registered(&self) -> impl Iterator<Item = &RegisteredActionType> {
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
                .then(|| matching_wildcards(concrete).find_map(|wildcard| self.get(&wildcard)))
                .flatten()
        })
    }

    /// The dialect that action types of this name belong to, if the organizer does not have it.
    pub fn missing_dialect(&self, name: &ActionTypeName) -> Option<DialectName> {
        Some(dialect_of(name)).filter(|dialect| !self.has_dialect(*dialect))
    }

    /// Whether the organizer has this dialect.
    pub(super) fn has_dialect(&self, dialect: DialectName) -> bool {
        self.dialects.contains(&dialect)
    }

    /// The action type registered under exactly this name.
    pub fn get(&self, name: &str) -> Option<&Arc<ActionType>> {
        self.find_builtin(name)
            .or_else(|| {
                self.own
                    .get(name)
                    .filter(|catalogue_entry| self.has_dialect_of(catalogue_entry))
            })
            .or_else(|| {
                let shared = self.shared.get(name);
                shared.filter(|catalogue_entry| self.has_dialect_of(catalogue_entry))
            })
    }

    /// Whether a webhook may have this among its `action_types`: a registered name, or, but for pretix, a wildcard
    /// over at least one.
    pub fn is_selectable(&self, name: &str) -> bool {
        self.get(name).is_some() || (!is_pretix(name) && self.first_match(name).is_some())
    }

    /// The first concrete action type that the stored name of a webhook matches: what a test sends.
    pub fn first_concrete(&self, stored: &str) -> Option<(ActionTypeName, &Arc<ActionType>)> {
        let catalogue_entry = match self.get(stored) {
            Some(catalogue_entry) => catalogue_entry,
            None if is_pretix(stored) => return None,
            None => self.first_match(stored)?,
        };
        Some((catalogue_entry.first_concrete(), catalogue_entry))
    }

    /// All action types: the built-in ones in the order of their documentation, then the registered ones by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<ActionType>> {
        let built_in = self.builtin_sets().flat_map(|layer| &layer.ordered);
        built_in.chain(self.registered_from(""))
    }

    /// The first action type that the wildcard `name` matches.
    fn first_match(&self, name: &str) -> Option<&Arc<ActionType>> {
        let stem = name.strip_suffix('*').filter(|stem| stem.ends_with('.'))?;
        let begins =
            |catalogue_entry: &&Arc<ActionType>| catalogue_entry.name.as_str().starts_with(stem);
        self.builtin_sets()
            .flat_map(|layer| &layer.ordered)
            .find(begins)
            .or_else(|| self.registered_from(stem).next().filter(begins))
    }

    fn builtin_sets(&self) -> impl Iterator<Item = &'static BuiltinActionTypes> {
        self.dialects
            .iter()
            .filter_map(|d| dialect(*d).builtin.map(|builtin| builtin()))
    }

    fn find_builtin(&self, name: &str) -> Option<&'static Arc<ActionType>> {
        self.builtin_sets()
            .find_map(|layer| layer.by_name.get(name))
    }

    fn has_dialect_of(&self, catalogue_entry: &ActionType) -> bool {
        self.dialects.contains(&catalogue_entry.dialect)
    }

    /// The registered action types by name, from the first that is not before `start`.
    fn registered_from<'a>(&'a self, start: &str) -> impl Iterator<Item = &'a Arc<ActionType>> {
        let mut own = self.own.action_types_from(start).peekable();
        let mut shared = self.shared.action_types_from(start).peekable();
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
        merged.filter(|catalogue_entry| {
            self.has_dialect_of(catalogue_entry)
                && self.find_builtin(catalogue_entry.name.as_str()).is_none()
        })
    }
}

fn is_pretix(name: &str) -> bool {
    name.starts_with("pretix.")
}

pub(super) fn dialect_of(name: &ActionTypeName) -> DialectName {
    name.first_word().parse().unwrap_or(DialectName::Custom)
}

fn build_action_type(action: &RegisteredActionType) -> ActionType {
    let rule = match (action.shape, &action.schema) {
        (PayloadShape::Custom, None) => DataSchema::AnyObject,
        (shape, None) => pretix_payload::data_schema(shape),
        _ => DataSchema::of(&full_schema(action.shape, action.schema.as_ref())),
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
        wildcard_endings: &[],
        data_schema: rule,
    }
}

/// The family's schema and the registered one together.
pub(super) fn full_schema(shape: PayloadShape, registered: Option<&Value>) -> Value {
    match (shape, registered) {
        (PayloadShape::Custom, None) => json!({"type": "object"}),
        (PayloadShape::Custom, Some(schema)) => schema.clone(),
        (family, None) => pretix_payload::schema(family),
        (family, Some(schema)) => json!({"allOf": [pretix_payload::schema(family), schema]}),
    }
}
