//! JSON values compared by value: a text that is the same for equal values, however they are written.
//!
//! Numbers are compared by their decimal text, not as doubles.

use std::borrow::Cow;

use serde_json::{Number, Value};

/// The most zeros that a whole number is written out with.
const MAX_ZEROS: i128 = 20;

/// Keys in order, no white space, and each number in one form: `1.0`, `1` and `10e-1` have the same text.
pub(crate) fn text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text, &|number| normalize(number.as_str()));
    text
}

/// The text of version 0.1, which compared numbers as doubles.
pub(crate) fn double_precision_text(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text, &|number| {
        Cow::Owned(double_precision(number.as_str()))
    });
    text
}

/// Whether two numbers have the same value.
pub(super) fn is_same_number(one: &Number, other: &Number) -> bool {
    one == other || normalize(one.as_str()) == normalize(other.as_str())
}

fn write<'a>(
    value: &'a Value,
    into: &mut String,
    number_text: &dyn Fn(&'a Number) -> Cow<'a, str>,
) {
    match value {
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            into.push('{');
            for (key, value) in sorted {
                into.push_str(&Value::from(key.as_str()).to_string());
                into.push(':');
                write(value, into, number_text);
                into.push(',');
            }
            into.push('}');
        }
        Value::Array(items) => {
            into.push('[');
            for item in items {
                write(item, into, number_text);
                into.push(',');
            }
            into.push(']');
        }
        Value::Number(number) => into.push_str(&number_text(number)),
        other => into.push_str(&other.to_string()),
    }
}

/// One text for all ways to write a number: digits for a whole number, else the digits without trailing zeros and the
/// exponent of the last.
pub(super) fn normalize(number: &str) -> Cow<'_, str> {
    let is_plain = |digits: &str| {
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && (!digits.starts_with('0') || digits == "0")
    };
    if number.len() <= MAX_ZEROS as usize && is_plain(number) {
        return Cow::Borrowed(number);
    }
    let (sign, unsigned) = match number.strip_prefix('-') {
        Some(unsigned) => ("-", unsigned),
        None => ("", number),
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i128>()),
        None => (unsigned, Ok(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let digits = digits.trim_start_matches('0');
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Cow::Borrowed("0");
    }
    // An exponent that long belongs to a number that is nearly zero; it stays as it is written.
    let Ok(exponent) = exponent else {
        return Cow::Borrowed(number);
    };
    let dropped = digits.len() - significant.len();
    let places = i128::try_from(dropped).unwrap_or(i128::MAX);
    let fraction = i128::try_from(fraction.len()).unwrap_or(i128::MAX);
    let exponent = exponent.saturating_sub(fraction).saturating_add(places);
    Cow::Owned(match usize::try_from(exponent) {
        Ok(zeros) if exponent <= MAX_ZEROS => format!("{sign}{significant}{}", "0".repeat(zeros)),
        _ => format!("{sign}{significant}e{exponent}"),
    })
}

/// The text of a number as version 0.1 wrote it for comparison.
fn double_precision(number: &str) -> String {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.to_string();
    }
    if let Ok(whole) = number.parse::<i64>() {
        return whole.to_string();
    }
    let float: f64 = serde_json::from_str(number).unwrap_or_default();
    if float.fract() == 0.0 && float.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        return (float as i64).to_string();
    }
    Number::from_f64(float).map_or_else(|| number.to_owned(), |number| number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_for_one_value() {
        for (numbers, text) in [
            (&["1", "1.0", "10e-1", "1E0", "0.1e1", "1.000e+0"][..], "1"),
            (
                &[
                    "0",
                    "-0",
                    "0.0",
                    "-0e5",
                    "0e999999999999999999999999999999999999999999",
                ],
                "0",
            ),
            (&["100", "1e2", "100.00", "1.0E+2"], "100"),
            (&["-2.50", "-25e-1", "-0.25e1"], "-25e-1"),
            (&["1e30", "10e29"], "1e30"),
            (&["12345678901234567890123"], "12345678901234567890123"),
            (&["100000000000000000000000"], "1e23"),
        ] {
            for number in numbers {
                assert_eq!(normalize(number), *text, "{number}");
            }
        }
        assert_ne!(
            normalize("12345678901234567890123"),
            normalize("12345678901234567890124")
        );
        assert_ne!(normalize("0.1"), normalize("0.10000000000000000001"));
    }

    #[test]
    fn keys_have_one_order() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(
            text(&value(r#"{"b": [1.0, {"z": null, "y": "é"}], "a": 1e1}"#)),
            text(&value(r#"{"a":10,"b":[1,{"y":"\u00e9","z":null}]}"#))
        );
    }

    #[test]
    fn texts_of_version_0_1() {
        for (number, text) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("1e2", "100"),
            ("1.10", "1.1"),
            ("12345678901234567890123", "1.2345678901234568e+22"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(double_precision(number), text);
        }
    }
}
