//! `sonnette organizer`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sonnette::domain::{
    DialectName, Language, Organizer as OrganizerSnapshot, OrganizerId, OrganizerSlug,
};
use sonnette::store::{ChangeResult, RegistryStore as _};
use uuid::Uuid;

use super::{audit, local_store, output};
use crate::config::Settings;

/// The command.
#[derive(Subcommand)]
pub(super) enum Organizer {
    /// Creates an organizer
    Create(Create),
    /// Lists all organizers
    List(List),
}

#[derive(Args)]
pub(super) struct Create {
    /// Short name in URLs and bodies; fixed for life
    slug: OrganizerSlug,
    /// Shown to people [default: the slug]
    #[arg(long)]
    name: Option<String>,
    /// Whose action types it knows: pretix, tibillet, creads, custom; repeatable [default: pretix and custom]
    #[arg(long = "dialect", value_name = "DIALECT")]
    dialects: Vec<DialectName>,
    /// Of labels and mails: en or fr
    #[arg(long, default_value = "en")]
    language: Language,
    /// Who is told when a webhook is switched off; repeatable
    #[arg(long = "contact-email", value_name = "ADDRESS")]
    contact_emails: Vec<String>,
}

#[derive(Args)]
pub(super) struct List {
    /// As an array of objects
    #[arg(long)]
    json: bool,
}

impl Organizer {
    pub(super) fn run(self, settings: &Settings) -> Result<()> {
        match self {
            Self::Create(create) => create.run(settings),
            Self::List(list) => list.run(settings),
        }
    }
}

impl Create {
    fn run(self, settings: &Settings) -> Result<()> {
        if self.name.iter().any(|name| name.contains(char::is_control)) {
            bail!("control characters are not allowed in a name");
        }
        let store = local_store::open(settings)?;
        let mut dialects = Vec::new();
        for dialect in self.dialects {
            if !dialects.contains(&dialect) {
                dialects.push(dialect);
            }
        }
        if dialects.is_empty() {
            dialects = vec![DialectName::Pretix, DialectName::Custom];
        }
        let organizer = OrganizerSnapshot {
            id: OrganizerId(0),
            name: self.name.unwrap_or_else(|| self.slug.to_string()),
            slug: self.slug,
            uuid: Uuid::new_v4(),
            language: self.language,
            dialects,
            contact_emails: self.contact_emails,
            failure_policy: None,
        };
        let note = audit::note("sonnette.organizer.created", entry(&organizer));
        match store.add_organizer(&organizer, note)? {
            ChangeResult::Done(made) => {
                output::line(format_args!("created organizer {}", made.slug))
            }
            _ => bail!("there is an organizer {} already", organizer.slug),
        }
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let organizers = local_store::organizers(&store)?;
        let entries: Vec<Value> = organizers.iter().map(|o| entry(&o.organizer)).collect();
        output::list(&entries, self.json)
    }
}

fn entry(organizer: &OrganizerSnapshot) -> Value {
    json!({
        "id": organizer.id.0,
        "slug": organizer.slug,
        "name": organizer.name,
        "uuid": organizer.uuid,
        "language": organizer.language,
        "dialects": organizer.dialects,
        "contact_emails": organizer.contact_emails,
    })
}
