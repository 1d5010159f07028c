//! Credentials of the settings: given as text, or in a file that is read when the credential is needed.

use std::path::Path;

use super::byte_order_mark::without_byte_order_mark;
use super::sources::invalid;
use super::{MailSettings, SecretString, Settings, SettingsError};

/// The least length of an operator token: shorter ones can be guessed.
const MIN_OPERATOR_TOKEN_CHARS: usize = 32;

impl Settings {
    /// The URL of the database.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub(crate) fn database_url(&self) -> Result<Option<SecretString>, SettingsError> {
        let file = self.database_url_file.as_deref();
        credential(self.database_url.as_ref(), "database_url_file", file)
    }

    /// The operator tokens that `serve` registers: that of the text and that of the file.
    ///
    /// # Errors
    /// The file cannot be read, or a token is too short or contains whitespace.
    pub(crate) fn operator_tokens(&self) -> Result<Vec<SecretString>, SettingsError> {
        let mut tokens = Vec::new();
        if let Some(text) = &self.operator_token {
            tokens.push(checked_operator_token("operator_token", text)?);
        }
        if let Some(path) = &self.operator_token_file {
            let key = "operator_token_file";
            tokens.push(checked_operator_token(key, &read(key, path)?)?);
        }
        Ok(tokens)
    }

    /// The token that commands send: the operator token if there is no other.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub(crate) fn client_token(&self) -> Result<Option<SecretString>, SettingsError> {
        let token = credential(
            self.token.as_ref(),
            "token_file",
            self.token_file.as_deref(),
        )?;
        match token {
            Some(token) => Ok(Some(trimmed(&token))),
            None => Ok(self.operator_tokens()?.into_iter().next()),
        }
    }
}

impl MailSettings {
    /// The password for the SMTP server.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub(crate) fn password(&self) -> Result<Option<SecretString>, SettingsError> {
        let file = self.password_file.as_deref();
        credential(self.password.as_ref(), "mail.password_file", file)
    }
}

fn credential(
    text: Option<&SecretString>,
    file_key: &str,
    file: Option<&Path>,
) -> Result<Option<SecretString>, SettingsError> {
    match (text, file) {
        (Some(text), _) => Ok(Some(text.clone())),
        (None, Some(path)) => read(file_key, path).map(Some),
        (None, None) => Ok(None),
    }
}

/// Reads a credential from a file, without the line end that editors add.
fn read(key: &str, path: &Path) -> Result<SecretString, SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| invalid(key, format!("cannot read {}: {e}", path.display())))?;
    let text = without_byte_order_mark(&text).trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(invalid(key, format!("{} is empty", path.display())));
    }
    Ok(SecretString::new(text))
}

fn trimmed(secret: &SecretString) -> SecretString {
    SecretString::new(without_byte_order_mark(secret.expose()).trim())
}

fn checked_operator_token(key: &str, token: &SecretString) -> Result<SecretString, SettingsError> {
    let token = trimmed(token);
    let text = token.expose();
    if text.chars().count() < MIN_OPERATOR_TOKEN_CHARS {
        return Err(invalid(
            key,
            format!(
                "an operator token must have at least {MIN_OPERATOR_TOKEN_CHARS} characters, such as those of \
                 `openssl rand -hex 24`"
            ),
        ));
    }
    if text.contains(char::is_whitespace) {
        return Err(invalid(key, "an operator token contains no whitespace"));
    }
    Ok(token)
}
