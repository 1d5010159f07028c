//! Who requests a page.

use sonnette::domain::{OrganizerId, Permission, TokenId, User, UserAccess};
use sonnette::store::Actor;

use crate::admin::author::Author;

/// Who requests a page.
#[derive(Debug, Clone)]
pub(crate) enum CurrentUser {
    /// A user who has logged in.
    User(User),
    /// A customer of a platform, who came by a portal link and has no account here.
    Portal {
        /// The organizer whose pages they see.
        organizer: OrganizerId,
        /// The token that created the link.
        token: TokenId,
    },
}

impl CurrentUser {
    /// Whether they hold `permission` for `organizer`. A portal gives only the permission `webhooks`.
    pub(crate) fn has_permission(&self, organizer: OrganizerId, permission: Permission) -> bool {
        match self {
            Self::User(user) => user.access.allows(organizer, permission),
            Self::Portal { organizer: own, .. } => {
                *own == organizer && permission == Permission::Webhooks
            }
        }
    }

    /// Whether they hold any access to `organizer`.
    pub(crate) fn can_view(&self, organizer: OrganizerId) -> bool {
        match self {
            Self::User(user) => user.access.can_view(organizer),
            Self::Portal { organizer: own, .. } => *own == organizer,
        }
    }

    /// Whether they hold every permission everywhere.
    pub(crate) fn is_operator(&self) -> bool {
        matches!(self, Self::User(user) if user.access == UserAccess::Operator)
    }

    /// How the audit log names them.
    pub(crate) fn actor(&self) -> Actor {
        match self {
            Self::User(user) => Actor::User(user.id),
            Self::Portal { token, .. } => Actor::Token(*token),
        }
    }

    /// An operator as the author of a change of the whole server.
    pub(crate) fn operator_author(&self) -> Author {
        Author {
            actor: self.actor(),
            operator: self.is_operator(),
            permissions: Permission::ALL
                .iter()
                .copied()
                .filter(|_| self.is_operator())
                .collect(),
        }
    }
}
