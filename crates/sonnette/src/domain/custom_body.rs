//! The bodies of custom action types: the action type and the time of publication around `data`.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::ActionTypeName;

const END: &str = "}";

/// The body with this `data`, which is a JSON text.
pub(crate) fn compose(action_type: &ActionTypeName, published_at: Timestamp, data: &str) -> String {
    let mut body = String::with_capacity(data.len() + 100);
    push_start(&mut body, action_type, published_at);
    body.push_str(data);
    body.push_str(END);
    body
}

/// What [`compose`] makes this body from. `None`: it does not make this body.
pub(crate) fn extract_data<'a>(
    body: &'a [u8],
    action_type: &ActionTypeName,
    published_at: Timestamp,
) -> Option<&'a str> {
    let mut start = String::with_capacity(100);
    push_start(&mut start, action_type, published_at);
    let data = body.strip_prefix(start.as_bytes())?;
    std::str::from_utf8(data.strip_suffix(END.as_bytes())?).ok()
}

fn push_start(body: &mut String, action_type: &ActionTypeName, published_at: Timestamp) {
    // Neither a name of an action type nor a time has a character that JSON escapes.
    body.push_str("{\"type\":\"");
    body.push_str(action_type.as_str());
    body.push_str("\",\"timestamp\":\"");
    // Some parsers want the same number of digits always.
    let _ = write!(body, "{published_at:.6}");
    body.push_str("\",\"data\":");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_composed_body_has_data() {
        let action_type: ActionTypeName = "ring.bell".parse().unwrap();
        let at = Timestamp::UNIX_EPOCH;
        let body = compose(&action_type, at, "{\"a\":1}");
        assert_eq!(
            body,
            "{\"type\":\"ring.bell\",\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"data\":{\"a\":1}}"
        );
        assert_eq!(
            extract_data(body.as_bytes(), &action_type, at),
            Some("{\"a\":1}")
        );
        assert_eq!(
            extract_data(body.as_bytes(), &action_type, Timestamp::MAX),
            None
        );
        assert_eq!(extract_data(&body.as_bytes()[..70], &action_type, at), None);
        assert_eq!(extract_data(b"", &action_type, at), None);
    }
}
