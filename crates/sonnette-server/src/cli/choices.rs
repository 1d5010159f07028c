//! Parsers of arguments whose errors say what is expected.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;

/// A parser of one of `all`, whose error lists them.
pub(super) fn parse_choice<T>(
    all: &'static [T],
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + Display + Sync + 'static,
{
    move |text| {
        text.parse().map_err(|_| {
            let names: Vec<String> = all.iter().map(ToString::to_string).collect();
            format!("expected one of {}", names.join(", "))
        })
    }
}

/// Parses a time.
pub(super) fn parse_time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        "expected a time with its offset, such as 2026-11-21T10:00:00Z or 2026-11-21T11:00:00+01:00"
            .to_owned()
    })
}
