//! `sonnette user`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{
    AccessLink, AccountEmailKind, EmailAddress, Language, OrganizerSlug, Permission, Permissions,
    User as Account, UserAccess,
};
use sonnette::store::AccountStore as _;
use sonnette::store::sqlite::SqliteStore;

use super::{UsageError, choices, local_store, output, password_prompt};
use crate::admin::author::Author;
use crate::admin::error::AdminError;
use crate::admin::users::{self, AccountEmailRequest, Invitation, InvitationResult, LinkChannel};
use crate::config::Settings;
use crate::credentials::{hash_password, password_link};

/// The arguments of the command.
#[derive(Subcommand)]
pub(super) enum User {
    /// Create a user of the dashboard
    Create(Create),
    /// Give somebody access and mail a link to choose a password; without a mail server, print the link
    Invite(Invite),
    /// Set the password of a user, and end all of their sessions
    Password(SetPassword),
    /// List all users
    List(List),
    /// Remove a user and end all of their sessions
    Remove(Remove),
}

/// What the user may access.
#[derive(Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["organizer", "operator"]))]
struct AccessArgs {
    /// Organizer that the user may access
    #[arg(long, value_name = "SLUG")]
    organizer: Option<OrganizerSlug>,
    /// Permission: webhooks, publish, organizer; repeatable [default: webhooks and publish]
    #[arg(
        long = "permission",
        value_name = "PERMISSION",
        value_parser = choices::parse_choice(Permission::ALL),
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
    access: AccessArgs,
    /// Read the password from the first line of standard input instead of the terminal
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Args)]
pub(super) struct Invite {
    /// E-mail address to log in with
    email: String,
    #[command(flatten)]
    access: AccessArgs,
}

#[derive(Args)]
pub(super) struct SetPassword {
    /// E-mail address that the user logs in with
    email: String,
    /// Read the password from the first line of standard input instead of the terminal
    #[arg(long)]
    password_stdin: bool,
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
            Self::Password(password) => password.run(settings),
            Self::List(list) => list.run(settings),
            Self::Remove(remove) => remove.run(settings),
        }
    }
}

impl AccessArgs {
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
        let access = self.access.access(&store)?;
        let password = if self.password_stdin {
            Some(password_prompt::read_from_stdin()?)
        } else {
            password_prompt::read_from_terminal()?
        };
        if password.is_none() {
            eprintln!(
                "{email} cannot log in yet: set a password with `sonnette user password {email} --password-stdin`"
            );
        }
        let password_hash = password.as_deref().map(hash_password).transpose()?;
        let user = add(&store, email, access, password_hash)?;
        output::print_line(format_args!("created user {}", user.email))
    }
}

impl Invite {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = local_store::open(settings)?;
        let access = self.access.access(&store)?;
        let invitation = Invitation {
            email: email.clone(),
            access,
            language: Language::English,
        };
        let (author, now) = (Author::command_line(), SystemClock.now());
        let can_send_email = settings.mail.host.is_some();
        match users::invite(&store, &author, invitation, can_send_email, now)? {
            InvitationResult::Extended => output::print_line(format_args!(
                "{email} had a password already and now has this access, too; `sonnette user password {email}` sets another \
                 password"
            )),
            InvitationResult::Taken => invite_operator(&store, settings, &email),
            InvitationResult::Sent(delivery) => report_link(settings, &email, delivery, now),
        }
    }
}

/// Invites a known user as an operator, which they are already.
fn invite_operator(store: &SqliteStore, settings: &Settings, email: &EmailAddress) -> Result<()> {
    let Some((user, password)) = store.user_by_email(email)? else {
        bail!("user {email} does not exist");
    };
    if user.access != UserAccess::Operator {
        bail!(
            "user {email} is no operator, and whoever knows their password would become one: remove them with `sonnette user \
             remove {email}`, and invite them again"
        );
    }
    if password.is_some() {
        return output::print_line(format_args!(
            "{email} is an operator and has a password already; `sonnette user password {email}` sets another password"
        ));
    }
    let (author, now) = (Author::command_line(), SystemClock.now());
    let mail = AccountEmailRequest {
        kind: AccountEmailKind::Invitation,
        language: Language::English,
        organizer: None,
    };
    let can_send_email = settings.mail.host.is_some();
    let delivery = users::send_link(store, &author, user, &mail, can_send_email, now)?;
    report_link(settings, email, delivery, now)
}

fn report_link(
    settings: &Settings,
    address: &EmailAddress,
    channel: LinkChannel,
    now: Timestamp,
) -> Result<()> {
    match channel {
        LinkChannel::Link { user, secret } => {
            let expires =
                AccessLink::new(AccountEmailKind::Invitation.purpose(user.id), now).expires;
            eprintln!(
                "no mail server is set: send this link to {address} yourself; it expires at {expires:.0}"
            );
            output::print_line(password_link(&settings.base_url(), &secret))
        }
        LinkChannel::Throttled => output::print_line(format_args!(
            "{address} was mailed a link a moment ago, or many today; no other is mailed now"
        )),
        LinkChannel::Email | LinkChannel::NeedsOperator => output::print_line(format_args!(
            "invited {address}; the server will mail a link"
        )),
    }
}

impl SetPassword {
    fn run(self, settings: &Settings) -> Result<()> {
        let email = address(&self.email)?;
        let store = local_store::open(settings)?;
        let Some((user, _)) = store.user_by_email(&email)? else {
            bail!("user {email} does not exist; create them with `sonnette user create {email}`");
        };
        let password = if self.password_stdin {
            password_prompt::read_from_stdin()?
        } else {
            password_prompt::read_from_terminal()?.ok_or_else(|| {
                UsageError(
                    "there is no terminal to ask for the password; use --password-stdin".to_owned(),
                )
            })?
        };
        let hash = hash_password(&password)?;
        let (author, now) = (Author::command_line(), SystemClock.now());
        users::replace_password(&store, &author, user.id, &hash, now)?;
        output::print_line(format_args!(
            "set the password of {email} and ended their sessions"
        ))
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
        output::print_list(&entries, self.json)
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
            Ok(()) => output::print_line(format_args!("removed user {email}")),
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
        Err(AdminError::Taken) => bail!(
            "user {address} already exists; `sonnette user password {address}` sets a password, `sonnette user invite \
             {address}` gives more access or another link"
        ),
        Err(error) => Err(error.into()),
    }
}
