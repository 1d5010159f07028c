//! Checkboxes for the permissions of a token.

use sonnette::domain::{Permission, Permissions, Token, TokenId};

use crate::admin::tokens;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::page::OrganizerPage;
use crate::edge::AppState;

/// A checkbox for a permission.
pub(super) struct PermissionCheckbox {
    pub(super) value: &'static str,
    /// The key of its label.
    pub(super) label_key: String,
    /// The key of the text that says what it allows.
    pub(super) help_key: String,
    pub(super) is_checked: bool,
    /// Whether the current user holds it: users grant only permissions that they hold.
    pub(super) is_grantable: bool,
}

/// A checkbox for each permission.
pub(super) fn checkboxes(page: &OrganizerPage, checked: Permissions) -> Vec<PermissionCheckbox> {
    let all = Permission::ALL.iter().copied();
    all.map(|permission| PermissionCheckbox {
        value: permission.as_str(),
        label_key: format!("permission-{permission}"),
        help_key: format!("token-permission-{permission}"),
        is_checked: checked.contains(permission),
        is_grantable: page.has_permission(permission),
    })
    .collect()
}

/// The permissions that were checked.
pub(super) fn checked(form: &FormData) -> Permissions {
    let words = form.get_all("permission");
    words.filter_map(|word| word.parse().ok()).collect()
}

/// Whether the current user holds all these permissions.
pub(super) fn holds_all(page: &OrganizerPage, permissions: Permissions) -> bool {
    permissions
        .iter()
        .all(|permission| page.has_permission(permission))
}

/// A token of the organizer. `id` comes from the path.
pub(super) async fn load(
    state: &AppState,
    page: &OrganizerPage,
    id: &str,
) -> Result<Token, PageError> {
    page.require(state, Permission::Organizer).await?;
    let id: TokenId = id.parse().map_err(|_| PageError::NotFound)?;
    let organizer = page.organizer_id();
    let found = state.read(move |store| tokens::find(store, organizer, id));
    found.await?.ok_or(PageError::NotFound)
}
