//! Passwords: read without echo, stored as argon2id.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, anyhow, bail};
use argon2::{Argon2, PasswordHasher as _};
use rustix::termios::{self, LocalModes, OptionalActions};

/// Shorter ones are refused.
const SHORTEST: usize = 8;

/// One line of standard input.
pub(super) fn from_stdin() -> Result<String> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("standard input cannot be read")?;
    checked(line.trim_end_matches(['\r', '\n']))
}

/// Asked for twice, where there is a terminal.
pub(super) fn from_terminal() -> Result<Option<String>> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let first = ask("Password: ")?;
    if first != ask("Once more: ")? {
        bail!("the two passwords differ");
    }
    checked(&first).map(Some)
}

fn checked(password: &str) -> Result<String> {
    if password.chars().count() < SHORTEST {
        bail!("a password has at least {SHORTEST} characters");
    }
    Ok(password.to_owned())
}

fn ask(prompt: &str) -> Result<String> {
    eprint!("{prompt}");
    io::stderr().flush()?;
    let before = termios::tcgetattr(io::stdin())?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO);
    termios::tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    termios::tcsetattr(io::stdin(), OptionalActions::Flush, &before)?;
    eprintln!();
    read.context("the terminal cannot be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// As it is stored: argon2id in PHC notation.
pub(super) fn hash(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash
        .map_err(|e| anyhow!("the password cannot be hashed: {e}"))?
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_argon2id_and_salted() {
        let one = hash("correct horse").unwrap();
        assert!(one.starts_with("$argon2id$v=19$"), "{one}");
        assert_ne!(one, hash("correct horse").unwrap());
    }

    #[test]
    fn short_passwords_are_refused() {
        assert!(checked("seven77").is_err());
        assert!(checked("eight888").is_ok());
    }
}
