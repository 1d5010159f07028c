//! What action types are called, and when they are published, in the viewer's language. Those that somebody registered
//! are in the words they were registered with.

use sonnette::dialect::ActionType;

use super::words::Words;

/// What an action type is called; without a name for people, when it is published.
pub(crate) fn label(w: &Words, spec: &ActionType) -> String {
    let own = spec.label.unwrap_or(&spec.description);
    let own = if own.is_empty() {
        spec.name.as_str()
    } else {
        own
    };
    said(w, "action", spec, own)
}

/// When it is published; empty where the label says it.
pub(crate) fn about(w: &Words, spec: &ActionType) -> String {
    match spec.label {
        Some(_) => said(w, "about", spec, &spec.description),
        None => String::new(),
    }
}

/// The message of an action type, or its `own` words where there is none.
fn said(w: &Words, what: &str, spec: &ActionType, own: &str) -> String {
    let name = spec.name.as_str().replace('*', "all");
    let key = format!("{what}-{}", name.replace(['.', '_'], "-"));
    let text = w.t(&key);
    if text == key {
        own.to_owned()
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
    fn the_messages_are_those_of_the_catalogue() {
        let (english, french) = (Words::of(Language::English), Words::of(Language::French));
        for spec in Catalogue::new(DialectName::ALL, &[]).iter() {
            let own = spec.label.unwrap_or(&spec.description);
            assert_eq!(label(english, spec), own);
            assert_ne!(label(french, spec), own, "{} is not translated", spec.name);
            if spec.label.is_some() {
                assert_eq!(about(english, spec), spec.description);
                assert_ne!(about(french, spec), spec.description, "{}", spec.name);
            }
        }
    }
}
