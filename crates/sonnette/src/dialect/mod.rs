//! stub of what is coming
use std::sync::Arc;
use serde_json::{Value, value::RawValue};
use crate::domain::*;
/// An action type as an organizer knows it.
#[derive(Debug)]
pub struct ActionSpec { /// n
 pub name: ActionName, /// d
 pub dialect: DialectName, /// s
 pub shape: Shape, /// l
 pub label: Option<&'static str>, /// d
 pub description: String, /// s
 pub schema: Value, /// e
 pub example: Value }
/// Catalogue of one organizer.
pub struct Catalogue { specs: Vec<Arc<ActionSpec>> }
impl Catalogue {
 /// n
 pub fn new(_d: &[DialectName], _r: &[RegisteredAction]) -> Self { Self { specs: Vec::new() } }
 /// Longest registered name for pretix; exact for others.
 pub fn resolve(&self, concrete: &str) -> Option<&Arc<ActionSpec>> { self.specs.iter().find(|s| s.name.as_str() == concrete) }
 /// May be stored in action_types.
 pub fn selectable(&self, name: &str) -> bool { self.specs.iter().any(|s| s.name.as_str() == name) }
 /// In catalogue order.
 pub fn iter(&self) -> impl Iterator<Item = &Arc<ActionSpec>> { self.specs.iter() }
}
/// Dotted path and message, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, thiserror::Error)]
#[error("field errors")]
pub struct FieldErrors(pub Vec<(String, String)>);
/// Checks what is to be registered.
pub fn check_registration(_schema: Option<&Value>, _example: Option<&Value>) -> Result<(), FieldErrors> { Ok(()) }
/// The publication's `data` back out of a body.
pub fn data_of(_shape: Shape, _body: &[u8]) -> Option<Box<RawValue>> { None }
