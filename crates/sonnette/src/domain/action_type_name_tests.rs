use proptest::prelude::*;

use super::*;

fn name(text: &str) -> ActionTypeName {
    text.parse().unwrap()
}

proptest! {
    #[test]
    fn takes_dotted_lower_case_words(text in "[a-z0-9_-]{1,9}(\\.[a-z0-9_-]{1,9}){1,5}(\\.\\*)?") {
        let parsed = name(&text);
        prop_assert_eq!(parsed.as_str(), text.as_str());
        prop_assert_eq!(parsed.is_wildcard(), text.ends_with(".*"));
        prop_assert_eq!(parsed.first_word(), text.split('.').next().unwrap());
        let json = serde_json::to_string(&parsed).unwrap();
        prop_assert_eq!(serde_json::from_str::<ActionTypeName>(&json).unwrap(), parsed);
    }

    #[test]
    fn a_name_covers_itself_and_a_wildcard_every_name_below_it(concrete in "[a-c]{1,2}(\\.[a-c]{1,2}){1,3}", filter in "[a-c]{1,2}(\\.[a-c]{1,2}){1,2}(\\.\\*)?") {
        let expected = match filter.strip_suffix(".*") {
            Some(stem) => concrete.strip_prefix(stem).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.')),
            None => filter == concrete,
        };
        prop_assert_eq!(name(&filter).matches(&concrete), expected);
    }

    #[test]
    fn wildcards_over_a_name_are_those_that_cover_it(concrete in "[a-c]{1,2}(\\.[a-c]{1,2}){1,4}") {
        let wildcards: Vec<_> = matching_wildcards(&concrete).collect();
        prop_assert_eq!(wildcards.len(), concrete.matches('.').count());
        prop_assert!(wildcards.windows(2).all(|two| two[0].len() > two[1].len()), "longest first");
        for wildcard in wildcards.iter().filter(|w| w.matches('.').count() > 1) {
            prop_assert!(name(wildcard).matches(&concrete), "{wildcard} over {concrete}");
        }
    }
}

#[test]
fn other_texts_are_no_action_names() {
    let long = format!("a.{}", "b".repeat(99));
    for text in [
        "", "order", "order.", ".placed", "a..b", "A.b", "a b.c", "a.*.b", "*", ".*", "a.b*",
        "ä.b", &long,
    ] {
        assert!(text.parse::<ActionTypeName>().is_err(), "{text}");
    }
    assert!(long[..100].parse::<ActionTypeName>().is_ok());
}
