//! Tokens of the REST API.

mod change;
mod list;

pub(super) use change::{activate, ask_deactivate, change, deactivate, show_change};
pub(super) use list::{create, show};

use sonnette::domain::{Permission, Permissions, Token, TokenId};

use super::error::PageError;
use super::posted::Posted;
use super::visitor::Desk;
use crate::admin::tokens;
use crate::edge::AppState;

/// A permission as a box to tick.
struct Tick {
    word: &'static str,
    /// The keys of its name and of what it opens.
    name: String,
    why: String,
    ticked: bool,
    /// Whether whoever ticks it has it: nobody grants more.
    held: bool,
}

fn ticks(desk: &Desk, ticked: Permissions) -> Vec<Tick> {
    let all = Permission::ALL.iter().copied();
    all.map(|permission| Tick {
        word: permission.as_str(),
        name: format!("permission-{permission}"),
        why: format!("token-may-{permission}"),
        ticked: ticked.contains(permission),
        held: desk.may(permission),
    })
    .collect()
}

/// The boxes that were ticked.
fn ticked(posted: &Posted) -> Permissions {
    let words = posted.all("permission");
    words.filter_map(|word| word.parse().ok()).collect()
}

fn covered(desk: &Desk, permissions: Permissions) -> bool {
    permissions.iter().all(|permission| desk.may(permission))
}

/// A token of the organizer; `id` is a part of the path.
async fn find(state: &AppState, desk: &Desk, id: &str) -> Result<Token, PageError> {
    desk.need(state, Permission::Organizer).await?;
    let id: TokenId = id.parse().map_err(|_| PageError::NotFound)?;
    let registry = state.refresh().await?;
    let own = tokens::of_organizer(&registry, desk.organizer());
    own.into_iter()
        .find(|token| token.id == id)
        .cloned()
        .ok_or(PageError::NotFound)
}
