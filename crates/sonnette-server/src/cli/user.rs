//! `sonnette user`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{
    Access, EmailAddress, OrganizerSlug, Permission, Permissions, User as Account,
};
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{Accounts as _, Changed, NewUser};

use super::{Misuse, audit, output, password, registry};
use crate::config::Settings;
use crate::credentials::hash_password;

/// The command.
#[derive(Subcommand)]
pub(super) enum User {
    /// Creates a user of the dashboard
    Create(Create),
}

/// What is open to a user.
#[derive(Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["organizer", "operator"]))]
struct Scope {
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
}

#[derive(Args)]
pub(super) struct Create {
    /// The address they log in with
    email: String,
    #[command(flatten)]
    scope: Scope,
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

impl Scope {
    fn access(&self, store: &SqliteStore) -> Result<Access> {
        let Some(slug) = &self.organizer else {
            return Ok(Access::Operator);
        };
        let held = if self.permissions.is_empty() {
            Permissions::DEFAULT
        } else {
            self.permissions.iter().copied().collect()
        };
        let organizer = registry::organizer(store, slug)?.organizer.id;
        Ok(Access::Organizers(BTreeMap::from([(organizer, held)])))
    }
}

impl Create {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = registry::open(settings)?;
        let access = self.scope.access(&store)?;
        let password = if self.password_stdin {
            Some(password::from_stdin()?)
        } else {
            password::from_terminal()?
        };
        if password.is_none() {
            eprintln!("{email} cannot log in yet: no password was given (--password-stdin)");
        }
        let password_hash = password.as_deref().map(hash_password).transpose()?;
        let user = add(&store, email, access, password_hash)?;
        output::line(format_args!("created user {}", user.email))
    }
}

fn address(text: &str) -> Result<EmailAddress> {
    let address = text.trim().parse();
    address.map_err(|_| Misuse(format!("{text:?} is no e-mail address")).into())
}

fn add(
    store: &SqliteStore,
    email: EmailAddress,
    access: Access,
    password_hash: Option<String>,
) -> Result<Account> {
    let note = audit::note(
        "sonnette.user.created",
        json!({"email": email.as_str(), "operator": access == Access::Operator}),
    );
    let user = NewUser {
        email,
        password_hash,
        access,
        created: SystemClock.now(),
    };
    match store.add_user(&user, note)? {
        Changed::Done(user) => Ok(user),
        _ => bail!("there is a user {} already", user.email),
    }
}
