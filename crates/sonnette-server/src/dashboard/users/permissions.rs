//! Checkboxes for the permissions of a user.

use sonnette::domain::{Permission, Permissions};

use crate::dashboard::shell::form_data::FormData;
use crate::dashboard::shell::page::OrganizerPage;

/// A checkbox for a permission.
pub(super) struct PermissionCheckbox {
    pub(super) permission: Permission,
    pub(super) label: String,
    pub(super) help: String,
    pub(super) is_checked: bool,
    /// Whether the current user may change it.
    pub(super) is_grantable: bool,
}

/// A checkbox for each permission. Those in `checked` are checked.
pub(super) fn checkboxes(page: &OrganizerPage, checked: Permissions) -> Vec<PermissionCheckbox> {
    let texts = page.layout.texts;
    let checkbox = |permission: &Permission| PermissionCheckbox {
        permission: *permission,
        label: texts.get(&format!("permission-{permission}")).into_owned(),
        help: texts
            .get(&format!("permission-{permission}-help"))
            .into_owned(),
        is_checked: checked.contains(*permission),
        is_grantable: page.has_permission(*permission),
    };
    Permission::ALL.iter().map(checkbox).collect()
}

/// The permissions that were checked and that the current user may grant.
pub(super) fn checked(form: &FormData, page: &OrganizerPage) -> Permissions {
    let sent: Vec<&str> = form.get_all("permission").collect();
    let granted = page.permissions();
    granted
        .iter()
        .filter(|permission| sent.contains(&permission.as_str()))
        .collect()
}
