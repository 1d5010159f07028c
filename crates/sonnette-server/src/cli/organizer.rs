//! `sonnette organizer`.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use sonnette::clock::{Clock as _, SystemClock};
use sonnette::domain::{
    DialectName, FailurePolicy, Language, Organizer as OrganizerRow, OrganizerSlug,
};

use super::{choices, local_store, output};
use crate::admin::Author;
use crate::admin::error::AdminError;
use crate::admin::organizers::{self, OrganizerPatch};
use crate::admin::validation::{self, MAX_NAME_CHARS, Violation};
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
    #[arg(long = "dialect", value_name = "DIALECT", value_parser = choices::parse_choice(DialectName::ALL))]
    dialects: Vec<DialectName>,
    /// Language of labels and mails: en or fr
    #[arg(long, default_value = "en", value_parser = choices::parse_choice(Language::ALL))]
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
        if let Some(name) = &self.name
            && validation::single_line(name, MAX_NAME_CHARS) == Err(Violation::ControlCharacter)
        {
            bail!("a name cannot contain control characters");
        }
        let store = local_store::open(settings)?;
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
            Ok(created) => {
                output::print_line(format_args!("created organizer {}", created.slug))?;
                output::print_line(failure_policy_sentence(&created))
            }
            Err(AdminError::Taken) => bail!("organizer {} already exists", self.slug),
            Err(error) => Err(error.into()),
        }
    }
}

impl List {
    fn run(&self, settings: &Settings) -> Result<()> {
        let store = local_store::open(settings)?;
        let organizers = local_store::organizers(&store)?;
        let entries: Vec<Value> = organizers.iter().map(|o| entry(&o.organizer)).collect();
        output::print_list(&entries, self.json)
    }
}

/// When the server disables failing webhooks of the organizer.
fn failure_policy_sentence(organizer: &OrganizerRow) -> String {
    match organizer.effective_failure_policy() {
        FailurePolicy::Never => {
            "failing webhooks stay enabled, unless the receiver answers 410 (failure_policy)"
                .to_owned()
        }
        FailurePolicy::After { failures, lasting } => format!(
            "webhooks are disabled after {failures} failures in a row over at least {} minutes (failure_policy)",
            lasting.as_mins()
        ),
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
