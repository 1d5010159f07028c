//! Labels and descriptions of action types in the user's language. Registered action types have only the description that
//! they were registered with.

use sonnette::dialect::ActionType;

use crate::dashboard::shell::texts::Texts;

/// The label of an action type; its description if it has none.
pub(crate) fn label(texts: &Texts, catalogue_entry: &ActionType) -> String {
    let label = catalogue_entry
        .label
        .unwrap_or(&catalogue_entry.description);
    let label = if label.is_empty() {
        catalogue_entry.name.as_str()
    } else {
        label
    };
    translated(texts, "action", catalogue_entry, label)
}

/// When an action type is published; empty if the label says it.
pub(crate) fn description(texts: &Texts, catalogue_entry: &ActionType) -> String {
    match catalogue_entry.label {
        Some(_) => translated(
            texts,
            "about",
            catalogue_entry,
            &catalogue_entry.description,
        ),
        None => String::new(),
    }
}

/// The text with this prefix of an action type; `untranslated` if there is none.
fn translated(
    texts: &Texts,
    prefix: &str,
    catalogue_entry: &ActionType,
    untranslated: &str,
) -> String {
    let name = catalogue_entry.name.as_str().replace('*', "all");
    let key = format!("{prefix}-{}", name.replace(['.', '_'], "-"));
    let text = texts.get(&key);
    if text == key {
        untranslated.to_owned()
    } else {
        text.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use sonnette::dialect::Catalogue;
    use sonnette::domain::{DialectName, Language};

    use super::*;

    #[test]
    fn the_english_texts_are_those_of_the_catalogue() {
        let (english, french) = (Texts::of(Language::English), Texts::of(Language::French));
        for catalogue_entry in Catalogue::new(DialectName::ALL, &[]).iter() {
            let own = catalogue_entry
                .label
                .unwrap_or(&catalogue_entry.description);
            assert_eq!(label(english, catalogue_entry), own);
            assert_ne!(
                label(french, catalogue_entry),
                own,
                "{} is not translated",
                catalogue_entry.name
            );
            if catalogue_entry.label.is_some() {
                assert_eq!(
                    description(english, catalogue_entry),
                    catalogue_entry.description
                );
                assert_ne!(
                    description(french, catalogue_entry),
                    catalogue_entry.description,
                    "{}",
                    catalogue_entry.name
                );
            }
        }
    }
}
