//! Warns about flags of settings that a command does not use: every command accepts the flags of all settings.

use super::{Command, user, webhook};
use crate::config::Flags;

/// The settings of every command.
const LOG_SETTINGS: &[&str] = &["log_level", "log_format"];
/// The settings of commands that use the store.
const STORE_SETTINGS: &[&str] = &["data_dir", "database_url", "database_url_file"];
/// The settings of commands that use the REST API.
const API_SETTINGS: &[&str] = &[
    "url",
    "listen",
    "token",
    "token_file",
    "operator_token",
    "operator_token_file",
    "extra_ca_file",
];

/// Prints a warning for each flag that has no effect on the command.
pub(super) fn warn(command: &Command, flags: &Flags) {
    let Some(used) = used_settings(command) else {
        return;
    };
    for setting in flags.given_settings() {
        if !used
            .iter()
            .chain([&LOG_SETTINGS])
            .any(|keys| keys.contains(&setting.key))
        {
            eprintln!(
                "warning: --{} has no effect on this command",
                setting.flag()
            );
        }
    }
}

/// The settings that a command uses; `None` means all.
fn used_settings(command: &Command) -> Option<Vec<&'static [&'static str]>> {
    let used = match command {
        Command::Serve(_) | Command::Doctor(_) => return None,
        Command::Demo(_) => vec![&["listen", "threads", "sending_threads"][..]],
        Command::Migrate(_) => vec![STORE_SETTINGS, &["first_notification_id"]],
        Command::User(user::User::Invite(_)) => {
            vec![
                STORE_SETTINGS,
                &["listen", "url", "public_url", "mail.host"],
            ]
        }
        Command::Organizer(_)
        | Command::Event(_)
        | Command::Token(_)
        | Command::User(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Resume(_)
        | Command::Webhook(webhook::Webhook::List(_) | webhook::Webhook::Create(_)) => {
            vec![STORE_SETTINGS]
        }
        Command::Webhook(webhook::Webhook::Retry(_)) => vec![API_SETTINGS, &["log_days"]],
        Command::Publish(_)
        | Command::Listen(_)
        | Command::Healthcheck(_)
        | Command::Webhook(webhook::Webhook::Test(_)) => vec![API_SETTINGS],
        Command::Openapi(_) => Vec::new(),
    };
    Some(used)
}
