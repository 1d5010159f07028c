//! Typed settings from flags, variables and a file, in this order of precedence.
//!
//! This module reads and checks settings. It opens no file but the configuration file, and has no default that depends
//! on the machine.

mod action_type;
mod byte_order_mark;
mod definitions;
mod flags;
mod injected_variables;
mod parse;
mod secret_files;
mod secret_string;
mod sources;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use ipnet::IpNet;
use lettre::message::Mailbox;
use serde::{Deserialize, Deserializer};
use sonnette::engine::sender::AllowTarget;
use tracing_subscriber::filter::Targets;
use url::Url;

pub(crate) use action_type::ActionTypeSetting;
pub(crate) use byte_order_mark::without_byte_order_mark;
pub(crate) use flags::Flags;
pub(crate) use secret_string::SecretString;
pub(crate) use sources::{SettingsError, unknown_variables};

/// All settings, checked. `sonnette.example.toml` documents the keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// The address that the server listens on.
    #[serde(deserialize_with = "parse::listen_address")]
    pub(crate) listen: SocketAddr,
    /// The directory of the embedded store.
    pub(crate) data_dir: PathBuf,
    /// A database to use instead; the URL may contain a password.
    pub(crate) database_url: Option<SecretString>,
    /// A file with `database_url`.
    pub(crate) database_url_file: Option<PathBuf>,
    /// The public URL of the server.
    #[serde(deserialize_with = "parse::public_url")]
    pub(crate) public_url: Option<Url>,
    /// Non-public targets that webhooks may have.
    #[serde(deserialize_with = "parse::list")]
    pub(crate) allow_target: Vec<AllowTarget>,
    /// Proxies whose `X-Forwarded-*` headers are trusted.
    #[serde(deserialize_with = "parse::networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Origins that may embed the dashboard in a frame.
    #[serde(deserialize_with = "parse::origins")]
    pub(crate) embed_origins: Vec<String>,
    /// Refuses targets without HTTPS.
    pub(crate) require_https: bool,
    /// Timeout of an attempt.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 30>")]
    pub(crate) timeout_seconds: u64,
    /// Maximum size of a stored response body.
    #[serde(deserialize_with = "parse::ranged::<_, 0, 16_777_216>")]
    pub(crate) response_limit_bytes: u64,
    /// Retention of the log.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 3650>")]
    pub(crate) log_days: u64,
    /// The id of the first notification of a store that has none yet.
    #[serde(deserialize_with = "parse::optional_ranged::<_, 1, 4_503_599_627_370_496>")]
    pub(crate) first_notification_id: Option<u64>,
    /// PEM file of additional certificate authorities.
    pub(crate) extra_ca_file: Option<PathBuf>,
    /// An operator token that `serve` registers.
    pub(crate) operator_token: Option<SecretString>,
    /// A file with the operator token.
    pub(crate) operator_token_file: Option<PathBuf>,
    /// The server that commands connect to.
    #[serde(deserialize_with = "parse::web_url")]
    pub(crate) url: Option<Url>,
    /// The token that commands send.
    pub(crate) token: Option<SecretString>,
    /// A file with `token`.
    pub(crate) token_file: Option<PathBuf>,
    /// Maximum number of open connections.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_000_000>")]
    pub(crate) max_connections: u64,
    /// Maximum number of open connections of one client.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_000_000>")]
    pub(crate) max_client_connections: u64,
    /// Maximum number of requests of one client that are answered at the same time.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_000_000>")]
    pub(crate) max_client_requests: u64,
    /// Maximum size of all request bodies in memory; one client may take half of it.
    #[serde(deserialize_with = "parse::ranged::<_, 33_554_432, 1_099_511_627_776>")]
    pub(crate) max_body_memory_bytes: u64,
    /// Maximum number of event streams of the API.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_000_000>")]
    pub(crate) max_streams: u64,
    /// Maximum number of event streams of one token.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_000_000>")]
    pub(crate) max_client_streams: u64,
    /// Timeout of a request header and of an idle connection.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 3_600>")]
    pub(crate) header_timeout_seconds: u64,
    /// The time in which a client must transfer `min_bytes_per_second` of it.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 3_600>")]
    pub(crate) transfer_timeout_seconds: u64,
    /// The least rate of a client that the server waits for.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_073_741_824>")]
    pub(crate) min_bytes_per_second: u64,
    /// Threads that serve requests; `None` means half of the cores.
    #[serde(deserialize_with = "parse::optional_ranged::<_, 1, 256>")]
    pub(crate) threads: Option<u64>,
    /// Threads that send notifications; `None` means half of the cores.
    #[serde(deserialize_with = "parse::optional_ranged::<_, 1, 256>")]
    pub(crate) sending_threads: Option<u64>,
    /// The most requests in flight of each sending thread.
    #[serde(deserialize_with = "parse::ranged::<_, 8, 65_536>")]
    pub(crate) max_in_flight: u64,
    /// The log level; `None` means `info`, and `warn` for the demo.
    pub(crate) log_level: Option<LogLevel>,
    /// The format of log lines.
    pub(crate) log_format: LogFormat,
    /// The mail server and the kinds of alerts.
    pub(crate) mail: MailSettings,
    /// Action types in addition to those of the dialects.
    pub(crate) action_types: Vec<ActionTypeSetting>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: "./sonnette-data".into(),
            database_url: None,
            database_url_file: None,
            public_url: None,
            allow_target: Vec::new(),
            trusted_proxies: Vec::new(),
            embed_origins: Vec::new(),
            require_https: false,
            timeout_seconds: 30,
            response_limit_bytes: 65_536,
            log_days: 30,
            first_notification_id: None,
            extra_ca_file: None,
            operator_token: None,
            operator_token_file: None,
            url: None,
            token: None,
            token_file: None,
            max_connections: 4096,
            max_client_connections: 1024,
            max_client_requests: 256,
            max_body_memory_bytes: 64 << 20,
            max_streams: 200,
            max_client_streams: 10,
            header_timeout_seconds: 10,
            transfer_timeout_seconds: 10,
            min_bytes_per_second: 8192,
            threads: None,
            sending_threads: None,
            max_in_flight: 2_048,
            log_level: None,
            log_format: LogFormat::Auto,
            mail: MailSettings::default(),
            action_types: Vec::new(),
        }
    }
}

impl Settings {
    /// The URL of this installation for links, with a trailing slash: `public_url`, or else the one that commands use.
    pub(crate) fn base_url(&self) -> String {
        let mut address = self
            .public_url
            .as_ref()
            .or(self.url.as_ref())
            .map_or_else(|| format!("http://{}", self.listen), ToString::to_string);
        if !address.ends_with('/') {
            address.push('/');
        }
        address
    }
}

/// `[mail]`: the mail server and the kinds of alerts.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailSettings {
    /// The SMTP server; `None` disables mail.
    pub(crate) host: Option<String>,
    /// The port; `None` means the default of `tls`.
    pub(crate) port: Option<u16>,
    /// The encryption of the connection.
    pub(crate) tls: MailTls,
    /// The user name for the SMTP server.
    pub(crate) user: Option<String>,
    /// The password for the SMTP server.
    pub(crate) password: Option<SecretString>,
    /// A file with `password`.
    pub(crate) password_file: Option<PathBuf>,
    /// The sender address; `None` means `sonnette` at the host of `public_url`.
    #[serde(deserialize_with = "parse::mailbox")]
    pub(crate) from: Option<Mailbox>,
    /// Mails an alert when a 410 response disables a webhook.
    pub(crate) on_gone: bool,
    /// Mails a warning halfway to disabling a webhook.
    pub(crate) warning: bool,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            tls: MailTls::default(),
            user: None,
            password: None,
            password_file: None,
            from: None,
            on_gone: true,
            warning: false,
        }
    }
}

/// The encryption of the connection to the mail server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailTls {
    /// No encryption.
    None,
    /// STARTTLS.
    #[default]
    Starttls,
    /// TLS from the start.
    Tls,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, otherwise JSON.
    Auto,
    /// Text for people.
    Text,
    /// JSON for machines.
    Json,
}

/// A log level, or levels by module.
#[derive(Debug, Clone)]
pub(crate) struct LogLevel(pub(crate) Targets);

impl LogLevel {
    /// This level for all modules.
    pub(crate) fn all(level: tracing::Level) -> Self {
        Self(Targets::new().with_default(level))
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let expected =
            "expected error, warn, info, debug, trace or off, or levels by module (sonnette=debug)";
        let levels = Targets::from_str(&text).map_err(|_| serde::de::Error::custom(expected))?;
        // `Targets` takes a word that is not a level for the name of a module.
        let bare = text.split(',').filter(|part| !part.contains('='));
        if bare
            .clone()
            .any(|word| tracing::level_filters::LevelFilter::from_str(word.trim()).is_err())
        {
            return Err(serde::de::Error::custom(expected));
        }
        Ok(Self(levels))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::definitions::SETTINGS;
    use super::*;

    const EXAMPLE: &str = include_str!("../../../../sonnette.example.toml");

    /// The example with the `#` before its settings taken away.
    fn uncommented_example() -> String {
        let setting = |line: &str| line.contains(" = ") || line.starts_with('[');
        let shown = |line: &str| match line.strip_prefix('#') {
            Some(rest) if setting(rest) && !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        EXAMPLE.lines().map(|line| shown(line) + "\n").collect()
    }

    #[test]
    fn the_example_sets_only_defaults() {
        let settings: Settings = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(settings.listen, Settings::default().listen);
    }

    #[test]
    fn the_example_names_every_setting_and_no_other() {
        let text = uncommented_example();
        let _: Settings = toml::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
        let table: toml::Table = toml::from_str(&text).unwrap();
        let mut named = BTreeSet::new();
        for (key, value) in table {
            match value {
                toml::Value::Table(section) => {
                    named.extend(section.keys().map(|inner| format!("{key}.{inner}")));
                }
                _ if key == "action_types" => {}
                _ => {
                    named.insert(key);
                }
            }
        }
        let known: BTreeSet<_> = SETTINGS.iter().map(|s| s.key.to_owned()).collect();
        assert_eq!(named, known);
    }

    #[test]
    fn every_defined_setting_is_a_key() {
        for setting in SETTINGS {
            let text = format!("{} = [[]]", setting.key);
            let error = toml::from_str::<Settings>(&text).unwrap_err();
            assert!(
                !error.message().contains("unknown field"),
                "{setting}: {error}"
            );
        }
    }

    #[test]
    fn credentials_are_not_in_debug() {
        let text = "operator_token = \"hush-1\"\ntoken = \"hush-2\"\ndatabase_url = \"hush-3\"\n[mail]\npassword = \"hush-4\"";
        let shown = format!("{:?}", toml::from_str::<Settings>(text).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
