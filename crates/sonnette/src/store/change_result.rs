//! What came of a change.

/// What came of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeResult<T> {
    /// Done; the thing as it is now.
    Done(T),
    /// There is no such thing.
    Missing,
    /// The name is taken.
    Taken,
    /// The change itself said no.
    Refused,
}
