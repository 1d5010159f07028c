//! The data of an audit entry: the request body without its secrets.

use serde_json::{Map, Number, Value};
use sonnette::domain::TargetUrl;

use crate::rest::drf::json::Json;

const MASK: &str = "********";

/// A request body with its secrets masked and without the credentials of its `target_url`.
pub(super) fn mask_secrets(json: &Json) -> Value {
    let Json::Object(members) = json else {
        return Value::Object(Map::new());
    };
    let members = members.iter().map(|(key, value)| {
        let name = key.chars.as_str();
        let value = if name == "target_url" {
            without_credentials(value)
        } else {
            masked(name, value)
        };
        (name.to_owned(), value)
    });
    Value::Object(members.collect())
}

fn without_credentials(value: &Json) -> Value {
    match value {
        Json::Str(text) => match text.chars.trim().parse::<TargetUrl>() {
            Ok(url) => url.redacted().into(),
            Err(_) => MASK.into(),
        },
        _ => Value::Null,
    }
}

fn masked(name: &str, value: &Json) -> Value {
    let name = name.to_ascii_lowercase();
    if ["password", "secret", "api_key"]
        .iter()
        .any(|word| name.contains(word))
    {
        return MASK.into();
    }
    match value {
        Json::Null => Value::Null,
        Json::Bool(value) => (*value).into(),
        Json::Int(digits) => digits
            .parse::<i64>()
            .map_or_else(|_| digits.clone().into(), Value::from),
        Json::Float(number) => Number::from_f64(*number).map_or(Value::Null, Value::Number),
        Json::Str(text) => text.chars.clone().into(),
        Json::List(items) => items.iter().map(|item| masked("", item)).collect(),
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| (key.chars.clone(), masked(&key.chars, value)));
            Value::Object(members.collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::drf::parser;

    #[test]
    fn keeps_no_secrets() {
        let body = br#"{"target_url": "https://u:p@a.example/x", "comment": 5, "my_Secret": "s", "x": {"password": 1}}"#;
        let kept = mask_secrets(&parser::parse_body(body).unwrap());
        assert_eq!(
            kept.to_string(),
            r#"{"target_url":"https://a.example/x","comment":5,"my_Secret":"********","x":{"password":"********"}}"#
        );
    }
}
