//! Who may log in to the dashboard, and what they may do there.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{EmailAddress, OrganizerId, Permission, Permissions, UserId};

/// A user of the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Assigned by the store, rising; that of a removed user never comes back.
    pub id: UserId,
    /// What they log in with, and where their mail goes. Unique.
    pub email: EmailAddress,
    /// What is open to them.
    pub access: UserAccess,
    /// Without one they cannot log in: they were invited, and have yet to choose it.
    pub has_password: bool,
    /// When they were made.
    pub created: Timestamp,
}

/// What is open to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserAccess {
    /// Everything, everywhere.
    Operator,
    /// These organizers, with these permissions. An entry without any permission still lets them look at the registry.
    Organizers(BTreeMap<OrganizerId, Permissions>),
}

impl UserAccess {
    /// Whether they may do what needs `permission` for `organizer`.
    pub fn allows(&self, organizer: OrganizerId, permission: Permission) -> bool {
        match self {
            Self::Operator => true,
            Self::Organizers(held) => held
                .get(&organizer)
                .is_some_and(|held| held.contains(permission)),
        }
    }

    /// Whether they have anything to do with `organizer`.
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
    fn an_operator_may_do_everything_and_others_what_they_hold() {
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
