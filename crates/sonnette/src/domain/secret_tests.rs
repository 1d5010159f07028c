use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn keys_of_24_to_64_bytes_and_no_others(key in proptest::collection::vec(any::<u8>(), 0..80)) {
        let text = format!("whsec_{}", STANDARD.encode(&key));
        match text.parse::<Secret>() {
            Ok(secret) => {
                prop_assert!((24..=64).contains(&key.len()));
                prop_assert_eq!(secret.key(), &key[..]);
                prop_assert_eq!(secret.text(), text);
            }
            Err(InvalidSecret) => prop_assert!(!(24..=64).contains(&key.len())),
        }
    }

    #[test]
    fn a_random_secret_is_parsed_back_and_not_in_debug(bytes in any::<[u8; 32]>()) {
        let secret = Secret::from_random(bytes);
        prop_assert_eq!(&secret.text().parse::<Secret>().unwrap(), &secret);
        prop_assert_eq!(format!("{secret:?}"), "whsec_***");
    }

    #[test]
    fn the_previous_secret_signs_until_its_time(until in 0_i64..100, now in 0_i64..100) {
        let second = |s| Timestamp::from_second(s).unwrap();
        let (new, old) = (Secret::from_random([1; 32]), Secret::from_random([2; 32]));
        let secrets = Secrets { current: new.clone(), previous: Some((old.clone(), second(until))) };
        let signing: Vec<_> = secrets.in_force(second(now)).collect();
        if now < until {
            prop_assert_eq!(signing, [&new, &old]);
        } else {
            prop_assert_eq!(signing, [&new]);
        }
    }
}

#[test]
fn other_notations_are_refused() {
    let key = STANDARD.encode([7; 32]);
    for text in [
        "",
        "whsec_",
        &key,
        &format!("whpk_{key}"),
        &format!("whsec_{key} "),
        &format!("whsec_{}", &key[1..]),
    ] {
        assert!(text.parse::<Secret>().is_err(), "{text}");
    }
}
