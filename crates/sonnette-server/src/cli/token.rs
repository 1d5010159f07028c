//! `sonnette token`.

use anyhow::{Result, bail};
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{OrganizerSlug, Permission, Permissions, Scope, TokenId};
use sonnette::store::RegistryStore as _;
use sonnette::store::sqlite::SqliteStore;

use super::{choices, local_store, output};
use crate::admin::Author;
use crate::admin::error::AdminError;
use crate::admin::tokens;
use crate::config::Settings;
use crate::credentials::random_token;

/// The arguments of the command.
#[derive(Subcommand)]
pub(super) enum Token {
    /// Create a token and print it; it cannot be shown again
    Create(Create),
    /// List all tokens, without their values
    List(List),
    /// Revoke a token
    Revoke(Revoke),
}

#[derive(Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["organizer", "operator"]))]
pub(super) struct Create {
    /// Organizer that the token is for
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
    /// Note about the purpose of the token
    #[arg(long, default_value = "")]
    name: String,
}

#[derive(Args)]
pub(super) struct List {
    /// List only the tokens of this organizer
    #[arg(long, value_name = "SLUG")]
    organizer: Option<OrganizerSlug>,
    /// Print a JSON array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(super) struct Revoke {
    /// Number of the token in `token list`
    id: TokenId,
}

impl Token {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        match self {
            Self::Create(create) => create.run(settings),
            Self::List(list) => list.run(settings),
            Self::Revoke(revoke) => revoke.run(settings),
        }
    }
}

/// Stores a token with this text.
pub(super) fn add(store: &SqliteStore, text: &str, name: &str, scope: Scope) -> Result<()> {
    let (author, now) = (Author::command_line(), SystemClock.now());
    tokens::create_with_text(store, &author, scope, name.to_owned(), text, now)?;
    Ok(())
}

impl Create {
    fn run(self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let scope = match &self.organizer {
            None => Scope::Operator,
            Some(slug) => {
                let permissions = if self.permissions.is_empty() {
                    Permissions::DEFAULT
                } else {
                    self.permissions.iter().copied().collect()
                };
                Scope::Organizer(
                    local_store::organizer(&store, slug)?.organizer.id,
                    permissions,
                )
            }
        };
        let text = random_token()?;
        add(&store, &text, &self.name, scope)?;
        output::print_line(text)
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let organizers = local_store::organizers(&store)?;
        let only = self
            .organizer
            .as_ref()
            .map(|slug| local_store::organizer(&store, slug))
            .transpose()?;
        let mut tokens = store.load(0)?.tokens;
        tokens.sort_by_key(|(_, token)| token.id);
        let mut entries: Vec<Value> = Vec::new();
        for (_, token) in tokens {
            let (owner, permissions) = match token.scope {
                Scope::Operator => (None, Vec::new()),
                Scope::Organizer(id, permissions) => (Some(id), permissions.iter().collect()),
            };
            if only.as_ref().is_some_and(|o| owner != Some(o.organizer.id)) {
                continue;
            }
            entries.push(json!({
                "id": token.id.0,
                "name": token.name,
                "organizer": owner.and_then(|id| local_store::slug_of(&organizers, id)),
                "operator": owner.is_none(),
                "permissions": permissions,
                "active": token.active,
                "created": token.created,
                "last_used": token.last_used,
            }));
        }
        output::print_list(&entries, self.json)
    }
}

impl Revoke {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let (author, now) = (Author::command_line(), SystemClock.now());
        match tokens::revoke(&store, &author, self.id, now) {
            Ok(true) => output::print_line(format_args!("revoked token {}", self.id)),
            Ok(false) => output::print_line(format_args!("token {} is already revoked", self.id)),
            Err(AdminError::NotFound) => bail!("token {} does not exist", self.id),
            Err(error) => Err(error.into()),
        }
    }
}
