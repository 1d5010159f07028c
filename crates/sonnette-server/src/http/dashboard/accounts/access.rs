//! Who lets whom in: an organizer's users, granted by those who hold the permission `organizer`, and nothing that they do
//! not hold themselves.

use std::collections::BTreeMap;

use serde_json::json;
use sonnette::domain::{
    Access, EmailAddress, Language, LetterKind, Link, OrganizerId, Permission, Permissions, User,
    UserId,
};
use sonnette::store::{Changed, NewUser};

use crate::credentials::{random_secret_text, token_hash};
use crate::http::AppState;
use crate::http::dashboard::error::PageError;
use crate::http::dashboard::posted::Posted;
use crate::http::dashboard::visitor::Visitor;

/// What came of letting somebody in.
pub(super) enum LetIn {
    /// They have an account, and see what is new the next time they log in.
    Known,
    /// They get a letter.
    Invited,
    /// They are to be told this path, since no mail can be sent.
    ByLink(User, String),
}

/// A box of a form: a permission, whether it is ticked, and whether whoever looks may change it.
pub(super) struct Tick {
    pub(super) permission: Permission,
    pub(super) ticked: bool,
    pub(super) open: bool,
}

/// A box for each permission, of which `held` are ticked.
pub(super) fn boxes(visitor: &Visitor, organizer: OrganizerId, held: Permissions) -> Vec<Tick> {
    let boxed = |permission: &Permission| Tick {
        permission: *permission,
        ticked: held.contains(*permission),
        open: visitor.may(organizer, *permission),
    };
    Permission::ALL.iter().map(boxed).collect()
}

/// The boxes that were ticked. What whoever ticked may not grant stays as it was.
pub(super) fn ticked(
    posted: &Posted,
    visitor: &Visitor,
    organizer: OrganizerId,
    before: Permissions,
) -> Permissions {
    let asked = |permission: Permission| {
        posted
            .all("permission")
            .any(|word| word == permission.as_str())
    };
    let after = |permission: &Permission| {
        if visitor.may(organizer, *permission) {
            asked(*permission)
        } else {
            before.contains(*permission)
        }
    };
    Permission::ALL.iter().copied().filter(after).collect()
}

/// Gives somebody access, and an account if they have none.
///
/// # Errors
/// Where the store or the system fails.
pub(super) async fn let_in(
    state: &AppState,
    visitor: &Visitor,
    email: EmailAddress,
    access: Access,
    language: Language,
) -> Result<LetIn, PageError> {
    let now = state.now();
    let organizer = match &access {
        Access::Operator => None,
        Access::Organizers(held) => held.keys().next().copied(),
    };
    let operator = access == Access::Operator;
    let note = visitor.note(
        "sonnette.user.created",
        json!({"email": email.as_str(), "operator": operator}),
        now,
    );
    let user = NewUser {
        email: email.clone(),
        password_hash: None,
        access: access.clone(),
        created: now,
    };
    let added = state
        .store(move |store| store.add_user(&user, note))
        .await?;
    let user = if let Changed::Done(user) = added {
        user
    } else {
        let found = state
            .store(move |store| store.user_by_email(&email))
            .await?;
        let (user, password) = found.ok_or(PageError::NotFound)?;
        widen(state, visitor, user.id, access).await?;
        if password.is_some() {
            return Ok(LetIn::Known);
        }
        user
    };
    send(state, user, LetterKind::Invitation, language, organizer).await
}

/// Adds to what is open to somebody.
async fn widen(
    state: &AppState,
    visitor: &Visitor,
    user: UserId,
    more: Access,
) -> Result<(), PageError> {
    let note = visitor.note(
        "sonnette.user.changed",
        json!({"user": user.0}),
        state.now(),
    );
    let changed = state.store(move |store| {
        let mut change = |user: &mut User| {
            match (&mut user.access, &more) {
                (Access::Operator, _) => {}
                (access, Access::Operator) => *access = Access::Operator,
                (Access::Organizers(held), Access::Organizers(more)) => {
                    held.extend(more.iter().map(|(organizer, held)| (*organizer, *held)));
                }
            }
            true
        };
        store.change_user(user, &mut change, note)
    });
    match changed.await? {
        Changed::Done(_) => Ok(()),
        _ => Err(PageError::NotFound),
    }
}

/// Owes a letter with a link for a password; without mail, the link is for whoever asked to hand over.
pub(super) async fn send(
    state: &AppState,
    user: User,
    kind: LetterKind,
    language: Language,
    organizer: Option<OrganizerId>,
) -> Result<LetIn, PageError> {
    let (now, id) = (state.now(), user.id);
    if state.settings.mails {
        let owed = state.store(move |store| store.owe_letter(id, kind, language, organizer, now));
        owed.await?;
        return Ok(LetIn::Invited);
    }
    let text = random_secret_text()?;
    let (hash, link) = (token_hash(&text), Link::new(kind.purpose(id), now));
    state
        .store(move |store| store.add_link(&hash, &link))
        .await?;
    Ok(LetIn::ByLink(user, format!("/password/{text}/")))
}

/// Sets what somebody may do for one organizer; none: nothing there is open to them any more.
pub(super) async fn set(
    state: &AppState,
    visitor: &Visitor,
    user: UserId,
    organizer: OrganizerId,
    permissions: Option<Permissions>,
) -> Result<(), PageError> {
    let words: Option<Vec<_>> =
        permissions.map(|held| held.iter().map(Permission::as_str).collect());
    let note = visitor.note(
        "sonnette.user.changed",
        json!({"user": user.0, "organizer": organizer.0, "permissions": words}),
        state.now(),
    );
    let changed = state.store(move |store| {
        let mut change = |user: &mut User| {
            let Access::Organizers(held) = &mut user.access else {
                return false;
            };
            match permissions {
                Some(permissions) => held.insert(organizer, permissions),
                None => held.remove(&organizer),
            };
            true
        };
        store.change_user(user, &mut change, note)
    });
    match changed.await? {
        Changed::Done(_) => Ok(()),
        _ => Err(PageError::NotFound),
    }
}

/// What somebody holds for one organizer, if it has anything to do with them.
pub(super) fn held(user: &User, organizer: OrganizerId) -> Option<Permissions> {
    match &user.access {
        Access::Operator => None,
        Access::Organizers(all) => all.get(&organizer).copied(),
    }
}

/// Access to one organizer.
pub(super) fn only(organizer: OrganizerId, permissions: Permissions) -> Access {
    Access::Organizers(BTreeMap::from([(organizer, permissions)]))
}
