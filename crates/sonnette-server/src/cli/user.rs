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
use sonnette::store::sqlite::SqliteStore;
use sonnette::store::{
    AccountEmailStore as _, AccountStore as _, ChangeResult, NewUser, SessionStore as _,
};

use super::{Misuse, audit, output, password, registry};
use crate::config::Settings;
use crate::credentials::{hash_password, password_link, random_secret_text, token_hash};

/// The command.
#[derive(Subcommand)]
pub(super) enum User {
    /// Creates a user of the dashboard
    Create(Create),
    /// Creates a user, and mails a link by which they choose a password; prints it where no mail server is set
    Invite(Invite),
    /// Lists all users
    List(List),
    /// Removes a user, and logs them out everywhere
    Remove(Remove),
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

#[derive(Args)]
pub(super) struct Invite {
    /// The address they log in with
    email: String,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Args)]
pub(super) struct List {
    /// As an array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Remove {
    /// The address they log in with
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
        let organizer = registry::organizer(store, slug)?.organizer.id;
        Ok(UserAccess::Organizers(BTreeMap::from([(organizer, held)])))
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

impl Invite {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = registry::open(settings)?;
        let access = self.scope.access(&store)?;
        let organizer = match &access {
            UserAccess::Operator => None,
            UserAccess::Organizers(held) => held.keys().next().copied(),
        };
        let user = add(&store, email, access, None)?;
        let (kind, now) = (AccountEmailKind::Invitation, SystemClock.now());
        if settings.mail.host.is_some() {
            store.enqueue_account_email(user.id, kind, Language::English, organizer, now)?;
            return output::line(format_args!(
                "invited {}: the server mails a link",
                user.email
            ));
        }
        let text = random_secret_text()?;
        let link = AccessLink::new(kind.purpose(user.id), now);
        store.add_link(&token_hash(&text), &link)?;
        eprintln!(
            "no mail server is set: pass this link on to {} yourself; it is good until {:.0}",
            user.email, link.expires
        );
        output::line(password_link(&settings.address(), &text))
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = registry::open(settings)?;
        let organizers = registry::organizers(&store)?;
        let mut entries: Vec<Value> = Vec::new();
        for user in store.users(None)? {
            let mut held = BTreeMap::new();
            if let UserAccess::Organizers(entries) = &user.access {
                for (id, permissions) in entries {
                    let slug = registry::slug_of(&organizers, *id).unwrap_or_default();
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
        let store = registry::open(settings)?;
        let note = audit::note("sonnette.user.removed", json!({"email": email.as_str()}));
        let found = store.user_by_email(&email)?;
        let removed = match found {
            Some((user, _)) => store.remove_user(user.id, note)?,
            None => ChangeResult::Missing,
        };
        match removed {
            ChangeResult::Done(_) => output::line(format_args!("removed user {email}")),
            _ => bail!("there is no user {email}"),
        }
    }
}

fn address(text: &str) -> Result<EmailAddress> {
    let address = text.trim().parse();
    address.map_err(|_| Misuse(format!("{text:?} is no e-mail address")).into())
}

/// Adds a user.
pub(super) fn add(
    store: &SqliteStore,
    email: EmailAddress,
    access: UserAccess,
    password_hash: Option<String>,
) -> Result<Account> {
    let note = audit::note(
        "sonnette.user.created",
        json!({"email": email.as_str(), "operator": access == UserAccess::Operator}),
    );
    let user = NewUser {
        email,
        password_hash,
        access,
        created: SystemClock.now(),
    };
    match store.add_user(&user, note)? {
        ChangeResult::Done(user) => Ok(user),
        _ => bail!("there is a user {} already", user.email),
    }
}
