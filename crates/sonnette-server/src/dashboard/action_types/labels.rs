//! Labels and descriptions of action types in the user's language. Registered action types have only the description that
//! they were registered with.

use sonnette::dialect::ActionType;

use crate::dashboard::shell::texts::Texts;

/// The label of an action type; its description if it has none.
pub(crate) fn label(texts: &Texts, spec: &ActionType) -> String {
    let label = spec.label.unwrap_or(&spec.description);
    let label = if label.is_empty() {
        spec.name.as_str()
    } else {
        label
    };
    translated(texts, "action", spec, label)
}

/// When an action type is published; empty if the label says it.
pub(crate) fn description(texts: &Texts, spec: &ActionType) -> String {
    match spec.label {
        Some(_) => translated(texts, "about", spec, &spec.description),
        None => String::new(),
    }
}

/// The text with this prefix of an action type; `untranslated` if there is none.
fn translated(texts: &Texts, prefix: &str, spec: &ActionType, untranslated: &str) -> String {
    let name = spec.name.as_str().replace('*', "all");
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
        for spec in Catalogue::new(DialectName::ALL, &[]).iter() {
            let own = spec.label.unwrap_or(&spec.description);
            assert_eq!(label(english, spec), own);
            assert_ne!(label(french, spec), own, "{} is not translated", spec.name);
            if spec.label.is_some() {
                assert_eq!(description(english, spec), spec.description);
                assert_ne!(description(french, spec), spec.description, "{}", spec.name);
            }
        }
    }
}
