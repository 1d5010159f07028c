//! Users of the dashboard and their permissions.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{EmailAddress, OrganizerId, Permission, Permissions, UserId};

/// A user of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Assigned by the store, rising, and never reused.
    pub id: UserId,
    /// The name at log-in and the address for emails. Unique.
    pub email: EmailAddress,
    /// What the user may do.
    pub access: UserAccess,
    /// Whether the user can log in. An invited user has yet to choose a password.
    pub has_password: bool,
    /// When the user was created.
    pub created: Timestamp,
}

/// What a user may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAccess {
    /// Everything, everywhere.
    Operator,
    /// These permissions for these organizers. An entry without permissions allows reading the organizer.
    Organizers(BTreeMap<OrganizerId, Permissions>),
}

impl UserAccess {
    /// Whether it grants `permission` for `organizer`.
    pub fn allows(&self, organizer: OrganizerId, permission: Permission) -> bool {
        match self {
            Self::Operator => true,
            Self::Organizers(held) => held
                .get(&organizer)
                .is_some_and(|held| held.contains(permission)),
        }
    }

    /// Whether the user may see the pages of `organizer`.
    pub fn can_view(&self, organizer: OrganizerId) -> bool {
        match self {
            Self::Operator => true,
            Self::Organizers(held) => held.contains_key(&organizer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_may_do_everything_and_other_users_what_they_were_granted() {
        let (own, looked_at, other) = (OrganizerId(1), OrganizerId(2), OrganizerId(3));
        let access = UserAccess::Organizers(BTreeMap::from([
            (own, Permissions::DEFAULT),
            (looked_at, Permissions::default()),
        ]));
        let webhooks =
            |access: &UserAccess, organizer| access.allows(organizer, Permission::Webhooks);
        assert!(webhooks(&access, own) && access.can_view(own));
        assert!(!access.allows(own, Permission::Organizer));
        assert!(!webhooks(&access, looked_at) && access.can_view(looked_at));
        assert!(!webhooks(&access, other) && !access.can_view(other));
        assert!(webhooks(&UserAccess::Operator, other) && UserAccess::Operator.can_view(other));
    }
}
