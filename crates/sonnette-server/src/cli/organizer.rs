//! `sonnette organizer`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{DialectName, Language, Organizer as Tenant, OrganizerSlug};

use super::{output, registry};
use crate::admin::Author;
use crate::admin::error::AdminError;
use crate::admin::organizers::{self, OrganizerPatch};
use crate::admin::validation::{self, MAX_NAME_CHARS, Violation};
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
        if let Some(name) = &self.name
            && validation::single_line(name, MAX_NAME_CHARS) == Err(Violation::ControlCharacter)
        {
            bail!("control characters are not allowed in a name");
        }
        let store = registry::open(settings)?;
        let mut dialects = Vec::new();
        for dialect in self.dialects {
            if !dialects.contains(&dialect) {
                dialects.push(dialect);
            }
        }
        let patch = OrganizerPatch {
            name: self.name,
            language: Some(self.language),
            dialects: Some(dialects).filter(|dialects| !dialects.is_empty()),
            contact_emails: Some(self.contact_emails),
            ..OrganizerPatch::default()
        };
        let (author, slug) = (Author::command_line(), self.slug.clone());
        let now = SystemClock.now();
        match organizers::create(&store, &author, slug, &patch, now) {
            Ok(created) => output::line(format_args!("created organizer {}", created.slug)),
            Err(AdminError::Taken) => bail!("there is an organizer {} already", self.slug),
            Err(error) => Err(error.into()),
        }
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = registry::open(settings)?;
        let organizers = registry::organizers(&store)?;
        let entries: Vec<Value> = organizers.iter().map(|o| entry(&o.organizer)).collect();
        output::list(&entries, self.json)
    }
}

fn entry(organizer: &Tenant) -> Value {
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
