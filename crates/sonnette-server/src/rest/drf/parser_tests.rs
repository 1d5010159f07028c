use proptest::prelude::*;

use super::*;
use crate::rest::drf::python::repr;

#[test]
fn lenient_where_pretix_is() {
    for (text, written) in [
        ("NaN", "nan"),
        ("[Infinity,-Infinity]", "[inf, -inf]"),
        ("{\"a\":NaN}", "{'a': nan}"),
        ("-", "0"),
        ("-0", "0"),
        ("007", "7"),
        ("-01", "-1"),
        ("1.", "1.0"),
        ("1.e5", "100000.0"),
        ("1E400", "inf"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("\"\n\u{1}\\/\"", "'\\n\\x01/'"),
        ("\"\\ud83c\\udf89\"", "'🎉'"),
        ("{\"a\":1,\"b\":2,\"a\":3}", "{'a': 3, 'b': 2}"),
        (" \t\r\n[ 1 , 2 ] ", "[1, 2]"),
    ] {
        assert_eq!(
            parse(text).map(|value| repr(&value)).as_deref(),
            Ok(written),
            "{text}"
        );
    }
}

#[test]
fn lone_surrogates_are_found() {
    for (text, chars, lone) in [
        ("\"\\ud83c\"", "\u{fffd}", Some(0xD83C)),
        ("\"a\\uDC00b\\ud800\"", "a\u{fffd}b\u{fffd}", Some(0xDC00)),
        ("\"\\ud83c\\u0041\"", "\u{fffd}A", Some(0xD83C)),
        ("\"\\ud83c\\ud83c\\udf89\"", "\u{fffd}🎉", Some(0xD83C)),
        ("\"\\ufffd\"", "\u{fffd}", None),
    ] {
        let Ok(Json::Str(found)) = parse(text) else {
            panic!("{text}");
        };
        assert_eq!((found.chars.as_str(), found.lone_surrogate), (chars, lone));
    }
}

#[test]
fn errors_have_pretixs_words() {
    let array_1 = "Unexpected character found when decoding array value (1)";
    let array_2 = "Unexpected character found when decoding array value (2)";
    for (text, message) in [
        ("", EXPECTED),
        ("  ", EXPECTED),
        ("\u{feff}{}", EXPECTED),
        ("{", EXPECTED),
        ("[1,", EXPECTED),
        ("{\"a\":", EXPECTED),
        ("{a:1}", EXPECTED),
        ("'a'", EXPECTED),
        ("+1", EXPECTED),
        (".5", EXPECTED),
        ("\0", EXPECTED),
        ("[1", array_2),
        ("[1 2]", array_2),
        ("[1,]", array_1),
        ("{\"a\"", "No ':' found when decoding object value"),
        ("{\"a\":1", AFTER_VALUE),
        ("{\"a\":1,}", AFTER_VALUE),
        (
            "{1:2}",
            "Key name of object must be 'string' when decoding 'object'",
        ),
        ("{} x", "Trailing data"),
        ("{}}", "Trailing data"),
        ("1e", "Trailing data"),
        ("-NaN", "Trailing data"),
        ("{}\0", "Trailing data"),
        ("nul", "Unexpected character found when decoding 'null'"),
        ("Inf", "Unexpected character found when decoding 'Infinity'"),
        ("\"a", "Unmatched '\"' when decoding 'string'"),
        ("\"a\0b\"", "Unmatched '\"' when decoding 'string'"),
        (
            "\"\\",
            "Unterminated escape sequence when decoding 'string'",
        ),
        (
            "\"\\x\"",
            "Unrecognized escape sequence when decoding 'string'",
        ),
        ("\"\\u12g4\"", ESCAPE),
    ] {
        assert_eq!(parse(text), Err(message), "{text:?}");
    }
}

#[test]
fn bodies_that_are_no_utf8_say_where() {
    for (body, why) in [
        (
            &b"\xff"[..],
            "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
        (
            b"{\"a\":\"\xc3\"}",
            "'utf-8' codec can't decode byte 0xc3 in position 6: invalid continuation byte",
        ),
        (
            b"\xed\xa0\x80",
            "'utf-8' codec can't decode byte 0xed in position 0: invalid continuation byte",
        ),
        (
            b"a\xf0\x9f\"",
            "'utf-8' codec can't decode bytes in position 1-2: invalid continuation byte",
        ),
        (
            b"\xe2\x82",
            "'utf-8' codec can't decode bytes in position 0-1: unexpected end of data",
        ),
        (
            b"\xc3",
            "'utf-8' codec can't decode byte 0xc3 in position 0: unexpected end of data",
        ),
        (
            b"\xc0\x80",
            "'utf-8' codec can't decode byte 0xc0 in position 0: invalid start byte",
        ),
    ] {
        let error = parse_body(body).unwrap_err();
        assert_eq!(error.body["detail"], format!("JSON parse error - {why}"));
    }
    assert_eq!(parse_body(b""), Ok(Json::Object(Vec::new())));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(parse(&nested(1024)).is_ok());
    assert_eq!(
        parse(&nested(1025)),
        Err("Reached object decoding depth limit")
    );
    assert!(parse(&"{\"a\":".repeat(100_000)).is_err());
}

fn same(ours: &Json, theirs: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (ours, theirs) {
        (Json::Null, Value::Null) => true,
        (Json::Bool(a), Value::Bool(b)) => a == b,
        (Json::Int(digits), Value::Number(number)) => *digits == number.to_string(),
        (Json::Float(float), Value::Number(number)) => number
            .as_f64()
            .is_some_and(|other| (float - other).abs() <= f64::EPSILON * other.abs()),
        (Json::Str(text), Value::String(other)) => {
            text.chars == *other && text.lone_surrogate.is_none()
        }
        (Json::List(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Json::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(&key.chars).is_some_and(|b| same(value, b)))
        }
        _ => false,
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e300..1e300).prop_map(Into::<serde_json::Value>::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            proptest::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn valid_json_is_read_as_serde_reads_it(value in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let parsed = parse(&text.unwrap());
        prop_assert!(parsed.as_ref().is_ok_and(|ours| same(ours, &value)), "{parsed:?}");
    }

    #[test]
    fn nothing_panics(text in "[\\[\\]{},:\"\\\\u0-9dDcCeE.+\\-nulltrefasNIy ä]{0,40}") {
        let lenient = parse(&text);
        if serde_json::from_str::<serde_json::Value>(&text).is_ok() {
            prop_assert!(lenient.is_ok(), "{text}");
        }
    }

    #[test]
    fn bytes_never_panic(bytes: Vec<u8>) {
        let _ = parse_body(&bytes);
    }
}
