//! Where settings come from, and which source wins.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use serde::Deserialize as _;
use toml::{Table, Value};

use super::definitions::{Kind, PREFIX, SETTINGS, Setting};
use super::{Flags, Settings};

/// Settings that cannot be: says which, and where it stands. Never holds the value of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SettingsError {
    place: String,
    reason: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl std::error::Error for SettingsError {}

fn wrong(place: impl Into<String>, reason: impl Into<String>) -> SettingsError {
    SettingsError {
        place: place.into(),
        reason: reason.into(),
    }
}

impl Settings {
    /// Reads all sources: `flags` outrank `variables`, these the file, this the defaults.
    ///
    /// # Errors
    ///
    /// Names the flag, the variable, or file and line.
    pub(crate) fn load(
        flags: &Flags,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let variables = ours(variables)?;
        let given = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| n == name)
                .map(|(_, text)| text.clone())
        };
        let file = flags
            .config
            .clone()
            .or_else(|| given(&format!("{PREFIX}CONFIG")));
        let mut table = match file {
            Some(path) => read(Path::new(&path))?,
            None => Table::new(),
        };
        for setting in SETTINGS {
            let name = setting.variable();
            if let Some(text) = given(&name) {
                put(&mut table, setting, &name, split(setting, &text))?;
            }
        }
        for (key, texts) in &flags.given {
            let Some(setting) = SETTINGS.iter().find(|s| s.key == *key) else {
                continue;
            };
            let texts = texts.iter().flat_map(|text| split(setting, text)).collect();
            put(&mut table, setting, &format!("--{}", setting.flag()), texts)?;
        }
        Self::deserialize(Value::Table(table)).map_err(|e| wrong("settings", e.message()))
    }
}

/// Our variables that say something; an empty one counts as not given.
fn ours(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, SettingsError> {
    let mut found = Vec::new();
    for (name, text) in variables {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        let known =
            name == format!("{PREFIX}CONFIG") || SETTINGS.iter().any(|s| s.variable() == name);
        if !known {
            return Err(wrong(
                name,
                "there is no such setting (see `sonnette serve --help`)",
            ));
        }
        let text = text.into_string().map_err(|_| wrong(&name, "not UTF-8"))?;
        if !text.is_empty() {
            found.push((name, text));
        }
    }
    Ok(found)
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

/// The file as a table that [`Settings`] can be made of.
fn read(path: &Path) -> Result<Table, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| wrong(path.display().to_string(), format!("cannot be read: {e}")))?;
    let placed = |error: &toml::de::Error| {
        let before = error
            .span()
            .and_then(|span| text.get(..span.start))
            .unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let key = error
            .span()
            .and_then(|span| key_around(&text, span.start))
            .unwrap_or_default();
        wrong(
            format!("{}:{line}", path.display()),
            format!("{key}{}", error.message()),
        )
    };
    toml::from_str::<Settings>(&text).map_err(|e| placed(&e))?;
    toml::from_str::<Table>(&text).map_err(|e| placed(&e))
}

/// `key: ` where the place is the value of a key, so that the message names it.
fn key_around(text: &str, at: usize) -> Option<String> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |n| n + 1);
    let (key, _) = text.get(start..)?.lines().next()?.split_once('=')?;
    let key = key.trim();
    let plain = !key.is_empty()
        && key
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    plain.then(|| format!("{key}: "))
}

/// Puts one value where the file would have it, once it is known to be one.
fn put(
    table: &mut Table,
    setting: &Setting,
    source: &str,
    texts: Vec<String>,
) -> Result<(), SettingsError> {
    let value = value(setting.kind, texts).map_err(|reason| wrong(source, reason))?;
    let mut alone = Table::new();
    place(&mut alone, setting.key, value.clone());
    Settings::deserialize(Value::Table(alone)).map_err(|e| wrong(source, e.message()))?;
    place(table, setting.key, value);
    Ok(())
}

fn place(table: &mut Table, key: &str, value: Value) {
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

fn value(kind: Kind, mut texts: Vec<String>) -> Result<Value, &'static str> {
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
