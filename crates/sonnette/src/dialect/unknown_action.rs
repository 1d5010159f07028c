//! Why a name is not in a catalogue, for whoever gave it.

use std::cmp::Reverse;

use super::catalogue::Catalogue;
use super::definitions::dialect;
use crate::domain::DialectName;

/// The most similar names that are found.
const MAX_SIMILAR_NAMES: usize = 8;
/// The most characters of an unknown name that are repeated.
const MAX_SHOWN_CHARS: usize = 100;

/// Why a name is not in a catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnknownAction {
    /// The organizer does not have the dialect that its first word names.
    DialectOff(DialectName),
    /// Its dialect says what is wrong.
    Explained(String),
    /// It is a wildcard that pretix does not register; only those that are registered exist.
    PretixWildcard {
        /// The most similar names, wildcards first.
        similar: Vec<String>,
    },
    /// No such name.
    NoSuchName {
        /// The most similar names.
        similar: Vec<String>,
    },
}

impl Catalogue {
    /// Why this name is not in the catalogue.
    pub fn find_reason_unknown(&self, name: &str) -> UnknownAction {
        let short: String = name.chars().take(MAX_SHOWN_CHARS).collect();
        let first_word = name.split('.').next().unwrap_or_default();
        let named_dialect = first_word.parse::<DialectName>().ok();
        if let Some(named) = named_dialect.filter(|named| !self.has_dialect(*named)) {
            return UnknownAction::DialectOff(named);
        }
        let explain = named_dialect.and_then(|named| dialect(named).explain);
        if let Some(reason) = explain.and_then(|explain| explain(&short)) {
            return UnknownAction::Explained(reason);
        }
        let similar = self.similar_names(&short, first_word);
        if named_dialect == Some(DialectName::Pretix) && name.ends_with('*') {
            UnknownAction::PretixWildcard { similar }
        } else {
            UnknownAction::NoSuchName { similar }
        }
    }

    /// The error text of a publication or a test of a name that is not in the catalogue; a long name is cut.
    pub fn explain_unknown(&self, name: &str) -> String {
        let short: String = name.chars().take(MAX_SHOWN_CHARS).collect();
        let reason = match self.find_reason_unknown(name) {
            UnknownAction::DialectOff(dialect) => format!(
                "the dialect {dialect} is off for this organizer; an operator adds it to its dialects."
            ),
            UnknownAction::Explained(reason) => reason,
            _ if name.ends_with('*') => {
                "a wildcard selects action types for a webhook, and cannot be sent itself."
                    .to_owned()
            }
            UnknownAction::PretixWildcard { .. } | UnknownAction::NoSuchName { .. } => {
                return format!("Unknown action type \"{short}\".");
            }
        };
        format!("Unknown action type \"{short}\": {reason}")
    }

    /// The names with the longest beginning and end in common with `name`; of the same kind, wildcard or not, first.
    fn similar_names(&self, name: &str, first_word: &str) -> Vec<String> {
        let mut similar: Vec<(bool, Reverse<usize>, &str)> = self
            .iter()
            .map(|known| known.name.as_str())
            .filter(|known| common_prefix_chars(known, name) > first_word.len())
            .map(|known| {
                let is_other_kind = known.ends_with('*') != name.ends_with('*');
                let common = common_prefix_chars(known, name) + common_suffix_chars(known, name);
                (is_other_kind, Reverse(common), known)
            })
            .collect();
        similar.sort_by_key(|(is_other_kind, common, _)| (*is_other_kind, *common));
        let names = similar.into_iter().map(|(_, _, known)| known.to_owned());
        names.take(MAX_SIMILAR_NAMES).collect()
    }
}

fn common_prefix_chars(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(a, b)| a == b).count()
}

fn common_suffix_chars(one: &str, other: &str) -> usize {
    let pairs = one.chars().rev().zip(other.chars().rev());
    pairs.take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(dialects: &[DialectName], name: &str) -> UnknownAction {
        Catalogue::new(dialects, &[]).find_reason_unknown(name)
    }

    #[test]
    fn the_dialect_that_is_off_is_named() {
        let pretix = [DialectName::Pretix, DialectName::Custom];
        for (dialects, name, off) in [
            (&pretix[..], "tibillet.reservation", DialectName::Tibillet),
            (&pretix, "tibillet.*", DialectName::Tibillet),
            (&pretix, "creads.work.painted", DialectName::Creads),
            (
                &[DialectName::Tibillet],
                "pretix.event.order.paid",
                DialectName::Pretix,
            ),
        ] {
            assert_eq!(
                reason(dialects, name),
                UnknownAction::DialectOff(off),
                "{name}"
            );
            let text = Catalogue::new(dialects, &[]).explain_unknown(name);
            assert!(
                text.contains(&format!("the dialect {off} is off")),
                "{text}"
            );
        }
    }

    #[test]
    fn similar_names_begin_and_end_alike() {
        let dialects = [DialectName::Pretix];
        let UnknownAction::NoSuchName { similar } = reason(&dialects, "pretix.event.orders.paid")
        else {
            panic!("it is a name");
        };
        assert_eq!(similar[0], "pretix.event.order.paid");
        for wildcard in ["pretix.event.order.*", "pretix.*"] {
            let UnknownAction::PretixWildcard { similar } = reason(&dialects, wildcard) else {
                panic!("it is a wildcard");
            };
            assert_eq!(similar[0], "pretix.event.order.changed.*");
            assert_eq!(similar.len(), MAX_SIMILAR_NAMES);
        }
        let none = UnknownAction::NoSuchName {
            similar: Vec::new(),
        };
        assert_eq!(reason(&dialects, "no.such"), none);
    }

    #[test]
    fn a_wildcard_cannot_be_published() {
        let catalogue = Catalogue::new(&[DialectName::Pretix], &[]);
        let text = catalogue.explain_unknown("pretix.event.order.changed.*");
        assert!(text.contains("cannot be sent itself"), "{text}");
        assert_eq!(
            catalogue.explain_unknown("pretix.x"),
            "Unknown action type \"pretix.x\"."
        );
    }
}
