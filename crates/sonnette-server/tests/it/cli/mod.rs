//! The built program as a shell starts it.

mod administering;
mod clients;
mod demo;
mod help;
pub(crate) mod place;
mod serving;
mod settings;
mod store;
