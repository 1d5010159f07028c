//! What pretix does with the headers of a request.

use http::{HeaderMap, StatusCode, header};

use super::error::ApiError;

/// The words of pretix where there is no token.
pub(crate) const NOT_PROVIDED: &str = "Authentication credentials were not provided.";

/// The value in `Authorization: Token <value>` (pretix facts §2).
pub(crate) fn token_text(headers: &HeaderMap) -> Result<&str, ApiError> {
    let refused = |text| Err(ApiError::Unauthenticated(text));
    let Some(header) = headers.get(header::AUTHORIZATION) else {
        return refused(NOT_PROVIDED);
    };
    let mut words = header.as_bytes().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let scheme = words.next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case(b"device") && words.next().is_some() {
        return refused("Invalid token.");
    }
    if !scheme.eq_ignore_ascii_case(b"token") {
        return refused(NOT_PROVIDED);
    }
    match (words.next(), words.next()) {
        (None, _) => refused("Invalid token header. No credentials provided."),
        (Some(_), Some(_)) => refused("Invalid token header. Token string should not contain spaces."),
        (Some(value), None) => std::str::from_utf8(value).map_err(|_| {
            ApiError::Unauthenticated("Invalid token header. Token string should not contain invalid characters.")
        }),
    }
}

/// Whether JSON, or what `also` names, may be answered (pretix facts §5).
pub(crate) fn check_accept(headers: &HeaderMap, query: Option<&str>, also: Option<&str>) -> Result<(), ApiError> {
    let mut formats = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()).filter(|(key, _)| key == "format");
    if let Some((_, format)) = formats.by_ref().last() {
        return if format == "json" { Ok(()) } else { Err(ApiError::not_found()) };
    }
    let mut accepts = headers.get_all(header::ACCEPT).iter().peekable();
    if accepts.peek().is_none() {
        return Ok(());
    }
    let fits = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        ["application/json", "application/*", "*/*"].iter().any(|known| range.eq_ignore_ascii_case(known))
            || also.is_some_and(|also| range.eq_ignore_ascii_case(also))
    };
    if accepts.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(fits) {
        return Ok(());
    }
    let detail = "Could not satisfy the request Accept header.";
    Err(ApiError::Detail(StatusCode::NOT_ACCEPTABLE, detail.to_owned()))
}

/// Whether the body is JSON by its `Content-Type`.
pub(crate) fn check_content_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = given.split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = format!("Unsupported media type \"{given}\" in request.");
    Err(ApiError::Detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn with(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn reads_tokens_as_pretix_does() {
        let text = |value| token_text(&with(header::AUTHORIZATION, value)).map(str::to_owned);
        assert_eq!(text("Token abc"), Ok("abc".to_owned()));
        assert_eq!(text("tOKEN    abc "), Ok("abc".to_owned()));
        assert_eq!(text("Basic abc"), Err(ApiError::Unauthenticated(NOT_PROVIDED)));
        assert_eq!(text("abc"), Err(ApiError::Unauthenticated(NOT_PROVIDED)));
        assert_eq!(text("Device abc"), Err(ApiError::Unauthenticated("Invalid token.")));
        assert!(matches!(text("Token"), Err(ApiError::Unauthenticated(t)) if t.contains("No credentials")));
        assert!(matches!(text("Token a b"), Err(ApiError::Unauthenticated(t)) if t.contains("spaces")));
        assert_eq!(token_text(&HeaderMap::new()), Err(ApiError::Unauthenticated(NOT_PROVIDED)));
    }

    #[test]
    fn accepts_json_only() {
        let accepts = |value| check_accept(&with(header::ACCEPT, value), None, None).is_ok();
        assert!(accepts("text/html, application/json;q=0.1"));
        assert!(accepts("*/*"));
        assert!(!accepts("text/html"));
        assert!(check_accept(&HeaderMap::new(), Some("format=json"), None).is_ok());
        assert_eq!(check_accept(&HeaderMap::new(), Some("format=xml"), None), Err(ApiError::not_found()));
    }
}
