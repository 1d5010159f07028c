//! The action types that come with a dialect.

use std::collections::HashMap;
use std::sync::Arc;

use super::action_type::ActionType;
use crate::domain::ActionTypeName;

/// The action types that come with a dialect, in the order of its documentation.
pub(super) struct BuiltinActionTypes {
    pub(super) ordered: Vec<Arc<ActionType>>,
    pub(super) by_name: HashMap<ActionTypeName, Arc<ActionType>>,
}

impl BuiltinActionTypes {
    pub(super) fn new(specs: Vec<ActionType>) -> Self {
        let ordered: Vec<_> = specs.into_iter().map(Arc::new).collect();
        let by_name = ordered
            .iter()
            .map(|catalogue_entry| (catalogue_entry.name.clone(), Arc::clone(catalogue_entry)))
            .collect();
        Self { ordered, by_name }
    }
}
