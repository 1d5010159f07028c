//! The form that creates or edits a webhook.

mod audit_data;
mod choices;
mod errors;
mod input;
pub(crate) mod page;
mod save;
mod test_unsaved;
mod validate;
mod warnings;
