//! The URL of a receiver, as pretix accepts it.
//!
//! The grammar is that of pretix's validator, not of RFC 3986 or the WHATWG. The text is kept as given; only
//! [`TargetUrl::uri`] normalizes it, for the request. Whether the address is allowed is not decided here.

use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

/// The longest URL, in characters. (The resource accepts only 1024.)
const MAX_CHARS: usize = 2048;

/// The longest host, in characters, brackets not counted.
const MAX_HOST_CHARS: usize = 253;

/// pretix's validator refuses the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Enter a valid URL.")]
pub struct InvalidTargetUrl;

/// Why no request can be sent to a valid URL. The log shows the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum UnsupportedTarget {
    /// `ftp` or `ftps`, which pretix accepts.
    #[error("only http and https URLs can be called")]
    Scheme,
    /// Port 0, or one above 65535.
    #[error("the port of the URL is not between 1 and 65535")]
    Port,
    /// The host cannot be written in ASCII (IDNA refuses it).
    #[error("the host of the URL is not a valid domain name")]
    Host,
    /// A `?` or `#` before the `@`. A browser would take another host from the URL.
    #[error("a ? or # in the user information of the URL must be percent-encoded")]
    UserInfo,
}

/// A receiver's URL. Only [`TargetUrl::as_unredacted_str`] shows its credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetUrl {
    text: String,
    parts: UrlParts,
}

/// The byte ranges of the parts.
#[derive(Clone, PartialEq, Eq)]
struct UrlParts {
    scheme: Range<usize>,
    /// Without the `@`.
    user_info: Option<Range<usize>>,
    /// With the brackets of an IPv6 address.
    host: Range<usize>,
    /// One to five digits.
    port: Option<Range<usize>>,
    /// Path, query and fragment; empty, or it begins with `/`, `?` or `#`.
    rest: Range<usize>,
}

impl TargetUrl {
    /// The URL as given, credentials included.
    pub fn as_unredacted_str(&self) -> &str {
        &self.text
    }

    /// The URL without user information, for logs, emails and pages.
    pub fn redacted(&self) -> String {
        let scheme = &self.text[self.parts.scheme.clone()];
        let host_on = &self.text[self.parts.host.start..];
        format!("{scheme}://{host_on}")
    }

    /// The URL with `mask` in place of user information, for a form that is submitted again.
    pub fn with_masked_credentials(&self, mask: &str) -> String {
        if self.parts.user_info.is_none() {
            return self.text.clone();
        }
        let scheme = &self.text[self.parts.scheme.clone()];
        let host_on = &self.text[self.parts.host.start..];
        format!("{scheme}://{mask}@{host_on}")
    }

    /// The user information as given, without the `@`.
    pub fn user_info(&self) -> Option<&str> {
        self.parts.user_info.clone().map(|range| &self.text[range])
    }

    /// Whether both have the same scheme, host and port. Then one may get the secrets of the other.
    pub fn has_same_origin(&self, other: &Self) -> bool {
        let port = |url: &Self| {
            url.port().or(match url.scheme().as_str() {
                "http" => Some(80),
                "https" => Some(443),
                _ => None,
            })
        };
        self.scheme() == other.scheme()
            && self.host().eq_ignore_ascii_case(other.host())
            && port(self) == port(other)
    }

    /// Scheme, host, port and path, without user information and query, which may hold secrets.
    pub fn redacted_without_query(&self) -> String {
        let shown = self.redacted();
        let end = shown.find(['?', '#']).unwrap_or(shown.len());
        shown[..end].to_owned()
    }

    /// User and password, percent-decoded, when the URL has both; an empty password is one.
    pub fn credentials(&self) -> Option<(String, String)> {
        let user_info = &self.text[self.parts.user_info.clone()?];
        let (user, password) = user_info.split_once(':')?;
        let decoded = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
        Some((decoded(user), decoded(password)))
    }

    /// `http`, `https`, `ftp` or `ftps`, in lower case.
    pub fn scheme(&self) -> String {
        self.text[self.parts.scheme.clone()].to_ascii_lowercase()
    }

    /// Whether the call is encrypted.
    pub fn is_https(&self) -> bool {
        self.text[self.parts.scheme.clone()].eq_ignore_ascii_case("https")
    }

    /// The host as given, an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.text[self.parts.host.clone()]
            .trim_start_matches('[')
            .trim_end_matches(']')
    }

    /// The port as given, 0 to 99999; none: the scheme's.
    pub fn port(&self) -> Option<u32> {
        self.text[self.parts.port.clone()?].parse().ok()
    }

    /// What is called: no credentials, no fragment, scheme and host in lower case, the host in ASCII, at least `/` as
    /// path, a scheme's own port left out. In path and query, bytes that RFC 3986 does not allow there are
    /// percent-encoded; all else is as written, dot segments included.
    ///
    /// # Errors
    /// For a URL that no HTTP client can call, with the reason in plain words.
    pub fn uri(&self) -> Result<http::Uri, UnsupportedTarget> {
        let scheme = match self.scheme().as_str() {
            "http" => "http",
            "https" => "https",
            _ => return Err(UnsupportedTarget::Scheme),
        };
        if self
            .parts
            .user_info
            .as_ref()
            .is_some_and(|at| self.text[at.clone()].contains(['?', '#']))
        {
            return Err(UnsupportedTarget::UserInfo);
        }
        let port = match self.port() {
            None => String::new(),
            Some(port @ 1..=65535) => format!(":{port}"),
            Some(_) => return Err(UnsupportedTarget::Port),
        };
        let host = &self.text[self.parts.host.clone()];
        let origin = url::Url::parse(&format!("{scheme}://{host}{port}/"))
            .map_err(|_| UnsupportedTarget::Host)?;
        let rest = &self.text[self.parts.rest.clone()];
        let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
        let mut text = origin.as_str().trim_end_matches('/').to_owned();
        if !rest.starts_with('/') {
            text.push('/');
        }
        push_encoded(&mut text, rest);
        text.parse().map_err(|_| UnsupportedTarget::Host)
    }
}

/// Appends a path and query, with what RFC 3986 does not allow there percent-encoded.
fn push_encoded(text: &mut String, path_and_query: &str) {
    let mut rest = path_and_query.as_bytes();
    while let Some((byte, following)) = rest.split_first() {
        let is_allowed = match byte {
            b'%' => {
                matches!(following, [a, b, ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit())
            }
            byte => byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte),
        };
        if is_allowed {
            text.push(char::from(*byte));
        } else {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        rest = following;
    }
}

impl FromStr for TargetUrl {
    type Err = InvalidTargetUrl;

    /// Takes the text as it is: white space around it is the caller's to cut off.
    fn from_str(text: &str) -> Result<Self, InvalidTargetUrl> {
        let parts = parse(text).ok_or(InvalidTargetUrl)?;
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({})", self.redacted())
    }
}

fn parse(text: &str) -> Option<UrlParts> {
    if text.chars().nth(MAX_CHARS).is_some() || text.chars().any(is_space) {
        return None;
    }
    let scheme_end = text.find("://")?;
    let scheme = &text[..scheme_end];
    let known = ["http", "https", "ftp", "ftps"];
    if !known.iter().any(|name| scheme.eq_ignore_ascii_case(name)) {
        return None;
    }
    let start = scheme_end + "://".len();
    let authority = &text[start..];
    let authority = &authority[..authority.find(['/', '?', '#']).unwrap_or(authority.len())];
    if authority.contains('[') != authority.contains(']')
        || authority.chars().any(hides_a_delimiter)
    {
        return None;
    }
    // Without user information first: where both readings pass (`http://a.example?b@c.example`), clients call the
    // former.
    parse_from_host(text, scheme_end, None, start).or_else(|| {
        let at = start + text[start..].find('@')?;
        is_user_info(&text[start..at])
            .then(|| parse_from_host(text, scheme_end, Some(start..at), at + 1))
            .flatten()
    })
}

fn parse_from_host(
    text: &str,
    scheme_end: usize,
    user_info: Option<Range<usize>>,
    start: usize,
) -> Option<UrlParts> {
    let tail = &text[start..];
    let host_len = if tail.starts_with('[') {
        tail.find(']')? + 1
    } else {
        tail.find([':', '/', '?', '#']).unwrap_or(tail.len())
    };
    let host = start..start + host_len;
    if !is_host(&text[host.clone()]) {
        return None;
    }
    let mut rest = host.end;
    let mut port = None;
    if let Some(after) = text[rest..].strip_prefix(':') {
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        if !(1..=5).contains(&digits) {
            return None;
        }
        port = Some(rest + 1..rest + 1 + digits);
        rest += 1 + digits;
    }
    let ends_well = text[rest..].is_empty() || text[rest..].starts_with(['/', '?', '#']);
    let parts = UrlParts {
        scheme: 0..scheme_end,
        user_info,
        host,
        port,
        rest: rest..text.len(),
    };
    ends_well.then_some(parts)
}

/// White space as Python sees it: Unicode's, and the four separators below the blank.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// Characters that Unicode's compatibility form (NFKC) turns into `/ ? # @ :`; pretix's URL splitter refuses them
/// before the path, since a later IDNA step would move the end of the host.
fn hides_a_delimiter(c: char) -> bool {
    matches!(
        c,
        '\u{2047}'
            ..='\u{2049}'
                | '\u{2100}'
                | '\u{2101}'
                | '\u{2105}'
                | '\u{2106}'
                | '\u{2A74}'
                | '\u{FE13}'
                | '\u{FE16}'
                | '\u{FE55}'
                | '\u{FE56}'
                | '\u{FE5F}'
                | '\u{FE6B}'
                | '\u{FF03}'
                | '\u{FF0F}'
                | '\u{FF1A}'
                | '\u{FF1F}'
                | '\u{FF20}'
    )
}

fn is_user_info(text: &str) -> bool {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    !user.is_empty() && !user.contains('/') && !password.contains([':', '/'])
}

fn is_host(host: &str) -> bool {
    if let Some(inside) = host.strip_prefix('[') {
        return inside
            .strip_suffix(']')
            .is_some_and(|address| address.parse::<Ipv6Addr>().is_ok());
    }
    host.eq_ignore_ascii_case("localhost") || host.parse::<Ipv4Addr>().is_ok() || is_domain(host)
}

fn is_domain(host: &str) -> bool {
    if host.chars().nth(MAX_HOST_CHARS).is_some() {
        return false;
    }
    let mut labels = host.strip_suffix('.').unwrap_or(host).split('.');
    let (Some(first), Some(last)) = (labels.next(), labels.next_back()) else {
        return false;
    };
    is_label(first) && labels.all(is_label) && is_last_label(last)
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || ('\u{a1}'..='\u{ffff}').contains(&c)
}

/// A label other than the last.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.chars().count())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .chars()
            .all(|c| is_letter(c) || c.is_ascii_digit() || c == '-')
}

fn is_last_label(label: &str) -> bool {
    if label.starts_with('-') || label.ends_with('-') {
        return false;
    }
    let punycode = label
        .get(..4)
        .is_some_and(|head| head.eq_ignore_ascii_case("xn--"))
        && (5..=63).contains(&label.len())
        && label[4..].bytes().all(|b| b.is_ascii_alphanumeric());
    let word = (2..=63).contains(&label.chars().count())
        && label.chars().all(|c| is_letter(c) || c == '-');
    punycode || word
}

#[cfg(test)]
#[path = "target_url_tests.rs"]
mod tests;
