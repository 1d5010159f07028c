//! Reads a password from standard input or, without echo, from the terminal.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail};
use rustix::termios::{self, LocalModes, OptionalActions};

use crate::config::without_byte_order_mark;
use crate::credentials::check_password;

/// Reads one line of standard input.
pub(super) fn read_from_stdin() -> Result<String> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .read_line(&mut line)
        .context("cannot read standard input")?;
    checked(without_byte_order_mark(&line).trim_end_matches(['\r', '\n']))
}

/// Asks for the password twice; returns `None` if there is no terminal.
pub(super) fn read_from_terminal() -> Result<Option<String>> {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Ok(None);
    }
    let first = ask("Password: ")?;
    if first != ask("Repeat the password: ")? {
        bail!("the passwords do not match");
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
    let original = termios::tcgetattr(io::stdin())?;
    let mut without_echo = original.clone();
    without_echo.local_modes.remove(LocalModes::ECHO);
    termios::tcsetattr(io::stdin(), OptionalActions::Flush, &without_echo)?;
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    termios::tcsetattr(io::stdin(), OptionalActions::Flush, &original)?;
    eprintln!();
    read.context("cannot read the terminal")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
