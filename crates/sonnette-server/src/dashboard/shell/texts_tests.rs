use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_bundle::FluentResource;

use super::*;

/// All messages of these files with their variables.
fn messages(files: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut found = BTreeMap::new();
    for file in files {
        let resource = FluentResource::try_new((*file).to_owned());
        assert!(resource.is_ok(), "{:?}", resource.err().map(|(_, e)| e));
        let mut key = String::new();
        for line in file.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once(" =")
                && line.starts_with(|c: char| c.is_ascii_lowercase())
            {
                key = name.to_owned();
                let previous = found.insert(key.clone(), BTreeSet::new());
                assert!(previous.is_none(), "{key} is defined twice");
            }
            for variable in line.split('$').skip(1) {
                let end = variable.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                let variable = &variable[..end.unwrap_or(variable.len())];
                found
                    .entry(key.clone())
                    .or_default()
                    .insert(variable.to_owned());
            }
        }
    }
    found
}

/// All templates and source files of the dashboard.
fn sources() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/dashboard");
    let (mut folders, mut text) = (vec![root], String::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = path.extension().and_then(|e| e.to_str()).unwrap_or("");
            if path.is_dir() {
                folders.push(path);
            } else if matches!(kind, "rs" | "html" | "svg") && !path.ends_with("texts_tests.rs") {
                text += &std::fs::read_to_string(path).unwrap();
            }
        }
    }
    text
}

/// Prefixes of keys that the code completes with a word of the domain.
const COMPUTED_PREFIXES: &[&str] = &[
    "flash-",
    "permission-",
    "fault-",
    "outcome-",
    "advice-",
    "delivery-",
    "diagnosis-",
    "action-",
    "about-",
    "catalogue-dialect-",
    "catalogue-family-",
    "token-permission-",
    "audit-action-",
];

#[test]
fn both_languages_have_the_same_messages_with_the_same_variables() {
    assert_eq!(messages(ENGLISH), messages(FRENCH));
}

#[test]
fn every_key_that_is_used_is_defined() {
    let defined = messages(ENGLISH);
    let source: String = sources().split_whitespace().collect();
    let calls = ["get", "get_count", "get_with", "get_args"].map(|name| format!("texts.{name}(\""));
    let mut used = BTreeSet::new();
    for call in calls.iter().map(String::as_str).chain(["key:\""]) {
        for after in source.split(call).skip(1) {
            used.insert(after.split('"').next().unwrap().to_owned());
        }
    }
    assert!(used.len() > 300, "the calls are no longer found");
    let missing: Vec<_> = used
        .iter()
        .filter(|key| !defined.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_key_that_is_defined_is_used() {
    let text = sources();
    let unused: Vec<_> = messages(ENGLISH)
        .into_keys()
        .filter(|key| {
            !text.contains(&format!("\"{key}\""))
                && !COMPUTED_PREFIXES
                    .iter()
                    .any(|prefix| key.starts_with(prefix))
        })
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn numbers_are_formatted_for_the_language() {
    let (en, fr) = (Texts::of(Language::English), Texts::of(Language::French));
    assert_eq!(en.number(1_234_567_u64), "1,234,567");
    assert_eq!(fr.number(12_345_u64), "12\u{202f}345");
    assert_eq!(en.number(9_999_u64), "9999");
    assert_eq!(en.percent(0.999_96), "99.9%");
    assert_eq!(fr.percent(0.5), "50\u{202f}%");
    assert_eq!(en.percent(1.0), "100%");
    assert_eq!(fr.duration(Duration::from_millis(1_234)), "1,23 s");
    assert_eq!(en.duration(Duration::from_micros(42_300)), "42 ms");
}

#[test]
fn durations_use_their_largest_unit() {
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let (en, fr) = (Texts::of(Language::English), Texts::of(Language::French));
    assert_eq!(en.time_between(at(0), at(40)), "40 s");
    assert_eq!(en.time_between(at(600), at(0)), "10 min");
    assert_eq!(fr.time_between(at(0), at(3 * 86_400)), "3 j");
}
