//! Pages of accounts: login, passwords, the user's own account, and the entry of a portal.

pub(super) mod account;
pub(super) mod login;
pub(super) mod passwords;
pub(super) mod portal;
mod verification;
