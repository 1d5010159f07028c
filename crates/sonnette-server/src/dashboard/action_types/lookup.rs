//! The catalogue: what can be published, what is sent of it, and what the organizer registers itself.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::dialect::ActionSpec;
use sonnette::domain::DialectName;

use crate::admin::action_types;
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::page::OrganizerPage;
use crate::dashboard::shell::texts::Texts;

/// What a name is written with needs no escape but for `*`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// Where the page of an action type is.
pub(crate) fn url(page: &OrganizerPage, name: &str) -> String {
    let name = utf8_percent_encode(name, ESCAPED);
    page.url(format_args!("/action-types/{name}/"))
}

pub(super) fn spec<'a>(page: &'a OrganizerPage, name: &str) -> Result<&'a ActionSpec, PageError> {
    action_types::find(&page.tenant, name).ok_or(PageError::NotFound)
}

/// What an action type belongs to: a family of pretix, else its dialect.
pub(super) fn group(texts: &Texts, spec: &ActionSpec) -> String {
    let dialect = texts
        .get(&format!("catalogue-dialect-{}", spec.dialect))
        .into_owned();
    if spec.dialect != DialectName::Pretix {
        return dialect;
    }
    let family = texts
        .get(&format!("catalogue-family-{}", spec.shape))
        .into_owned();
    format!("{dialect} · {family}")
}
