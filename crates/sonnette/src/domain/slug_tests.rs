use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn takes_what_the_pattern_takes(slug in "[A-Za-z0-9][A-Za-z0-9.-]{0,49}") {
        let parsed: EventSlug = slug.parse().unwrap();
        prop_assert_eq!(parsed.as_str(), slug.as_str());
        prop_assert_eq!(parsed.to_string(), slug.clone());
        let json = serde_json::to_string(&parsed).unwrap();
        prop_assert_eq!(serde_json::from_str::<EventSlug>(&json).unwrap(), parsed);
        let organizer: OrganizerSlug = slug.parse().unwrap();
        prop_assert_eq!(organizer.as_str(), slug.as_str());
    }

    #[test]
    fn takes_nothing_else(text in "\\PC{0,60}") {
        let matches = (1..=50).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
        prop_assert_eq!(text.parse::<EventSlug>().is_ok(), matches);
    }
}

#[test]
fn case_and_length_matter() {
    let lower: EventSlug = "democon".parse().unwrap();
    let upper: EventSlug = "DemoCon".parse().unwrap();
    assert_ne!(lower, upper);
    assert!("a".repeat(50).parse::<EventSlug>().is_ok());
    for refused in ["", "-a", ".a", "a b", "a/b", "é", &"a".repeat(51)] {
        assert!(refused.parse::<OrganizerSlug>().is_err(), "{refused}");
    }
}
