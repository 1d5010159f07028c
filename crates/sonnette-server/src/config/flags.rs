//! The settings as flags of every command.

use clap::builder::NonEmptyStringValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::definitions::{Kind, SETTINGS, Setting};

const HELP_HEADING: &str = "Settings (flag, variable, or line of the configuration file)";
const CONFIG: &str = "config";

/// The flags of the command line: keys of settings with their texts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags {
    /// The path of the configuration file.
    pub(super) config: Option<String>,
    pub(super) given: Vec<(&'static str, Vec<String>)>,
}

impl Flags {
    /// Whether the setting is given as a flag.
    pub(crate) fn is_given(&self, key: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == key)
    }

    /// The settings that are given as flags.
    pub(crate) fn given_settings(&self) -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| self.is_given(setting.key))
    }
}

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let config = argument(CONFIG, CONFIG)
            .value_name("FILE")
            .help("Configuration file (TOML) [env: SONNETTE_CONFIG]");
        SETTINGS
            .iter()
            .fold(command.arg(config), |command, setting| {
                let argument = argument(setting.key, setting.flag())
                    .value_name(setting.value)
                    .help(format!("{} [env: {}]", setting.help, setting.variable()));
                command.arg(match setting.kind {
                    Kind::List => argument.action(ArgAction::Append),
                    Kind::Switch => argument
                        .num_args(0..=1)
                        .require_equals(true)
                        .default_missing_value("true"),
                    Kind::Text | Kind::Number => argument,
                })
            })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(id: &'static str, long: impl Into<clap::builder::Str>) -> Arg {
    Arg::new(id)
        .long(long)
        .global(true)
        .hide_short_help(true)
        .help_heading(HELP_HEADING)
        .value_parser(NonEmptyStringValueParser::new())
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let texts = |id: &str| -> Vec<String> {
            matches
                .get_many(id)
                .into_iter()
                .flatten()
                .cloned()
                .collect()
        };
        let given = SETTINGS
            .iter()
            .map(|setting| (setting.key, texts(setting.key)))
            .filter(|(_, texts)| !texts.is_empty())
            .collect();
        Ok(Self {
            config: texts(CONFIG).pop(),
            given,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
