//! The choices of the form: action types in groups, and events.

use std::collections::{HashMap, HashSet};

use sonnette::dialect::{ActionType, Catalogue};
use sonnette::domain::{ActionTypeName, DialectName, Event, PayloadShape};

use crate::dashboard::action_types::labels;
use crate::dashboard::shell::texts::Texts;
use crate::dashboard::shell::time_element::DateTimeElement;

/// Events that the form lists, besides those that are chosen.
pub(super) const MAX_EVENTS: usize = 1_000;

/// An action type, or a wildcard over some.
pub(super) struct Choice {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) description: String,
    /// The concrete names of a registered wildcard; empty for others.
    pub(super) covers: String,
    pub(super) is_chosen: bool,
}

/// Action types that belong together.
pub(super) struct Group {
    pub(super) title: String,
    pub(super) choices: Vec<Choice>,
}

/// All action types.
pub(super) struct Choices {
    pub(super) groups: Vec<Group>,
    /// Whether there are names of pretix, whose wildcards are only those that it registers.
    pub(super) has_pretix: bool,
}

impl Choices {
    /// The action types of a catalogue in its order, with the wildcards that can be chosen. Chosen names that are not in
    /// the catalogue come first, if they are valid names.
    pub(super) fn new(catalogue: &Catalogue, chosen: &[String], texts: &Texts) -> Self {
        let chosen_names: HashSet<&str> = chosen.iter().map(String::as_str).collect();
        let is_chosen = |name: &str| chosen_names.contains(name);
        let prefix_counts = PrefixCounts::new(catalogue);
        let mut groups: Vec<Group> = Vec::new();
        let mut offered: HashSet<String> = HashSet::new();
        for catalogue_entry in catalogue.iter() {
            let title = group_title(catalogue_entry, texts);
            let index = groups.iter().position(|group| group.title == title);
            let index = index.unwrap_or_else(|| {
                groups.push(Group {
                    title,
                    choices: Vec::new(),
                });
                groups.len() - 1
            });
            for wildcard in prefix_counts.wildcards(catalogue, catalogue_entry) {
                if offered.insert(wildcard.clone()) {
                    groups[index].choices.push(Choice {
                        label: texts.get("form-wildcard").into_owned(),
                        description: texts
                            .get_with("form-wildcard-help", wildcard.trim_end_matches('*')),
                        covers: String::new(),
                        is_chosen: is_chosen(&wildcard),
                        name: wildcard,
                    });
                }
            }
            groups[index].choices.push(choice(
                catalogue_entry,
                is_chosen(catalogue_entry.name.as_str()),
                texts,
            ));
            offered.insert(catalogue_entry.name.to_string());
        }
        let is_valid_name = |name: &&String| name.parse::<ActionTypeName>().is_ok();
        let others = chosen.iter().filter(|name| !offered.contains(*name));
        let others = others.filter(is_valid_name);
        let others: Vec<_> = others
            .map(|name| Choice {
                name: name.clone(),
                label: name.clone(),
                description: String::new(),
                covers: String::new(),
                is_chosen: true,
            })
            .collect();
        if !others.is_empty() {
            let title = texts.get("form-group-others").into_owned();
            groups.insert(
                0,
                Group {
                    title,
                    choices: others,
                },
            );
        }
        let has_pretix = catalogue
            .iter()
            .any(|catalogue_entry| catalogue_entry.dialect == DialectName::Pretix);
        Self { groups, has_pretix }
    }
}

fn choice(catalogue_entry: &ActionType, is_chosen: bool, texts: &Texts) -> Choice {
    let covers = if catalogue_entry.name.is_wildcard() {
        let names = catalogue_entry.concrete_names();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        texts.get_with("form-covers", names.join(", "))
    } else {
        String::new()
    };
    Choice {
        name: catalogue_entry.name.to_string(),
        label: labels::label(texts, catalogue_entry),
        description: labels::description(texts, catalogue_entry),
        covers,
        is_chosen,
    }
}

/// The number of action types in a catalogue for each prefix, such as `creads.project.`.
struct PrefixCounts<'a>(HashMap<&'a str, usize>);

impl<'a> PrefixCounts<'a> {
    fn new(catalogue: &'a Catalogue) -> Self {
        let mut counts = HashMap::new();
        for catalogue_entry in catalogue.iter() {
            for prefix in prefixes(catalogue_entry) {
                *counts.entry(prefix).or_default() += 1;
            }
        }
        Self(counts)
    }

    /// The wildcards that cover this action type and others: `creads.*`, and `creads.project.*`. Those of pretix are
    /// names of the catalogue.
    fn wildcards(&self, catalogue: &Catalogue, catalogue_entry: &ActionType) -> Vec<String> {
        if catalogue_entry.dialect == DialectName::Pretix {
            return Vec::new();
        }
        prefixes(catalogue_entry)
            .filter(|prefix| self.0.get(prefix).is_some_and(|count| *count > 1))
            .map(|prefix| format!("{prefix}*"))
            .filter(|wildcard| catalogue.is_selectable(wildcard))
            .collect()
    }
}

fn prefixes(catalogue_entry: &ActionType) -> impl Iterator<Item = &str> {
    let name = catalogue_entry.name.as_str();
    name.match_indices('.').map(|(at, _)| &name[..=at])
}

fn group_title(catalogue_entry: &ActionType, texts: &Texts) -> String {
    let key = match (catalogue_entry.dialect, catalogue_entry.shape) {
        (DialectName::Tibillet, _) => "form-group-tibillet",
        (DialectName::Creads, _) => "form-group-creads",
        (DialectName::Custom, _) => {
            return texts.get_with("form-group-custom", catalogue_entry.name.first_word());
        }
        (DialectName::Pretix, shape) => match shape {
            PayloadShape::Order => "form-group-orders",
            PayloadShape::Checkin => "form-group-checkins",
            PayloadShape::Event => "form-group-events",
            PayloadShape::Subevent => "form-group-subevents",
            PayloadShape::Item => "form-group-items",
            PayloadShape::WaitingList => "form-group-waiting-list",
            PayloadShape::Voucher => "form-group-vouchers",
            PayloadShape::Customer => "form-group-customers",
            PayloadShape::GiftCard | PayloadShape::GiftCardTransaction => "form-group-gift-cards",
            _ => "form-group-others",
        },
    };
    texts.get(key).into_owned()
}

/// An event that a webhook may be limited to.
pub(super) struct EventChoice {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) date: Option<DateTimeElement>,
    pub(super) is_chosen: bool,
}

impl EventChoice {
    /// The first [`MAX_EVENTS`] events in pretix's order and all that are chosen; and whether there are more events.
    pub(super) fn list(events: &[Event], chosen: &[String]) -> (Vec<Self>, bool) {
        let chosen: HashSet<&str> = chosen.iter().map(String::as_str).collect();
        let is_chosen = |event: &Event| chosen.contains(event.slug.as_str());
        let of = |event: &Event| Self {
            slug: event.slug.to_string(),
            name: event.name.clone(),
            date: event.date_from.map(DateTimeElement),
            is_chosen: is_chosen(event),
        };
        let numbered = events.iter().enumerate();
        let shown = numbered.filter(|(index, event)| *index < MAX_EVENTS || is_chosen(event));
        let shown: Vec<_> = shown.map(|(_, event)| of(event)).collect();
        let has_more = shown.len() < events.len();
        (shown, has_more)
    }
}
