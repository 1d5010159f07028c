use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_bundle::FluentResource;

use super::*;

/// Every message of these files with the variables in it.
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
                let twice = found.insert(key.clone(), BTreeSet::new());
                assert!(twice.is_none(), "{key} is there twice");
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

/// The text of every template and source file of the dashboard.
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

/// Keys that sources put together from a beginning and a word of the domain: the beginnings.
const FAMILIES: &[&str] = &[
    "said-",
    "permission-",
    "fault-",
    "told-",
    "advice-",
    "delivery-",
    "diagnosis-",
    "action-",
    "about-",
    "catalogue-dialect-",
    "catalogue-family-",
    "token-may-",
    "audit-action-",
];

#[test]
fn both_languages_have_the_same_messages_with_the_same_variables() {
    assert_eq!(messages(ENGLISH), messages(FRENCH));
}

#[test]
fn every_message_that_is_said_is_there() {
    let known = messages(ENGLISH);
    let text = sources();
    let mut said = BTreeSet::new();
    for call in [".t(\"", ".n(\"", ".a(\"", ".say(\"", ".t(&\"", "key: \""] {
        for after in text.split(call).skip(1) {
            said.insert(after.split('"').next().unwrap().to_owned());
        }
    }
    let missing: Vec<_> = said
        .iter()
        .filter(|key| !known.contains_key(*key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_message_that_is_there_is_said() {
    let text = sources();
    let unsaid: Vec<_> = messages(ENGLISH)
        .into_keys()
        .filter(|key| {
            !text.contains(&format!("\"{key}\""))
                && !FAMILIES.iter().any(|family| key.starts_with(family))
        })
        .collect();
    assert!(unsaid.is_empty(), "{unsaid:?}");
}

#[test]
fn numbers_are_written_as_people_do() {
    let (en, fr) = (Words::of(Language::English), Words::of(Language::French));
    assert_eq!(en.number(1_234_567_u64), "1,234,567");
    assert_eq!(fr.number(12_345_u64), "12\u{202f}345");
    assert_eq!(en.number(9_999_u64), "9999");
    assert_eq!(en.percent(0.999_96), "99.9%");
    assert_eq!(fr.percent(0.5), "50\u{202f}%");
    assert_eq!(en.percent(1.0), "100%");
    assert_eq!(fr.took(Duration::from_millis(1_234)), "1,23 s");
    assert_eq!(en.took(Duration::from_micros(42_300)), "42 ms");
}

#[test]
fn spans_are_in_their_largest_unit() {
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let (en, fr) = (Words::of(Language::English), Words::of(Language::French));
    assert_eq!(en.span(at(0), at(40)), "40 s");
    assert_eq!(en.span(at(600), at(0)), "10 min");
    assert_eq!(fr.span(at(0), at(3 * 86_400)), "3 j");
}
