//! The catalogue: what can be published, what is sent of it, and what the organizer registers itself.

pub(super) mod delete;
pub(super) mod edit;
mod keys;
pub(super) mod list;
pub(super) mod one;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::dialect::ActionType;
use sonnette::domain::DialectName;

use super::error::PageError;
use super::visitor::Desk;
use super::words::Words;
use crate::admin::action_types;

/// What a name is written with needs no escape but for `*`.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

/// Where the page of an action type is.
pub(super) fn url(desk: &Desk, name: &str) -> String {
    let name = utf8_percent_encode(name, ESCAPED);
    desk.url(format_args!("/action-types/{name}/"))
}

fn spec<'a>(desk: &'a Desk, name: &str) -> Result<&'a ActionType, PageError> {
    action_types::spec(&desk.tenant, name).ok_or(PageError::NotFound)
}

/// What an action type belongs to: a family of pretix, else its dialect.
fn group(w: &Words, spec: &ActionType) -> String {
    let dialect = w
        .t(&format!("catalogue-dialect-{}", spec.dialect))
        .into_owned();
    if spec.dialect != DialectName::Pretix {
        return dialect;
    }
    let family = w
        .t(&format!("catalogue-family-{}", spec.shape))
        .into_owned();
    format!("{dialect} · {family}")
}
