//! Tokens of the REST API.

use sonnette::domain::{Permission, Permissions, Token, TokenId};

use crate::admin::tokens;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// A permission as a box to tick.
pub(super) struct Tick {
    pub(super) word: &'static str,
    /// The keys of its name and of what it opens.
    pub(super) name: String,
    pub(super) why: String,
    pub(super) ticked: bool,
    /// Whether whoever ticks it has it: nobody grants more.
    pub(super) held: bool,
}

pub(super) fn ticks(page: &OrganizerPage, ticked: Permissions) -> Vec<Tick> {
    let all = Permission::ALL.iter().copied();
    all.map(|permission| Tick {
        word: permission.as_str(),
        name: format!("permission-{permission}"),
        why: format!("token-permission-{permission}"),
        ticked: ticked.contains(permission),
        held: page.may(permission),
    })
    .collect()
}

/// The boxes that were ticked.
pub(super) fn ticked(form: &FormData) -> Permissions {
    let words = form.get_all("permission");
    words.filter_map(|word| word.parse().ok()).collect()
}

pub(super) fn covered(page: &OrganizerPage, permissions: Permissions) -> bool {
    permissions.iter().all(|permission| page.may(permission))
}

/// A token of the organizer; `id` is a part of the path.
pub(super) async fn find(
    state: &AppState,
    page: &OrganizerPage,
    id: &str,
) -> Result<Token, PageError> {
    page.require(state, Permission::Organizer).await?;
    let id: TokenId = id.parse().map_err(|_| PageError::NotFound)?;
    let registry = state.refresh()?;
    let own = tokens::of_organizer(&registry, page.organizer());
    own.into_iter()
        .find(|token| token.id == id)
        .cloned()
        .ok_or(PageError::NotFound)
}
