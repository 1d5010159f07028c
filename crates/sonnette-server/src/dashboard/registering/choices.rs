//! What there is to choose: action types in groups, and events.

use std::collections::{HashMap, HashSet};

use sonnette::dialect::{ActionType, Catalogue};
use sonnette::domain::{ActionName, DialectName, Event, PayloadShape};

use crate::dashboard::action_words;
use crate::dashboard::when::When;
use crate::dashboard::words::Words;

/// Events that are shown, but for those that are ticked.
pub(super) const MOST_EVENTS: usize = 1_000;

/// An action type, or a wildcard over some.
pub(super) struct Choice {
    /// As it is stored.
    pub(super) name: String,
    /// For people.
    pub(super) label: String,
    /// More of it.
    pub(super) about: String,
    /// Which concrete names it covers, if it is a registered wildcard.
    pub(super) covers: String,
    pub(super) chosen: bool,
}

/// Action types that belong together.
pub(super) struct Group {
    pub(super) title: String,
    pub(super) choices: Vec<Choice>,
}

/// All action types.
pub(super) struct Choices {
    pub(super) groups: Vec<Group>,
}

impl Choices {
    /// Those of a catalogue in its order, with wildcards where one may choose them; `chosen` ones are ticked. What was
    /// chosen and is not in the catalogue comes first, if it could be in one.
    pub(super) fn of(catalogue: &Catalogue, chosen: &[String], w: &Words) -> Self {
        let ticked: HashSet<&str> = chosen.iter().map(String::as_str).collect();
        let is_chosen = |name: &str| ticked.contains(name);
        let covered = Covered::by(catalogue);
        let mut groups: Vec<Group> = Vec::new();
        let mut offered: HashSet<String> = HashSet::new();
        for spec in catalogue.iter() {
            let title = title(spec, w);
            let index = groups.iter().position(|group| group.title == title);
            let index = index.unwrap_or_else(|| {
                groups.push(Group {
                    title,
                    choices: Vec::new(),
                });
                groups.len() - 1
            });
            for wildcard in covered.wildcards(catalogue, spec) {
                if offered.insert(wildcard.clone()) {
                    groups[index].choices.push(Choice {
                        label: w.t("form-wildcard").into_owned(),
                        about: w.a("form-wildcard-why", wildcard.trim_end_matches('*')),
                        covers: String::new(),
                        chosen: is_chosen(&wildcard),
                        name: wildcard,
                    });
                }
            }
            groups[index]
                .choices
                .push(choice(spec, is_chosen(spec.name.as_str()), w));
            offered.insert(spec.name.to_string());
        }
        let could_be = |name: &&String| name.parse::<ActionName>().is_ok();
        let others = chosen.iter().filter(|name| !offered.contains(*name));
        let others = others.filter(could_be);
        let others: Vec<_> = others
            .map(|name| Choice {
                name: name.clone(),
                label: name.clone(),
                about: String::new(),
                covers: String::new(),
                chosen: true,
            })
            .collect();
        if !others.is_empty() {
            let title = w.t("form-group-others").into_owned();
            groups.insert(
                0,
                Group {
                    title,
                    choices: others,
                },
            );
        }
        Self { groups }
    }
}

fn choice(spec: &ActionType, chosen: bool, w: &Words) -> Choice {
    let covers = if spec.name.is_wildcard() {
        let names = spec.concrete_names();
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        w.a("form-covers", names.join(", "))
    } else {
        String::new()
    };
    Choice {
        name: spec.name.to_string(),
        label: action_words::label(w, spec),
        about: action_words::about(w, spec),
        covers,
        chosen,
    }
}

/// How many action types of a catalogue begin with each stem, such as `creads.project.`.
struct Covered<'a>(HashMap<&'a str, usize>);

impl<'a> Covered<'a> {
    fn by(catalogue: &'a Catalogue) -> Self {
        let mut counts = HashMap::new();
        for spec in catalogue.iter() {
            for stem in stems(spec) {
                *counts.entry(stem).or_default() += 1;
            }
        }
        Self(counts)
    }

    /// Wildcards over this action type that stand before it: `creads.*`, and `creads.project.*` if it covers several.
    /// Those of pretix are registered names, and stand in the catalogue themselves.
    fn wildcards(&self, catalogue: &Catalogue, spec: &ActionType) -> Vec<String> {
        if spec.dialect == DialectName::Pretix {
            return Vec::new();
        }
        stems(spec)
            .filter(|stem| self.0.get(stem).is_some_and(|count| *count > 1))
            .map(|stem| format!("{stem}*"))
            .filter(|wildcard| catalogue.is_selectable(wildcard))
            .collect()
    }
}

fn stems(spec: &ActionType) -> impl Iterator<Item = &str> {
    let name = spec.name.as_str();
    name.match_indices('.').map(|(at, _)| &name[..=at])
}

fn title(spec: &ActionType, w: &Words) -> String {
    let key = match (spec.dialect, spec.shape) {
        (DialectName::Tibillet, _) => "form-group-tibillet",
        (DialectName::Creads, _) => "form-group-creads",
        (DialectName::Custom, _) => return w.a("form-group-custom", spec.name.first_word()),
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
    w.t(key).into_owned()
}

/// An event that a webhook may be limited to.
pub(super) struct EventChoice {
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) date: Option<When>,
    pub(super) chosen: bool,
}

impl EventChoice {
    /// The first of them in pretix's order, and all that are chosen; whether some are left out.
    pub(super) fn first(events: &[Event], chosen: &[String]) -> (Vec<Self>, bool) {
        let chosen: HashSet<&str> = chosen.iter().map(String::as_str).collect();
        let is_chosen = |event: &Event| chosen.contains(event.slug.as_str());
        let of = |event: &Event| Self {
            slug: event.slug.to_string(),
            name: event.name.clone(),
            date: event.date_from.map(When),
            chosen: is_chosen(event),
        };
        let numbered = events.iter().enumerate();
        let shown = numbered.filter(|(index, event)| *index < MOST_EVENTS || is_chosen(event));
        let shown: Vec<_> = shown.map(|(_, event)| of(event)).collect();
        let some_left_out = shown.len() < events.len();
        (shown, some_left_out)
    }
}
