//! E-mail addresses, as people log in with them and mail is sent to them.

use std::fmt;
use std::str::FromStr;

/// The text is no e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter an e-mail address.")]
pub struct InvalidEmailAddress;

/// An e-mail address in lower case, of at most 254 bytes: something on both sides of one `@`, without blanks and control
/// characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EmailAddress(Box<str>);

impl EmailAddress {
    const MAX_BYTES: usize = 254;
    /// Of what stands before the `@`, by RFC 5321.
    const MAX_LOCAL_BYTES: usize = 64;

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is written as mail servers everywhere take it: a host with a dot in it or `localhost`, and nothing
    /// that would have to be quoted. Contacts are held to it; people may log in with what only their own network knows.
    pub fn is_plain(&self) -> bool {
        let Some((local, host)) = self.0.split_once('@') else {
            return false;
        };
        let unquoted = |c| !matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | '\\');
        let label = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        };
        let named = local.len() <= Self::MAX_LOCAL_BYTES
            && !local.starts_with('.')
            && !local.ends_with('.')
            && !local.contains("..")
            && local.chars().all(unquoted);
        let placed = host.contains('.') && host.split('.').all(label) || host == "localhost";
        named && placed
    }
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        let part = |part: &str| {
            !part.is_empty()
                && !part.contains(|c: char| c == '@' || c.is_whitespace() || c.is_control())
        };
        let text = text.to_lowercase();
        match text.split_once('@') {
            Some((local, host)) if text.len() <= Self::MAX_BYTES && part(local) && part(host) => {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidEmailAddress),
        }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EmailAddress, InvalidEmailAddress> {
        text.parse()
    }

    #[test]
    fn addresses_are_in_lower_case() {
        assert_eq!(
            parse("Ada@Example.ORG").unwrap().as_str(),
            "ada@example.org"
        );
        assert_eq!(parse("Zoë@MÜNCHEN.example"), parse("zoë@münchen.example"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = |n| format!("{}@b.example", "a".repeat(n));
        assert!(parse(&long(244)).is_ok() && parse(&long(245)).is_err());
        for bad in [
            "",
            "a",
            "@",
            "@b",
            "a@",
            "a@b@c",
            "a b@c",
            "a@b ",
            "a\n@b",
            "a@b\u{7f}",
        ] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_plain_address_has_a_full_host_and_no_quotes() {
        for good in ["a@b.example", "a.b+c@münchen.example", "root@localhost"] {
            assert!(parse(good).unwrap().is_plain(), "{good}");
        }
        for odd in [
            "a@b",
            "a@-b.example",
            "a@b-.example",
            "a@.example",
            "a@b..example",
            "<a@b.example>",
            "a,b@c.example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
        ] {
            assert!(!parse(odd).unwrap().is_plain(), "{odd}");
        }
    }
}
