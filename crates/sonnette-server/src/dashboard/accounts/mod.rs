//! Accounts: logging in, passwords, who may do what.

mod access;
pub(super) mod everyone;
pub(super) mod log_in;
pub(super) mod own;
pub(super) mod passwords;
pub(super) mod portal;
pub(super) mod users;
