//! The form that creates or edits a webhook.

mod audit_data;
mod choices;
mod errors;
mod input;
pub(crate) mod page;
mod save;
mod trial;
mod validate;
mod warnings;
