//! The list of settings, from which flags, variables and help texts are generated.
//!
//! [`Settings`](super::Settings) holds the types, checks and defaults; a test keeps the two in step.

use std::fmt;

/// One setting, for all sources.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// The key in the configuration file; `mail.host` is `host` in the section `[mail]`.
    pub(crate) key: &'static str,
    /// How the text of a flag or variable is parsed.
    pub(crate) kind: Kind,
    /// Placeholder of the value in the help.
    pub(crate) value: &'static str,
    /// Description in the help.
    pub(crate) help: &'static str,
}

/// How the text of a flag or variable is parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Unchanged.
    Text,
    /// A whole number.
    Number,
    /// True or false; a flag may omit the value.
    Switch,
    /// Several values: a flag is repeated, a variable uses commas.
    List,
}

impl Setting {
    /// `data_dir` → `data-dir`, `mail.host` → `mail-host`.
    pub(crate) fn flag(&self) -> String {
        self.key.replace(['_', '.'], "-")
    }

    /// `data_dir` → `SONNETTE_DATA_DIR`.
    pub(crate) fn variable(&self) -> String {
        format!(
            "{VARIABLE_PREFIX}{}",
            self.key.replace('.', "_").to_ascii_uppercase()
        )
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)
    }
}

/// The prefix of all variables.
pub(crate) const VARIABLE_PREFIX: &str = "SONNETTE_";

const fn setting(
    key: &'static str,
    kind: Kind,
    value: &'static str,
    help: &'static str,
) -> Setting {
    Setting {
        key,
        kind,
        value,
        help,
    }
}

/// Every setting, in the order of the help.
pub(crate) const SETTINGS: &[Setting] = &[
    setting(
        "listen",
        Kind::Text,
        "ADDRESS",
        "Address that the server listens on [default: 127.0.0.1:8080]",
    ),
    setting(
        "data_dir",
        Kind::Text,
        "DIRECTORY",
        "Directory of the embedded store [default: ./sonnette-data]",
    ),
    setting(
        "database_url",
        Kind::Text,
        "URL",
        "PostgreSQL database to use instead (not available in this version)",
    ),
    setting(
        "database_url_file",
        Kind::Text,
        "FILE",
        "File with the URL of the PostgreSQL database",
    ),
    setting(
        "public_url",
        Kind::Text,
        "URL",
        "Public URL of the server, for links and pagination",
    ),
    setting(
        "allow_target",
        Kind::List,
        "NETWORK|ADDRESS|HOST",
        "Allow webhooks to this non-public target; repeatable",
    ),
    setting(
        "trusted_proxies",
        Kind::List,
        "NETWORK|ADDRESS",
        "Trust X-Forwarded-* headers from this proxy; repeatable",
    ),
    setting(
        "embed_origins",
        Kind::List,
        "ORIGIN",
        "Allow pages of this origin to embed the dashboard in a frame; repeatable",
    ),
    setting(
        "require_https",
        Kind::Switch,
        "BOOL",
        "Refuse targets without HTTPS [default: false]",
    ),
    setting(
        "timeout_seconds",
        Kind::Number,
        "SECONDS",
        "Timeout of an attempt, 1 to 30 [default: 30]",
    ),
    setting(
        "response_limit_bytes",
        Kind::Number,
        "BYTES",
        "Maximum size of a stored response body [default: 65536]",
    ),
    setting(
        "log_days",
        Kind::Number,
        "DAYS",
        "Retention of the log of attempts [default: 30]",
    ),
    setting(
        "first_notification_id",
        Kind::Number,
        "NUMBER",
        "Id of the first notification; read while the store has none [default: 1]",
    ),
    setting(
        "extra_ca_file",
        Kind::Text,
        "FILE",
        "PEM file of additional certificate authorities to trust",
    ),
    setting(
        "operator_token",
        Kind::Text,
        "TOKEN",
        "Operator token that `serve` registers",
    ),
    setting(
        "operator_token_file",
        Kind::Text,
        "FILE",
        "File with the operator token",
    ),
    setting(
        "url",
        Kind::Text,
        "URL",
        "Server that commands connect to [default: the address of `listen`]",
    ),
    setting(
        "token",
        Kind::Text,
        "TOKEN",
        "Token that commands send [default: the operator token]",
    ),
    setting(
        "token_file",
        Kind::Text,
        "FILE",
        "File with the token that commands send",
    ),
    setting(
        "max_connections",
        Kind::Number,
        "COUNT",
        "Maximum number of connections [default: 4096]",
    ),
    setting(
        "max_client_connections",
        Kind::Number,
        "COUNT",
        "Maximum number of connections of one client [default: 1024]",
    ),
    setting(
        "max_client_requests",
        Kind::Number,
        "COUNT",
        "Maximum number of requests of one client at a time [default: 256]",
    ),
    setting(
        "max_body_memory_bytes",
        Kind::Number,
        "BYTES",
        "Maximum size of all request bodies in memory [default: 67108864]",
    ),
    setting(
        "max_streams",
        Kind::Number,
        "COUNT",
        "Maximum number of event streams of the API [default: 200]",
    ),
    setting(
        "max_client_streams",
        Kind::Number,
        "COUNT",
        "Maximum number of event streams of one token [default: 10]",
    ),
    setting(
        "header_timeout_seconds",
        Kind::Number,
        "SECONDS",
        "Timeout of a request header and of an idle connection [default: 10]",
    ),
    setting(
        "transfer_timeout_seconds",
        Kind::Number,
        "SECONDS",
        "How long a client may stay below `min_bytes_per_second` while it sends or receives [default: 10]",
    ),
    setting(
        "min_bytes_per_second",
        Kind::Number,
        "BYTES",
        "Least rate of a client that sends a body or reads an answer [default: 8192]",
    ),
    setting(
        "threads",
        Kind::Number,
        "COUNT",
        "Threads that serve requests [default: half of the cores]",
    ),
    setting(
        "sending_threads",
        Kind::Number,
        "COUNT",
        "Threads that send notifications [default: half of the cores]",
    ),
    setting(
        "max_in_flight",
        Kind::Number,
        "COUNT",
        "Requests that each sending thread has in flight at most [default: 2048]",
    ),
    setting(
        "log_level",
        Kind::Text,
        "LEVEL",
        "error, warn, info, debug or trace, also per module [default: info]",
    ),
    setting(
        "log_format",
        Kind::Text,
        "FORMAT",
        "auto, text or json [default: auto]",
    ),
    setting(
        "mail.host",
        Kind::Text,
        "HOST",
        "SMTP server; without one no mail is sent",
    ),
    setting(
        "mail.port",
        Kind::Number,
        "PORT",
        "Port of the SMTP server [default: 25, 587 or 465, depending on `mail.tls`]",
    ),
    setting(
        "mail.tls",
        Kind::Text,
        "none|starttls|tls",
        "Encryption of the connection [default: starttls]",
    ),
    setting(
        "mail.user",
        Kind::Text,
        "USER",
        "User name for the SMTP server",
    ),
    setting(
        "mail.password",
        Kind::Text,
        "PASSWORD",
        "Password for the SMTP server",
    ),
    setting(
        "mail.password_file",
        Kind::Text,
        "FILE",
        "File with the password for the SMTP server",
    ),
    setting(
        "mail.from",
        Kind::Text,
        "ADDRESS",
        "Sender address [default: sonnette at the host of `public_url`]",
    ),
    setting(
        "mail.on_gone",
        Kind::Switch,
        "BOOL",
        "Mail an alert when a 410 response disables a webhook [default: true]",
    ),
    setting(
        "mail.warning",
        Kind::Switch,
        "BOOL",
        "Mail a warning halfway to disabling a webhook [default: false]",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_key() {
        let host = SETTINGS.iter().find(|s| s.key == "mail.host").unwrap();
        assert_eq!(host.flag(), "mail-host");
        assert_eq!(host.variable(), "SONNETTE_MAIL_HOST");
    }

    #[test]
    fn the_readme_lists_every_setting() {
        let readme = include_str!("../../../../README.md");
        let listed: Vec<_> = readme
            .lines()
            .filter(|line| line.starts_with("| `") && line.contains("SONNETTE_"))
            .map(|line| line.split('|').take(4).collect::<String>())
            .collect();
        let known: Vec<_> = SETTINGS
            .iter()
            .map(|s| format!(" `{}`  `--{}`  `{}` ", s.key, s.flag(), s.variable()))
            .collect();
        assert_eq!(listed, known);
    }

    #[test]
    fn the_limits_are_documented() {
        let page = include_str!("../../../../docs/limits.md");
        for setting in SETTINGS {
            if setting.key.starts_with("max_") || setting.key.starts_with("min_") {
                assert!(page.contains(&format!("`{setting}`")), "{setting}");
            }
        }
    }
}
