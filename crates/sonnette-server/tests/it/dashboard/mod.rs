//! The dashboard of the built program, as a browser without scripts sees it.

mod accounts;
mod action_types;
mod attempts;
mod audit;
pub(crate) mod browser;
mod live;
mod login;
mod notifications;
mod overview;
mod refused_types;
mod resend_form;
mod settings;
mod throttles;
mod tokens;
mod webhook_actions;
mod webhook_form;
mod webhook_form_limits;
mod webhook_form_secrets;
mod webhooks;
