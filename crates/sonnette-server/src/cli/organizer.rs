//! `sonnette organizer`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sonnette::domain::{
    DialectName, Language, Organizer as OrganizerRow, OrganizerId, OrganizerSlug,
};
use sonnette::store::{ChangeResult, RegistryStore as _};
use uuid::Uuid;

use super::{audit, local_store, output};
use crate::config::Settings;

/// The arguments of the command.
#[derive(Subcommand)]
pub(super) enum Organizer {
    /// Create an organizer
    Create(Create),
    /// List all organizers
    List(List),
}

#[derive(Args)]
pub(super) struct Create {
    /// Short name in URLs and bodies; it cannot be changed later
    slug: OrganizerSlug,
    /// Display name [default: the slug]
    #[arg(long)]
    name: Option<String>,
    /// Dialect whose action types can be published: pretix, tibillet, creads, custom; repeatable [default: pretix and custom]
    #[arg(long = "dialect", value_name = "DIALECT")]
    dialects: Vec<DialectName>,
    /// Language of labels and mails: en or fr
    #[arg(long, default_value = "en")]
    language: Language,
    /// Address that receives alerts about disabled webhooks; repeatable
    #[arg(long = "contact-email", value_name = "ADDRESS")]
    contact_emails: Vec<String>,
}

#[derive(Args)]
pub(super) struct List {
    /// Print a JSON array of objects
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
            bail!("a name cannot contain control characters");
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
        let organizer = OrganizerRow {
            id: OrganizerId(0),
            name: self.name.unwrap_or_else(|| self.slug.to_string()),
            slug: self.slug,
            uuid: Uuid::new_v4(),
            language: self.language,
            dialects,
            contact_emails: self.contact_emails,
            failure_policy: None,
        };
        let entry = audit::new_entry("sonnette.organizer.created", entry(&organizer));
        match store.add_organizer(&organizer, entry)? {
            ChangeResult::Done(made) => {
                output::line(format_args!("created organizer {}", made.slug))
            }
            _ => bail!("organizer {} already exists", organizer.slug),
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

fn entry(organizer: &OrganizerRow) -> Value {
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
