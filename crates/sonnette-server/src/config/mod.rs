//! Settings: one typed set, from flags, variables and a file, in that order of rank.
//!
//! This module reads and checks; it opens nothing but the configuration file, and knows no default that depends on the
//! machine.

mod action_type;
mod definitions;
mod flags;
mod parse;
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
pub(crate) use flags::Flags;
pub(crate) use secret_string::SecretString;
pub(crate) use sources::SettingsError;

/// Every setting, checked. Names and meaning of the keys: `sonnette.example.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Where the server listens.
    pub(crate) listen: SocketAddr,
    /// Where the embedded store is.
    pub(crate) data_dir: PathBuf,
    /// A database to use instead; may hold a password.
    pub(crate) database_url: Option<SecretString>,
    /// How others reach the server.
    #[serde(deserialize_with = "parse::web_url")]
    pub(crate) public_url: Option<Url>,
    /// Exceptions from the address rule.
    #[serde(deserialize_with = "parse::each")]
    pub(crate) allow_target: Vec<AllowTarget>,
    /// Whose `X-Forwarded-*` is believed.
    #[serde(deserialize_with = "parse::networks")]
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Origins that may show an organizer's pages in a frame.
    #[serde(deserialize_with = "parse::origins")]
    pub(crate) embed_origins: Vec<String>,
    /// Refuse `http` targets.
    pub(crate) require_https: bool,
    /// For a whole attempt.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 30>")]
    pub(crate) timeout_seconds: u64,
    /// How much of an answer is kept.
    #[serde(deserialize_with = "parse::ranged::<_, 0, 16_777_216>")]
    pub(crate) response_limit_bytes: u64,
    /// How long the log is kept.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 3650>")]
    pub(crate) log_days: u64,
    /// Authorities beside the system's.
    pub(crate) extra_ca_file: Option<PathBuf>,
    /// An operator token that `serve` registers.
    pub(crate) operator_token: Option<SecretString>,
    /// The same, from a file.
    pub(crate) operator_token_file: Option<PathBuf>,
    /// The server that clients talk to.
    #[serde(deserialize_with = "parse::web_url")]
    pub(crate) url: Option<Url>,
    /// What they present.
    pub(crate) token: Option<SecretString>,
    /// Connections served at a time.
    #[serde(deserialize_with = "parse::ranged::<_, 1, 1_000_000>")]
    pub(crate) max_connections: u64,
    /// Threads that take requests; none: half of the cores.
    #[serde(deserialize_with = "parse::maybe_ranged::<_, 1, 256>")]
    pub(crate) threads: Option<u64>,
    /// Threads that send; none: half of the cores.
    #[serde(deserialize_with = "parse::maybe_ranged::<_, 1, 256>")]
    pub(crate) sending_threads: Option<u64>,
    /// What is logged; none: `info`, and of the demo only what is wrong.
    pub(crate) log_level: Option<LogLevel>,
    /// How it is logged.
    pub(crate) log_format: LogFormat,
    /// How alerts are mailed.
    pub(crate) mail: MailSettings,
    /// Action types beside those of the dialects.
    pub(crate) action_types: Vec<ActionTypeSetting>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: "./sonnette-data".into(),
            database_url: None,
            public_url: None,
            allow_target: Vec::new(),
            trusted_proxies: Vec::new(),
            embed_origins: Vec::new(),
            require_https: false,
            timeout_seconds: 30,
            response_limit_bytes: 65_536,
            log_days: 30,
            extra_ca_file: None,
            operator_token: None,
            operator_token_file: None,
            url: None,
            token: None,
            max_connections: 4096,
            threads: None,
            sending_threads: None,
            log_level: None,
            log_format: LogFormat::Auto,
            mail: MailSettings::default(),
            action_types: Vec::new(),
        }
    }
}

impl Settings {
    /// Where people find this installation, as far as the settings know; ends in a slash.
    pub(crate) fn base_url(&self) -> String {
        let mut address = self
            .public_url
            .as_ref()
            .map_or_else(|| format!("http://{}", self.listen), ToString::to_string);
        if !address.ends_with('/') {
            address.push('/');
        }
        address
    }
}

/// `[mail]`: how people are told what they must know.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct MailSettings {
    /// SMTP server; none: nothing is mailed.
    pub(crate) host: Option<String>,
    /// None: as `tls` says.
    pub(crate) port: Option<u16>,
    /// How it is encrypted.
    pub(crate) tls: MailTls,
    /// Whom to log in as.
    pub(crate) user: Option<String>,
    /// And with what.
    pub(crate) password: Option<SecretString>,
    /// Sender of the mails; none: `sonnette` at the host of `public_url`.
    #[serde(deserialize_with = "parse::mailbox")]
    pub(crate) from: Option<Mailbox>,
    /// Tell when a 410 switches a webhook off.
    pub(crate) on_gone: bool,
    /// Tell half-way to switching a webhook off.
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
            from: None,
            on_gone: true,
            warning: false,
        }
    }
}

/// How mail is encrypted on its way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MailTls {
    /// Not at all.
    None,
    /// After a first clear line.
    #[default]
    Starttls,
    /// From the start.
    Tls,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// What is logged: a level, or levels by module.
#[derive(Debug, Clone)]
pub(crate) struct LogLevel(pub(crate) Targets);

impl LogLevel {
    /// From this level up, whatever the module.
    pub(crate) fn all(level: tracing::Level) -> Self {
        Self(Targets::new().with_default(level))
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = "expected error, warn, info, debug, trace or off, or such words by module (sonnette=debug)";
        let levels = Targets::from_str(&text).map_err(|_| serde::de::Error::custom(wrong))?;
        // A word that is no level would be taken for the name of a module.
        let bare = text.split(',').filter(|part| !part.contains('='));
        if bare
            .clone()
            .any(|word| tracing::level_filters::LevelFilter::from_str(word.trim()).is_err())
        {
            return Err(serde::de::Error::custom(wrong));
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
    fn example_in_force() -> String {
        let setting = |line: &str| line.contains(" = ") || line.starts_with('[');
        let shown = |line: &str| match line.strip_prefix('#') {
            Some(rest) if setting(rest) && !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        EXAMPLE.lines().map(|line| shown(line) + "\n").collect()
    }

    #[test]
    fn the_example_as_it_is_says_nothing_but_defaults() {
        let settings: Settings = toml::from_str(EXAMPLE).unwrap();
        assert_eq!(settings.listen, Settings::default().listen);
    }

    #[test]
    fn the_example_names_every_setting_and_no_other() {
        let text = example_in_force();
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
    fn every_setting_of_the_list_is_a_key() {
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
