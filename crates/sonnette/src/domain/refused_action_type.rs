//! Action types that a receiver refuses while it accepts others.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{ActionTypeName, LaneHealth};

/// An action type whose latest attempt was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedActionType {
    /// The concrete action type.
    pub action_type: ActionTypeName,
    /// The first refusal since the type was last accepted.
    pub since: Timestamp,
    /// The latest refusal.
    pub last_at: Timestamp,
}

/// The action types of a lane that its receiver refuses, at most [`RefusedActionTypes::MAX_TYPES`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedActionTypes(BTreeMap<ActionTypeName, RefusedActionType>);

impl RefusedActionTypes {
    /// The number of types that are remembered; a further one replaces the one that was refused the longest ago.
    pub const MAX_TYPES: usize = 100;
    /// A type is forgotten after this time without a refusal. Its deliveries may all have been given up.
    pub const MAX_AGE: SignedDuration = SignedDuration::from_hours(24);
    /// For this long after a refusal, probes prefer deliveries of other types.
    const RECENT_PERIOD: SignedDuration = SignedDuration::from_hours(1);

    /// Records that the receiver refused a delivery of this type.
    pub fn insert(&mut self, action_type: &ActionTypeName, now: Timestamp) {
        if let Some(known) = self.0.get_mut(action_type) {
            known.last_at = now;
            return;
        }
        if self.0.len() >= Self::MAX_TYPES {
            let oldest = self.0.values().min_by_key(|refused| refused.last_at);
            if let Some(oldest) = oldest.map(|refused| refused.action_type.clone()) {
                self.0.remove(&oldest);
            }
        }
        let refused = RefusedActionType {
            action_type: action_type.clone(),
            since: now,
            last_at: now,
        };
        self.0.insert(action_type.clone(), refused);
    }

    /// Records that the receiver accepted a delivery of this type. Returns whether it was refused before.
    pub fn remove(&mut self, action_type: &ActionTypeName) -> bool {
        !self.0.is_empty() && self.0.remove(action_type).is_some()
    }

    /// Whether a delivery of this type was refused within the last hour.
    pub fn is_recent(&self, action_type: &ActionTypeName, now: Timestamp) -> bool {
        self.0
            .get(action_type)
            .is_some_and(|refused| now.duration_since(refused.last_at) < Self::RECENT_PERIOD)
    }

    /// The types that the receiver refuses while it accepts others, by name: something was accepted after the first refusal
    /// of each, and the last refusal is not older than [`Self::MAX_AGE`].
    pub fn while_others_are_accepted(
        &self,
        health: &LaneHealth,
        now: Timestamp,
    ) -> Vec<ActionTypeName> {
        // A success of the type itself would have removed it, so that any later success is one of another type.
        let is_selective = |refused: &&RefusedActionType| {
            health
                .last_success_at
                .is_some_and(|accepted| accepted > refused.since)
                && now.duration_since(refused.last_at) <= Self::MAX_AGE
        };
        let types = self.0.values().filter(is_selective);
        types.map(|refused| refused.action_type.clone()).collect()
    }
}

impl FromIterator<RefusedActionType> for RefusedActionTypes {
    fn from_iter<I: IntoIterator<Item = RefusedActionType>>(types: I) -> Self {
        let entry = |refused: RefusedActionType| (refused.action_type.clone(), refused);
        Self(types.into_iter().map(entry).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn name(text: &str) -> ActionTypeName {
        text.parse().unwrap()
    }

    #[test]
    fn a_type_is_named_once_another_was_accepted_after_its_first_refusal() {
        let mut refused = RefusedActionTypes::default();
        refused.insert(&name("a.b"), at(10));
        refused.insert(&name("a.b"), at(30));
        let named = |refused: &RefusedActionTypes, accepted: Option<i64>, now| {
            let health = LaneHealth {
                last_success_at: accepted.map(at),
                ..LaneHealth::default()
            };
            refused.while_others_are_accepted(&health, at(now))
        };
        assert_eq!(named(&refused, None, 40), []);
        assert_eq!(named(&refused, Some(5), 40), [], "before the first refusal");
        assert_eq!(named(&refused, Some(20), 40), [name("a.b")]);
        assert_eq!(named(&refused, Some(20), 30 + 86_401), [], "a day later");
        assert!(refused.remove(&name("a.b")));
        assert!(!refused.remove(&name("a.b")));
        assert_eq!(named(&refused, Some(20), 40), []);
    }

    #[test]
    fn the_number_of_remembered_types_is_bounded() {
        let mut refused = RefusedActionTypes::default();
        for number in 0..200 {
            refused.insert(&name(&format!("a.b{number}")), at(number));
        }
        assert_eq!(refused.0.len(), RefusedActionTypes::MAX_TYPES);
        assert!(refused.is_recent(&name("a.b199"), at(200)));
        assert!(!refused.is_recent(&name("a.b99"), at(200)));
        assert!(!refused.is_recent(&name("a.b199"), at(3_799)));
    }
}
