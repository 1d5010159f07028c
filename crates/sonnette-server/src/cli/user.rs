//! `sonnette user`.

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{OrganizerSlug, Permission, Permissions};
use sonnette::store::{Changed, NewUser, Registry as _};

use super::{Misuse, audit, output, password, registry};
use crate::config::Settings;

/// The command.
#[derive(Subcommand)]
pub(super) enum User {
    /// Creates a user of the dashboard
    Create(Create),
}

#[derive(Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["organizer", "operator"]))]
pub(super) struct Create {
    /// The address they log in with
    email: String,
    /// For this organizer
    #[arg(long, value_name = "SLUG")]
    organizer: Option<OrganizerSlug>,
    /// What they may do there: webhooks, publish, organizer; repeatable [default: webhooks and publish]
    #[arg(
        long = "permission",
        value_name = "PERMISSION",
        conflicts_with = "operator"
    )]
    permissions: Vec<Permission>,
    /// Sees and does everything
    #[arg(long)]
    operator: bool,
    /// Read the password from standard input, one line; else it is asked for where there is a terminal
    #[arg(long)]
    password_stdin: bool,
}

impl User {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        let Self::Create(create) = self;
        create.run(settings)
    }
}

impl Create {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = self.email.trim().to_lowercase();
        if !is_address(&email) {
            return Err(Misuse(format!("{:?} is no e-mail address", self.email)).into());
        }
        let store = registry::open(settings)?;
        let mut permissions = Vec::new();
        if let Some(slug) = &self.organizer {
            let held = if self.permissions.is_empty() {
                Permissions::DEFAULT
            } else {
                self.permissions.iter().copied().collect()
            };
            permissions.push((registry::organizer(&store, slug)?.organizer.id, held));
        }
        let password = if self.password_stdin {
            Some(password::from_stdin()?)
        } else {
            password::from_terminal()?
        };
        if password.is_none() {
            eprintln!("{email} cannot log in yet: no password was given (--password-stdin)");
        }
        let user = NewUser {
            password_hash: password.as_deref().map(password::hash).transpose()?,
            operator: self.operator,
            permissions,
            created: SystemClock.now(),
            email,
        };
        let note = audit::note(
            "sonnette.user.created",
            json!({"email": user.email, "operator": user.operator}),
        );
        match store.add_user(&user, note)? {
            Changed::Done(_) => output::line(format_args!("created user {}", user.email)),
            _ => bail!("there is a user {} already", user.email),
        }
    }
}

/// Something on both sides of one `@`, and no blanks.
fn is_address(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
    };
    text.len() <= 254
        && text
            .split_once('@')
            .is_some_and(|(name, host)| plain(name) && plain(host))
}
