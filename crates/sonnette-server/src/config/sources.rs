//! Reads the sources of settings in their order of precedence.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use serde::Deserialize as _;
use toml::{Table, Value};

use super::byte_order_mark::without_byte_order_mark;
use super::definitions::{Kind, SETTINGS, Setting, VARIABLE_PREFIX};
use super::{Flags, Settings, injected_variables};

/// The keys of credentials of which there is one, and those of their files. A source sets one of the two.
const SECRET_FILES: [(&str, &str); 3] = [
    ("database_url", "database_url_file"),
    ("token", "token_file"),
    ("mail.password", "mail.password_file"),
];

/// An invalid setting and its source. The text never contains the value of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingsError {
    source: String,
    reason: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.reason)
    }
}

impl std::error::Error for SettingsError {}

pub(super) fn invalid(source: impl Into<String>, reason: impl Into<String>) -> SettingsError {
    SettingsError {
        source: source.into(),
        reason: reason.into(),
    }
}

impl Settings {
    /// Reads all sources: `flags` override `variables`, which override the file, which overrides the defaults.
    ///
    /// # Errors
    ///
    /// Names the flag, the variable, or the file and line.
    pub(crate) fn load(
        flags: &Flags,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let variables = setting_variables(variables)?;
        let variable = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, text)| text.clone())
        };
        let file = flags
            .config
            .clone()
            .or_else(|| variable(&format!("{VARIABLE_PREFIX}CONFIG")));
        let mut table = match file {
            Some(path) => read_file(Path::new(&path))?,
            None => Table::new(),
        };
        let mut from_variables = Vec::new();
        for setting in SETTINGS {
            let source = setting.variable();
            if let Some(text) = variable(&source) {
                let texts = split(setting, &text);
                from_variables.push(GivenSetting {
                    setting,
                    source,
                    texts,
                });
            }
        }
        let mut from_flags = Vec::new();
        for (key, texts) in &flags.given {
            let Some(setting) = SETTINGS.iter().find(|s| s.key == *key) else {
                continue;
            };
            let texts = texts.iter().flat_map(|text| split(setting, text)).collect();
            let source = format!("--{}", setting.flag());
            from_flags.push(GivenSetting {
                setting,
                source,
                texts,
            });
        }
        override_with(&mut table, from_variables)?;
        override_with(&mut table, from_flags)?;
        Self::deserialize(Value::Table(table)).map_err(|e| invalid("settings", e.message()))
    }
}

/// A setting as a variable or flag gives it.
struct GivenSetting {
    setting: &'static Setting,
    /// The name of the variable or flag.
    source: String,
    texts: Vec<String>,
}

/// Sets what one source gives. A credential also overrides the file of this credential in a lower source, and the reverse.
fn override_with(table: &mut Table, given: Vec<GivenSetting>) -> Result<(), SettingsError> {
    for (text_key, file_key) in SECRET_FILES {
        let mut pair = given
            .iter()
            .filter(|g| g.setting.key == text_key || g.setting.key == file_key);
        match (pair.next(), pair.next()) {
            (Some(one), Some(other)) => return Err(both_set(&one.source, &other.source)),
            (Some(_), None) => {
                remove(table, text_key);
                remove(table, file_key);
            }
            _ => {}
        }
    }
    for GivenSetting {
        setting,
        source,
        texts,
    } in given
    {
        set_checked(table, setting, &source, texts)?;
    }
    Ok(())
}

fn both_set(one: &str, other: &str) -> SettingsError {
    invalid(one, format!("{other} is set, too; set only one of them"))
}

/// The variables that set something; an empty one counts as not set.
fn setting_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, SettingsError> {
    let mut found = Vec::new();
    for (name, text) in variables {
        let name = name.to_string_lossy().into_owned();
        if !is_setting(&name) || injected_variables::is_injected(&name, &text.to_string_lossy()) {
            continue;
        }
        let text = text
            .into_string()
            .map_err(|_| invalid(&name, "the value is not UTF-8"))?;
        if !text.is_empty() {
            found.push((name, text));
        }
    }
    Ok(found)
}

/// The variables with the prefix of Sonnette that are neither settings nor set by others.
pub(crate) fn unknown_variables(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<SettingsError> {
    variables
        .into_iter()
        .map(|(name, text)| (name.to_string_lossy().into_owned(), text))
        .filter(|(name, text)| {
            name.starts_with(VARIABLE_PREFIX)
                && !is_setting(name)
                && !injected_variables::is_injected(name, &text.to_string_lossy())
        })
        .map(|(name, _)| invalid(name, "unknown setting; see `sonnette serve --help`"))
        .collect()
}

fn is_setting(name: &str) -> bool {
    name.strip_prefix(VARIABLE_PREFIX) == Some("CONFIG")
        || SETTINGS.iter().any(|s| s.variable() == name)
}

fn split(setting: &Setting, text: &str) -> Vec<String> {
    if setting.kind != Kind::List {
        return vec![text.to_owned()];
    }
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Reads and checks the configuration file.
fn read_file(path: &Path) -> Result<Table, SettingsError> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        invalid(
            path.display().to_string(),
            format!("cannot read the file: {e}"),
        )
    })?;
    let text = without_byte_order_mark(&text);
    let with_line = |error: &toml::de::Error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let key = error
            .span()
            .and_then(|span| key_around(text, span.start))
            .unwrap_or_default();
        invalid(
            format!("{}:{line}", path.display()),
            format!("{key}{}", error.message()),
        )
    };
    toml::from_str::<Settings>(text).map_err(|e| with_line(&e))?;
    let table = toml::from_str::<Table>(text).map_err(|e| with_line(&e))?;
    for (text_key, file_key) in SECRET_FILES {
        if contains(&table, text_key) && contains(&table, file_key) {
            let source = format!("{}: {text_key}", path.display());
            return Err(both_set(&source, file_key));
        }
    }
    Ok(table)
}

/// `key: ` if the position is in the value of a key, so that the message names the key.
fn key_around(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |n| n + 1);
    let (key, _) = text.get(start..)?.lines().next()?.split_once('=')?;
    let key = key.trim();
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    is_key.then(|| format!("{key}: "))
}

/// Checks one value and sets it in the table.
fn set_checked(
    table: &mut Table,
    setting: &Setting,
    source: &str,
    texts: Vec<String>,
) -> Result<(), SettingsError> {
    let value = parse(setting.kind, texts).map_err(|reason| invalid(source, reason))?;
    let mut single = Table::new();
    set(&mut single, setting.key, value.clone());
    Settings::deserialize(Value::Table(single)).map_err(|e| invalid(source, e.message()))?;
    set(table, setting.key, value);
    Ok(())
}

fn set(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, key)) => {
            let section = table
                .entry(section)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.to_owned(), value);
            }
        }
    }
}

fn remove(table: &mut Table, key: &str) {
    match key.split_once('.') {
        None => {
            table.remove(key);
        }
        Some((section, key)) => {
            if let Some(Value::Table(section)) = table.get_mut(section) {
                section.remove(key);
            }
        }
    }
}

fn contains(table: &Table, key: &str) -> bool {
    match key.split_once('.') {
        None => table.contains_key(key),
        Some((section, key)) => {
            matches!(table.get(section), Some(Value::Table(section)) if section.contains_key(key))
        }
    }
}

fn parse(kind: Kind, mut texts: Vec<String>) -> Result<Value, &'static str> {
    let last = |texts: &mut Vec<String>| texts.pop().unwrap_or_default();
    match kind {
        Kind::Text => Ok(Value::String(last(&mut texts))),
        Kind::Number => last(&mut texts)
            .trim()
            .parse()
            .map(Value::Integer)
            .map_err(|_| "expected a whole number"),
        Kind::Switch => match last(&mut texts).trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
            "false" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
            _ => Err("expected true or false"),
        },
        Kind::List => Ok(Value::Array(texts.into_iter().map(Value::String).collect())),
    }
}
