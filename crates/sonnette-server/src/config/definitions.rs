//! The list of settings: from it come the flags, the variables and what the help says.
//!
//! How a setting is checked and what it defaults to stands in [`Settings`](super::Settings); a test holds the two
//! together.

use std::fmt;

/// One setting, whatever it is read from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// Its line in the configuration file; `mail.host` is `host` in the section `[mail]`.
    pub(crate) key: &'static str,
    /// How text becomes a value.
    pub(crate) kind: Kind,
    /// Stands for the value in the help.
    pub(crate) value: &'static str,
    /// For people.
    pub(crate) help: &'static str,
}

/// How the text of a flag or variable becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As it is.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Switch,
    /// Several: a flag is repeated, a variable has commas.
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
            "{PREFIX}{}",
            self.key.replace('.', "_").to_ascii_uppercase()
        )
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key)
    }
}

/// What the names of all variables begin with.
pub(crate) const PREFIX: &str = "SONNETTE_";

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
        "Where the server listens [default: 127.0.0.1:8080]",
    ),
    setting(
        "data_dir",
        Kind::Text,
        "DIRECTORY",
        "Where the embedded store is [default: ./sonnette-data]",
    ),
    setting(
        "database_url",
        Kind::Text,
        "URL",
        "A PostgreSQL to use instead (not available in this version)",
    ),
    setting(
        "public_url",
        Kind::Text,
        "URL",
        "How others reach the server: used in links and pagination",
    ),
    setting(
        "allow_target",
        Kind::List,
        "NETWORK|ADDRESS|HOST",
        "Allow webhooks to this although it is not public; repeatable",
    ),
    setting(
        "trusted_proxies",
        Kind::List,
        "NETWORK|ADDRESS",
        "Believe X-Forwarded-* from this; repeatable",
    ),
    setting(
        "embed_origins",
        Kind::List,
        "ORIGIN",
        "Let pages of this origin show an organizer's pages in a frame; repeatable",
    ),
    setting(
        "require_https",
        Kind::Switch,
        "BOOL",
        "Refuse http targets [default: false]",
    ),
    setting(
        "timeout_seconds",
        Kind::Number,
        "SECONDS",
        "For a whole attempt, 1 to 30 [default: 30]",
    ),
    setting(
        "response_limit_bytes",
        Kind::Number,
        "BYTES",
        "How much of an answer is kept [default: 65536]",
    ),
    setting(
        "log_days",
        Kind::Number,
        "DAYS",
        "How long the log of attempts is kept [default: 30]",
    ),
    setting(
        "extra_ca_file",
        Kind::Text,
        "FILE",
        "PEM file of authorities to trust beside the system's",
    ),
    setting(
        "operator_token",
        Kind::Text,
        "TOKEN",
        "An operator token that `serve` registers",
    ),
    setting(
        "operator_token_file",
        Kind::Text,
        "FILE",
        "The same, read from a file",
    ),
    setting(
        "url",
        Kind::Text,
        "URL",
        "The server that clients talk to [default: where `listen` says]",
    ),
    setting(
        "token",
        Kind::Text,
        "TOKEN",
        "The token that clients present",
    ),
    setting(
        "max_connections",
        Kind::Number,
        "COUNT",
        "Connections served at a time [default: 4096]",
    ),
    setting(
        "threads",
        Kind::Number,
        "COUNT",
        "Threads that take requests [default: half of the cores]",
    ),
    setting(
        "sending_threads",
        Kind::Number,
        "COUNT",
        "Threads that send [default: half of the cores]",
    ),
    setting(
        "log_level",
        Kind::Text,
        "LEVEL",
        "error, warn, info, debug, trace, or by module [default: info]",
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
        "SMTP server for alerts; without one none are mailed",
    ),
    setting(
        "mail.port",
        Kind::Number,
        "PORT",
        "Its port [default: 25, 587 or 465, as `mail.tls` says]",
    ),
    setting(
        "mail.tls",
        Kind::Text,
        "none|starttls|tls",
        "How it is encrypted [default: starttls]",
    ),
    setting("mail.user", Kind::Text, "USER", "Whom to log in as"),
    setting("mail.password", Kind::Text, "PASSWORD", "And with what"),
    setting(
        "mail.from",
        Kind::Text,
        "ADDRESS",
        "Sender of the mails [default: sonnette at the host of `public_url`]",
    ),
    setting(
        "mail.on_gone",
        Kind::Switch,
        "BOOL",
        "Tell when a 410 switches a webhook off [default: true]",
    ),
    setting(
        "mail.warning",
        Kind::Switch,
        "BOOL",
        "Tell half-way to switching a webhook off [default: false]",
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
}
