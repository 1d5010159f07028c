//! Passwords, read without echo.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};
use rustix::termios::{self, LocalModes, OptionalActions};

use crate::credentials::check_password;

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
    check_password(password)?;
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
