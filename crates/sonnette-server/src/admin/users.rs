//! Users: their access to organizers, and the links by which they choose a password.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use sonnette::domain::{
    AccessLink, AccountEmailKind, EmailAddress, Language, OrganizerId, Permissions,
    SessionTokenHash, User, UserAccess, UserId,
};
use sonnette::store::{Actor, ChangeResult, NewAuditEntry, NewUser, Store};

use super::author::Author;
use super::error::{AdminError, require_done};
use crate::credentials::{random_session_token, token_hash};

/// Whom to invite, and to what.
#[derive(Debug)]
pub(crate) struct Invitation {
    /// The address that the user logs in with.
    pub(crate) email: EmailAddress,
    /// The access that the user gets, in addition to the access they have.
    pub(crate) access: UserAccess,
    /// The language of the e-mail.
    pub(crate) language: Language,
}

/// How an invited user gets access.
#[derive(Debug)]
pub(crate) enum InvitationResult {
    /// The user has a password; their access is extended.
    Extended,
    /// The user gets an e-mail or a link.
    Sent(LinkChannel),
    /// An account with this address exists. It does not become an operator, because its password may be known to others.
    Taken,
}

/// How a link to choose a password reaches its user.
#[derive(Debug)]
pub(crate) enum LinkChannel {
    /// By e-mail.
    Email,
    /// Not at all: the user got an e-mail a moment ago, or many today.
    Throttled,
    /// By the operator who asked for it, since the server cannot send e-mail.
    Link {
        /// Who may use the link.
        user: Box<User>,
        /// The secret part of the link.
        secret: String,
    },
    /// Not at all: the server cannot send e-mail, and only operators see links. Whoever has the link of an account
    /// controls the account with all its access.
    NeedsOperator,
}

/// Creates a user.
///
/// # Errors
/// [`AdminError::Taken`] if there is a user with this address.
pub(crate) fn create(
    store: &dyn Store,
    author: &Author,
    email: EmailAddress,
    access: UserAccess,
    password_hash: Option<String>,
    now: Timestamp,
) -> Result<User, AdminError> {
    let data = json!({"email": email.as_str(), "operator": access == UserAccess::Operator});
    let entry = author.audit_entry("sonnette.user.created", data, now);
    let user = NewUser {
        email,
        password_hash,
        access,
        created: now,
    };
    require_done(store.add_user(&user, entry)?, "a user")
}

/// Removes a user and ends their sessions.
///
/// # Errors
/// [`AdminError::NotFound`].
pub(crate) fn remove(
    store: &dyn Store,
    author: &Author,
    user: &User,
    now: Timestamp,
) -> Result<(), AdminError> {
    let data = json!({"user": user.id, "email": user.email.as_str()});
    let entry = author.audit_entry("sonnette.user.removed", data, now);
    require_done(store.remove_user(user.id, entry)?, "a user").map(|_| ())
}

/// Gives a user access, and creates an account if there is none. `can_send_email` says whether the server has a mail server.
///
/// # Errors
/// Where the store fails.
pub(crate) fn invite(
    store: &dyn Store,
    author: &Author,
    invitation: Invitation,
    can_send_email: bool,
    now: Timestamp,
) -> Result<InvitationResult, AdminError> {
    let Invitation {
        email,
        access,
        language,
    } = invitation;
    let organizer = match &access {
        UserAccess::Operator => None,
        UserAccess::Organizers(added) => added.keys().next().copied(),
    };
    let user = match create(store, author, email.clone(), access.clone(), None, now) {
        Ok(user) => user,
        Err(AdminError::Taken) => {
            let found = store.user_by_email(&email)?;
            let (user, password_hash) = found.ok_or(AdminError::NotFound)?;
            let UserAccess::Organizers(added) = access else {
                return Ok(InvitationResult::Taken);
            };
            extend_access(store, author, user.id, &added, now)?;
            if password_hash.is_some() {
                return Ok(InvitationResult::Extended);
            }
            user
        }
        Err(error) => return Err(error),
    };
    let email = AccountEmailRequest {
        kind: AccountEmailKind::Invitation,
        language,
        organizer,
    };
    send_link(store, author, user, &email, can_send_email, now).map(InvitationResult::Sent)
}

fn extend_access(
    store: &dyn Store,
    author: &Author,
    user: UserId,
    added: &BTreeMap<OrganizerId, Permissions>,
    now: Timestamp,
) -> Result<(), AdminError> {
    let entry = author.audit_entry("sonnette.user.changed", json!({ "user": user }), now);
    let mut apply = |user: &mut User| {
        if let UserAccess::Organizers(held) = &mut user.access {
            for (organizer, added) in added {
                let permissions = held.entry(*organizer).or_default();
                *permissions = permissions.iter().chain(added.iter()).collect();
            }
        }
        true
    };
    require_done(store.change_user(user, &mut apply, entry)?, "a user").map(|_| ())
}

/// An e-mail with a link to choose a password.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountEmailRequest {
    /// An invitation, or a reset of the password.
    pub(crate) kind: AccountEmailKind,
    /// The language of the e-mail.
    pub(crate) language: Language,
    /// The organizer that an invitation names.
    pub(crate) organizer: Option<OrganizerId>,
}

/// Sends a user a link to choose a password.
///
/// # Errors
/// Where the store fails, or the system gives no random bytes.
pub(crate) fn send_link(
    store: &dyn Store,
    author: &Author,
    user: User,
    email: &AccountEmailRequest,
    can_send_email: bool,
    now: Timestamp,
) -> Result<LinkChannel, AdminError> {
    if can_send_email {
        let &AccountEmailRequest {
            kind,
            language,
            organizer,
        } = email;
        let is_queued = store.enqueue_account_email(user.id, kind, language, organizer, now)?;
        return Ok(if is_queued {
            LinkChannel::Email
        } else {
            LinkChannel::Throttled
        });
    }
    if !author.operator {
        return Ok(LinkChannel::NeedsOperator);
    }
    let secret = random_session_token()?;
    let link = AccessLink::new(email.kind.purpose(user.id), now);
    store.add_link(&token_hash(&secret), &link)?;
    Ok(LinkChannel::Link {
        user: Box::new(user),
        secret,
    })
}

/// Sets the permissions of a user for one organizer; `None` removes the access.
///
/// # Errors
/// [`AdminError::Forbidden`] if the user holds permissions that the author does not hold, or is an operator.
pub(crate) fn set_permissions(
    store: &dyn Store,
    author: &Author,
    user: UserId,
    (organizer, permissions): (OrganizerId, Option<Permissions>),
    now: Timestamp,
) -> Result<(), AdminError> {
    let data = json!({"user": user, "organizer": organizer});
    let entry = author.audit_entry("sonnette.user.changed", data, now);
    let mut apply = |user: &mut User| {
        let UserAccess::Organizers(held) = &mut user.access else {
            return false;
        };
        let is_covered = held
            .get(&organizer)
            .is_some_and(|before| author.permissions.is_superset(*before));
        if is_covered {
            match permissions {
                Some(permissions) => held.insert(organizer, permissions),
                None => held.remove(&organizer),
            };
        }
        is_covered
    };
    match store.change_user(user, &mut apply, entry)? {
        ChangeResult::Refused => Err(AdminError::Forbidden),
        changed => require_done(changed, "a user").map(|_| ()),
    }
}

/// Sets the password of a user, who has proven to be that user. All their sessions end, and the link if one was used.
///
/// # Errors
/// [`AdminError::NotFound`].
pub(crate) fn set_password(
    store: &dyn Store,
    user: UserId,
    password_hash: &str,
    link: Option<&SessionTokenHash>,
    now: Timestamp,
) -> Result<(), AdminError> {
    let entry = NewAuditEntry {
        actor: Actor::User(user),
        action: "sonnette.user.password",
        data: json!({ "user": user }),
        at: now,
    };
    let changed = store.set_password(user, password_hash, link, entry, now)?;
    require_done(changed, "a user").map(|_| ())
}

/// Sets the password of a user, who cannot log in or has asked for it. All their sessions end.
///
/// # Errors
/// [`AdminError::NotFound`].
pub(crate) fn replace_password(
    store: &dyn Store,
    author: &Author,
    user: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), AdminError> {
    let entry = author.audit_entry("sonnette.user.password", json!({ "user": user }), now);
    let changed = store.set_password(user, password_hash, None, entry, now)?;
    require_done(changed, "a user").map(|_| ())
}

/// The permissions that a user holds for an organizer; `None` without access, and for operators.
pub(crate) fn permissions_of(user: &User, organizer: OrganizerId) -> Option<Permissions> {
    match &user.access {
        UserAccess::Operator => None,
        UserAccess::Organizers(held) => held.get(&organizer).copied(),
    }
}
