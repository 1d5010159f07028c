//! `sonnette user`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{
    AccessLink, AccountEmailKind, EmailAddress, Language, OrganizerSlug, Permission, Permissions,
    User as Account, UserAccess,
};
use sonnette::store::AccountStore as _;
use sonnette::store::sqlite::SqliteStore;

use super::{UsageError, local_store, output, password_prompt};
use crate::admin::author::Author;
use crate::admin::error::AdminError;
use crate::admin::users::{self, AccountEmail, LinkDelivery};
use crate::config::Settings;
use crate::credentials::{hash_password, password_link};

/// The arguments of the command.
#[derive(Subcommand)]
pub(super) enum User {
    /// Create a user of the dashboard
    Create(Create),
    /// Create a user and mail a link to choose a password; without a mail server, print the link
    Invite(Invite),
    /// List all users
    List(List),
    /// Remove a user and end all of their sessions
    Remove(Remove),
}

/// What the user may access.
#[derive(Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["organizer", "operator"]))]
struct Scope {
    /// Organizer that the user may access
    #[arg(long, value_name = "SLUG")]
    organizer: Option<OrganizerSlug>,
    /// Permission: webhooks, publish, organizer; repeatable [default: webhooks and publish]
    #[arg(
        long = "permission",
        value_name = "PERMISSION",
        conflicts_with = "operator"
    )]
    permissions: Vec<Permission>,
    /// Grant all permissions for all organizers
    #[arg(long)]
    operator: bool,
}

#[derive(Args)]
pub(super) struct Create {
    /// E-mail address to log in with
    email: String,
    #[command(flatten)]
    scope: Scope,
    /// Read the password from the first line of standard input instead of the terminal
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub(super) struct Invite {
    /// E-mail address to log in with
    email: String,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Args)]
pub(super) struct List {
    /// Print a JSON array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    /// E-mail address to log in with
    email: String,
}

impl User {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        match self {
            Self::Create(create) => create.run(settings),
            Self::Invite(invite) => invite.run(settings),
            Self::List(list) => list.run(settings),
            Self::Remove(remove) => remove.run(settings),
        }
    }
}

impl Scope {
    fn access(&self, store: &SqliteStore) -> Result<UserAccess> {
        let Some(slug) = &self.organizer else {
            return Ok(UserAccess::Operator);
        };
        let held = if self.permissions.is_empty() {
            Permissions::DEFAULT
        } else {
            self.permissions.iter().copied().collect()
        };
        let organizer = local_store::organizer(store, slug)?.organizer.id;
        Ok(UserAccess::Organizers(BTreeMap::from([(organizer, held)])))
    }
}

impl Create {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = local_store::open(settings)?;
        let access = self.scope.access(&store)?;
        let password = if self.password_stdin {
            Some(password_prompt::from_stdin()?)
        } else {
            password_prompt::from_terminal()?
        };
        if password.is_none() {
            eprintln!("{email} cannot log in yet: no password was set (use --password-stdin)");
        }
        let password_hash = password.as_deref().map(hash_password).transpose()?;
        let user = add(&store, email, access, password_hash)?;
        output::line(format_args!("created user {}", user.email))
    }
}

impl Invite {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = local_store::open(settings)?;
        let access = self.scope.access(&store)?;
        let organizer = match &access {
            UserAccess::Operator => None,
            UserAccess::Organizers(held) => held.keys().next().copied(),
        };
        let user = add(&store, email, access, None)?;
        let (author, now) = (Author::command_line(), SystemClock.now());
        let email = AccountEmail {
            kind: AccountEmailKind::Invitation,
            language: Language::English,
            organizer,
        };
        let expires = AccessLink::new(email.kind.purpose(user.id), now).expires;
        let address = user.email.clone();
        let can_send_email = settings.mail.host.is_some();
        match users::send_link(&store, &author, user, &email, can_send_email, now)? {
            LinkDelivery::Link { secret, .. } => {
                eprintln!(
                    "no mail server is set: send this link to {address} yourself; it expires at {expires:.0}"
                );
                output::line(password_link(&settings.base_url(), &secret))
            }
            LinkDelivery::Email | LinkDelivery::Throttled | LinkDelivery::NeedsOperator => {
                output::line(format_args!(
                    "invited {address}; the server will mail a link"
                ))
            }
        }
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let organizers = local_store::organizers(&store)?;
        let mut entries: Vec<Value> = Vec::new();
        for user in store.users(None)? {
            let mut held = BTreeMap::new();
            if let UserAccess::Organizers(entries) = &user.access {
                for (id, permissions) in entries {
                    let slug = local_store::slug_of(&organizers, *id).unwrap_or_default();
                    held.insert(slug, permissions.iter().collect::<Vec<_>>());
                }
            }
            entries.push(json!({
                "email": user.email.as_str(),
                "operator": user.access == UserAccess::Operator,
                "organizers": held,
                "password": user.has_password,
                "created": user.created,
            }));
        }
        output::list(&entries, self.json)
    }
}

impl Remove {
    fn run(&self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = local_store::open(settings)?;
        let Some((user, _)) = store.user_by_email(&email)? else {
            bail!("user {email} does not exist");
        };
        match users::remove(&store, &Author::command_line(), &user, SystemClock.now()) {
            Ok(()) => output::line(format_args!("removed user {email}")),
            Err(AdminError::NotFound) => bail!("user {email} does not exist"),
            Err(error) => Err(error.into()),
        }
    }
}

fn address(text: &str) -> Result<EmailAddress> {
    let address = text.trim().parse();
    address.map_err(|_| UsageError(format!("{text:?} is not an e-mail address")).into())
}

/// Adds a user.
pub(super) fn add(
    store: &SqliteStore,
    email: EmailAddress,
    access: UserAccess,
    password_hash: Option<String>,
) -> Result<Account> {
    let (author, now) = (Author::command_line(), SystemClock.now());
    let address = email.clone();
    match users::create(store, &author, email, access, password_hash, now) {
        Ok(user) => Ok(user),
        Err(AdminError::Taken) => bail!("user {address} already exists"),
        Err(error) => Err(error.into()),
    }
}
