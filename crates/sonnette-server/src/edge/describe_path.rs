//! The response to OPTIONS.

use axum::response::Response;
use serde_json::json;

use super::response;

/// The description of a route, in the shape of Django REST framework.
pub(crate) fn describe(template: &str) -> Response {
    let words = template
        .trim_end_matches('/')
        .rsplit('/')
        .find(|word| !word.starts_with('{'))
        .unwrap_or_default();
    let mut name = String::new();
    for word in words.split('_') {
        let (first, rest) = word.split_at(word.len().min(1));
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    response::ok(&json!({
        "name": name,
        "description": "",
        "renders": ["application/json"],
        "parses": ["application/json"],
    }))
}
