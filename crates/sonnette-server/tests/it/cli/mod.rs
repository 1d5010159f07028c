//! The built program as a shell starts it.

mod administration;
mod demo;
mod doctor;
mod help;
mod listen;
mod remote_commands;
mod restore;
mod restore_hold;
pub(crate) mod sandbox;
mod serve;
mod settings;
mod store_files;
