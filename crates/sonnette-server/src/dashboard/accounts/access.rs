//! Who lets whom in: an organizer's users, granted by those who hold the permission `organizer`, and nothing that they do
//! not hold themselves.

use std::collections::BTreeMap;

use serde_json::json;
use sonnette::domain::{
    AccessLink, AccountEmailKind, EmailAddress, Language, OrganizerId, Permission, Permissions,
    User, UserAccess, UserId,
};
use sonnette::store::{ChangeResult, NewUser};

use crate::credentials::{random_secret_text, token_hash};
use crate::dashboard::error::PageError;
use crate::dashboard::posted::Posted;
use crate::dashboard::visitor::{Desk, Visitor};
use crate::edge::AppState;

/// What came of letting somebody in.
pub(super) enum LetIn {
    /// They have an account, and see what is new the next time they log in.
    Known,
    /// They get a letter.
    Invited,
    /// They got one a moment ago, or many today.
    JustInvited,
    /// No mail can be sent: they are to be told this path.
    ByLink(User, String),
    /// No mail can be sent, and only operators hand over links: whoever has the link of an account has the account,
    /// whatever else is open to it, now or later.
    ByOperator,
    /// There is such an account. It does not become an operator's unseen: its password may be anybody's.
    Taken,
}

/// A box of a form: a permission, whether it is ticked, and whether whoever looks may change it.
pub(super) struct Tick {
    pub(super) permission: Permission,
    /// What it is called.
    pub(super) name: String,
    /// What it opens.
    pub(super) why: String,
    pub(super) ticked: bool,
    pub(super) open: bool,
}

/// A box for each permission, of which `held` are ticked.
pub(super) fn boxes(desk: &Desk, held: Permissions) -> Vec<Tick> {
    let w = desk.frame.w;
    let boxed = |permission: &Permission| Tick {
        permission: *permission,
        name: w.t(&format!("permission-{permission}")).into_owned(),
        why: w.t(&format!("permission-{permission}-why")).into_owned(),
        ticked: held.contains(*permission),
        open: desk.may(*permission),
    };
    Permission::ALL.iter().map(boxed).collect()
}

/// The boxes that were ticked, of those that whoever ticked may grant.
pub(super) fn ticked(posted: &Posted, visitor: &Visitor, organizer: OrganizerId) -> Permissions {
    let asked: Vec<&str> = posted.all("permission").collect();
    Permission::ALL
        .iter()
        .copied()
        .filter(|one| asked.contains(&one.as_str()) && visitor.may(organizer, *one))
        .collect()
}

/// Gives somebody access, and an account if they have none.
///
/// # Errors
/// Where the store or the system fails.
pub(super) async fn let_in(
    state: &AppState,
    visitor: &Visitor,
    email: EmailAddress,
    access: UserAccess,
    language: Language,
) -> Result<LetIn, PageError> {
    let now = state.now();
    let organizer = match &access {
        UserAccess::Operator => None,
        UserAccess::Organizers(held) => held.keys().next().copied(),
    };
    let operator = access == UserAccess::Operator;
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
    let user = if let ChangeResult::Done(user) = added {
        user
    } else {
        let found = state
            .store(move |store| store.user_by_email(&email))
            .await?;
        let (user, password) = found.ok_or(PageError::NotFound)?;
        let UserAccess::Organizers(more) = access else {
            return Ok(LetIn::Taken);
        };
        widen(state, visitor, user.id, more).await?;
        if password.is_some() {
            return Ok(LetIn::Known);
        }
        user
    };
    send(
        state,
        visitor,
        user,
        AccountEmailKind::Invitation,
        language,
        organizer,
    )
    .await
}

/// Adds to what is open to somebody; takes nothing away.
async fn widen(
    state: &AppState,
    visitor: &Visitor,
    user: UserId,
    more: BTreeMap<OrganizerId, Permissions>,
) -> Result<(), PageError> {
    let note = visitor.note(
        "sonnette.user.changed",
        json!({"user": user.0}),
        state.now(),
    );
    let changed = state.store(move |store| {
        let mut change = |user: &mut User| {
            if let UserAccess::Organizers(held) = &mut user.access {
                for (organizer, more) in &more {
                    let own = held.entry(*organizer).or_default();
                    *own = own.iter().chain(more.iter()).collect();
                }
            }
            true
        };
        store.change_user(user, &mut change, note)
    });
    match changed.await? {
        ChangeResult::Done(_) => Ok(()),
        _ => Err(PageError::NotFound),
    }
}

/// Owes a letter with a link for a password; without mail, the link is for an operator to hand over.
pub(super) async fn send(
    state: &AppState,
    visitor: &Visitor,
    user: User,
    kind: AccountEmailKind,
    language: Language,
    organizer: Option<OrganizerId>,
) -> Result<LetIn, PageError> {
    let (now, id) = (state.now(), user.id);
    if state.settings.mails {
        let owed = state
            .store(move |store| store.enqueue_account_email(id, kind, language, organizer, now));
        return Ok(if owed.await? {
            LetIn::Invited
        } else {
            LetIn::JustInvited
        });
    }
    if !visitor.is_operator() {
        return Ok(LetIn::ByOperator);
    }
    let text = random_secret_text()?;
    let (hash, link) = (token_hash(&text), AccessLink::new(kind.purpose(id), now));
    state
        .store(move |store| store.add_link(&hash, &link))
        .await?;
    Ok(LetIn::ByLink(user, format!("/password/{text}/")))
}

/// Sets what somebody may do for one organizer; none: nothing there is open to them any
/// more. Not of somebody who holds what the visitor does not.
pub(super) async fn set(
    state: &AppState,
    visitor: &Visitor,
    user: UserId,
    organizer: OrganizerId,
    after: Option<Permissions>,
) -> Result<(), PageError> {
    let data = json!({"user": user.0, "organizer": organizer.0});
    let note = visitor.note("sonnette.user.changed", data, state.now());
    let own: Permissions = Permission::ALL
        .iter()
        .copied()
        .filter(|permission| visitor.may(organizer, *permission))
        .collect();
    let changed = state.store(move |store| {
        let mut change = |user: &mut User| {
            let UserAccess::Organizers(held) = &mut user.access else {
                return false;
            };
            let Some(before) = held.get(&organizer).copied() else {
                return false;
            };
            if !own.covers(before) {
                return false;
            }
            match after {
                Some(permissions) => held.insert(organizer, permissions),
                None => held.remove(&organizer),
            };
            true
        };
        store.change_user(user, &mut change, note)
    });
    match changed.await? {
        ChangeResult::Done(_) => Ok(()),
        ChangeResult::Refused => Err(PageError::Conflict("conflict-more-than-own")),
        ChangeResult::Missing | ChangeResult::Taken => Err(PageError::NotFound),
    }
}

/// What somebody holds for one organizer, if it has anything to do with them.
pub(super) fn held(user: &User, organizer: OrganizerId) -> Option<Permissions> {
    match &user.access {
        UserAccess::Operator => None,
        UserAccess::Organizers(all) => all.get(&organizer).copied(),
    }
}

/// Access to one organizer.
pub(super) fn only(organizer: OrganizerId, permissions: Permissions) -> UserAccess {
    UserAccess::Organizers(BTreeMap::from([(organizer, permissions)]))
}
