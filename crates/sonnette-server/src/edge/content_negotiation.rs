//! Whether the client accepts JSON.

use http::StatusCode;

use super::error::ApiError;

/// Checks that the client accepts JSON: the `format` of the query first, then `Accept`.
///
/// # Errors
/// 404 for another `format`, 406 for other media types.
pub(crate) fn negotiate(format: Option<&str>, accept: Option<&str>) -> Result<(), ApiError> {
    if format.is_some_and(|format| !format.is_empty() && format != "json") {
        return Err(ApiError::not_found());
    }
    let acceptable = accept
        .unwrap_or("*/*")
        .split(',')
        .any(|range| media_range_matches(range, "application", "json"));
    if acceptable {
        return Ok(());
    }
    Err(ApiError::Detail(
        StatusCode::NOT_ACCEPTABLE,
        "Could not satisfy the request Accept header.".to_owned(),
    ))
}

/// Whether a media range covers a type. Parameters are ignored.
pub(crate) fn media_range_matches(range: &str, main: &str, sub: &str) -> bool {
    let range = range.split(';').next().unwrap_or_default().trim();
    let (range_main, range_sub) = range.split_once('/').unwrap_or((range, ""));
    let covers = |part: &str, name: &str| part == "*" || part.eq_ignore_ascii_case(name);
    covers(range_main, main) && covers(range_sub, sub)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_must_be_acceptable() {
        for accept in [
            None,
            Some("*/*"),
            Some("application/json"),
            Some("APPLICATION/JSON"),
            Some("application/*"),
            Some("application/json; indent=4"),
            Some("text/html, application/xhtml+xml , */*;q=0.8"),
            Some("application/json, text/javascript"),
        ] {
            assert_eq!(negotiate(None, accept), Ok(()), "{accept:?}");
            assert_eq!(negotiate(Some("json"), accept), Ok(()));
            assert_eq!(negotiate(Some(""), accept), Ok(()));
            assert_eq!(negotiate(Some("api"), accept), Err(ApiError::not_found()));
        }
        for accept in ["text/html", "application/xml", "text/*", "", "*", "json"] {
            let refusal = negotiate(None, Some(accept)).unwrap_err();
            let expected = ApiError::Detail(
                StatusCode::NOT_ACCEPTABLE,
                "Could not satisfy the request Accept header.".to_owned(),
            );
            assert_eq!(refusal, expected, "{accept}");
        }
    }
}
