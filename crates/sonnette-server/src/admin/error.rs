//! Why a change is not made.

use jiff::Timestamp;
use sonnette::store::{ChangeResult, StoreError};

use crate::credentials::NoRandomBytes;

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdminError {
    /// The thing to be changed does not exist.
    #[error("it does not exist")]
    NotFound,
    /// Another thing has the same unique name.
    #[error("the name is taken")]
    Taken,
    /// The author lacks a permission.
    #[error("the author may not do this")]
    Forbidden,
    /// Two secrets sign already, and a third would end the first one early.
    #[error(
        "the previous secret also signs until {until:.0}, so that receivers can change over; replace the secret after that"
    )]
    SecretsOverlap {
        /// When the previous secret ends.
        until: Timestamp,
    },
    /// The store answers with a result that this change cannot have.
    #[error("the store answers the change of {0} with an impossible result")]
    Impossible(&'static str),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A secret cannot be generated.
    #[error(transparent)]
    Random(#[from] NoRandomBytes),
}

/// The value of a change of `thing` that the store made, or why it did not.
///
/// # Errors
/// For everything but [`ChangeResult::Done`].
pub(crate) fn require_done<T>(
    result: ChangeResult<T>,
    thing: &'static str,
) -> Result<T, AdminError> {
    match result {
        ChangeResult::Done(value) => Ok(value),
        ChangeResult::Missing => Err(AdminError::NotFound),
        ChangeResult::Taken => Err(AdminError::Taken),
        ChangeResult::Refused => Err(AdminError::Impossible(thing)),
    }
}
