//! Tokens of the REST API.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::string_enum::string_enum;
use super::{OrganizerId, TokenId};

/// SHA-256 of a token's text: all that is stored of it.
pub type TokenHash = [u8; 32];

/// A credential of the REST API. Its text is shown once and not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Assigned by the store, rising.
    pub id: TokenId,
    /// The owner's name for it.
    pub name: String,
    /// What it permits.
    pub scope: Scope,
    /// An inactive token gets an error of its own, not that of an unknown one.
    pub active: bool,
    /// When it was created.
    pub created: Timestamp,
    /// The last use, accurate to a minute.
    pub last_used: Option<Timestamp>,
}

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything, everywhere.
    Operator,
    /// These permissions for one organizer.
    Organizer(OrganizerId, Permissions),
}

impl Scope {
    /// Whether it grants `permission` for `organizer`.
    pub fn allows(self, organizer: OrganizerId, permission: Permission) -> bool {
        match self {
            Self::Operator => true,
            Self::Organizer(own, held) => own == organizer && held.contains(permission),
        }
    }

    /// Whether it may read the organizer, its events and its action types.
    pub fn can_view(self, organizer: OrganizerId) -> bool {
        match self {
            Self::Operator => true,
            Self::Organizer(own, _) => own == organizer,
        }
    }
}

string_enum! {
    /// What a token may do for its organizer.
    Permission {
        /// Managing webhooks, and reading attempts, the stream and notifications.
        Webhooks = "webhooks",
        /// Publishing and reading notifications.
        Publish = "publish",
        /// Changing the organizer, its events and its action types; erasure.
        Organizer = "organizer",
    }
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u8);

impl Permissions {
    /// The permissions of a new token by default.
    pub const DEFAULT: Self =
        Self(1 << Permission::Webhooks as u8 | 1 << Permission::Publish as u8);

    /// Whether `permission` is in the set.
    pub fn contains(self, permission: Permission) -> bool {
        self.0 & 1 << permission as u8 != 0
    }

    /// Whether every permission of `other` is in this set.
    pub fn is_superset(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// In the order of [`Permission::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL
            .iter()
            .copied()
            .filter(move |p| self.contains(*p))
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(iter: I) -> Self {
        Self(iter.into_iter().fold(0, |set, p| set | 1 << p as u8))
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
