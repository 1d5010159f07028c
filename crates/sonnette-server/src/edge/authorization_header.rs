//! Parses the `Authorization` header as pretix does.

/// Why a request is not authenticated. All are answered with 401 and `WWW-Authenticate: Token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthenticationError {
    /// There is no header, or it has another scheme.
    NotProvided,
    /// The scheme stands alone.
    NoCredentials,
    /// More than one word follows the scheme.
    Spaces,
    /// The token is not UTF-8.
    InvalidCharacters,
    /// The token does not exist.
    Unknown,
    /// The token is deactivated.
    Inactive,
}

impl AuthenticationError {
    /// The `detail` of the response.
    pub(crate) fn detail(self) -> &'static str {
        match self {
            Self::NotProvided => "Authentication credentials were not provided.",
            Self::NoCredentials => "Invalid token header. No credentials provided.",
            Self::Spaces => "Invalid token header. Token string should not contain spaces.",
            Self::InvalidCharacters => {
                "Invalid token header. Token string should not contain invalid characters."
            }
            Self::Unknown => "Invalid token.",
            Self::Inactive => "Token inactive or deleted.",
        }
    }
}

/// The token in the header.
///
/// pretix also has the scheme `Device`. Sonnette has no devices, so such a token never exists.
///
/// # Errors
/// Where the header has no token that can be looked up.
pub(crate) fn token_of(header: Option<&[u8]>) -> Result<&str, AuthenticationError> {
    let mut words = header
        .unwrap_or_default()
        .split(|byte| byte.is_ascii_whitespace() || *byte == 0x0b)
        .filter(|word| !word.is_empty());
    let scheme = words.next().ok_or(AuthenticationError::NotProvided)?;
    let is_device = scheme.eq_ignore_ascii_case(b"device");
    if !is_device && !scheme.eq_ignore_ascii_case(b"token") {
        return Err(AuthenticationError::NotProvided);
    }
    let value = words.next().ok_or(AuthenticationError::NoCredentials)?;
    if words.next().is_some() {
        return Err(AuthenticationError::Spaces);
    }
    let value = std::str::from_utf8(value).map_err(|_| AuthenticationError::InvalidCharacters)?;
    if is_device {
        Err(AuthenticationError::Unknown)
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_authorization_header() {
        use AuthenticationError as No;
        for (header, expected) in [
            ("Token abc", Ok("abc")),
            ("token abc", Ok("abc")),
            ("TOKEN \t  abc  ", Ok("abc")),
            ("", Err(No::NotProvided)),
            ("   ", Err(No::NotProvided)),
            ("abc", Err(No::NotProvided)),
            ("Basic abc", Err(No::NotProvided)),
            ("Bearer abc", Err(No::NotProvided)),
            ("Tokens abc", Err(No::NotProvided)),
            ("Token", Err(No::NoCredentials)),
            ("Token   ", Err(No::NoCredentials)),
            ("Token a b", Err(No::Spaces)),
            ("Device abc", Err(No::Unknown)),
            ("Device", Err(No::NoCredentials)),
        ] {
            assert_eq!(token_of(Some(header.as_bytes())), expected, "{header:?}");
        }
        assert_eq!(token_of(None), Err(No::NotProvided));
        assert_eq!(token_of(Some(b"Token \xff")), Err(No::InvalidCharacters));
        assert_eq!(token_of(Some("Token ä".as_bytes())), Ok("ä"));
        assert_eq!(No::Inactive.detail(), "Token inactive or deleted.");
    }
}
