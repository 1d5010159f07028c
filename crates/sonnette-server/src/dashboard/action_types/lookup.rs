//! Finds action types, and the URLs and groups of their pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::dialect::ActionType;
use sonnette::domain::DialectName;

use crate::admin::action_types;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;

/// Characters that are escaped in a path: of the characters of names, only `*`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// The URL of the page of an action type.
pub(crate) fn url(page: &OrganizerPage, name: &str) -> String {
    let name = utf8_percent_encode(name, ESCAPED);
    page.url(format_args!("/action-types/{name}/"))
}

/// An action type of the organizer.
pub(super) fn find<'a>(page: &'a OrganizerPage, name: &str) -> Result<&'a ActionType, PageError> {
    action_types::find(&page.organizer, name).ok_or(PageError::NotFound)
}

/// The name of the group of an action type: its dialect and, for pretix, its family.
pub(super) fn group_name(texts: &Texts, catalogue_entry: &ActionType) -> String {
    let dialect = texts
        .get(&format!("catalogue-dialect-{}", catalogue_entry.dialect))
        .into_owned();
    if catalogue_entry.dialect != DialectName::Pretix {
        return dialect;
    }
    let family = texts
        .get(&format!("catalogue-family-{}", catalogue_entry.shape))
        .into_owned();
    format!("{dialect} · {family}")
}
