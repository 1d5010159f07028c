//! The result of a change.

/// The result of a change.
#[derive(Debug, Clone, PartialEq)]
pub enum ChangeResult<T> {
    /// Written; the changed thing as it is now.
    Done(T),
    /// There is nothing with this id. Nothing is written.
    Missing,
    /// Something else has the name, address or UUID. Nothing is written.
    Taken,
    /// The `change` function returned false. Nothing is written.
    Refused,
}
