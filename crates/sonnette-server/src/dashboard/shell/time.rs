//! Times in form fields.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Parses a time with an offset, or the value of a `datetime-local` field, which is in UTC.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    // An unescaped `+` of an offset is decoded as a space.
    let escaped = text.replace(' ', "+");
    let civil = || {
        let time: DateTime = text.parse().ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    escaped.parse().ok().or_else(civil)
}

/// The value of a `datetime-local` field in UTC; with seconds only if they are not zero.
pub(crate) fn datetime_local(at: Timestamp) -> String {
    let short = at.strftime("%Y-%m-%dT%H:%M");
    match at.as_second() % 60 {
        0 => short.to_string(),
        _ => at.strftime("%Y-%m-%dT%H:%M:%S").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_offset_are_in_utc() {
        let utc = "2026-11-21T18:00:00Z".parse().ok();
        assert_eq!(parse_time("2026-11-21T18:00"), utc);
        assert_eq!(parse_time("2026-11-21T19:00:00+01:00"), utc);
        assert_eq!(parse_time("2026-11-21T19:00:00 01:00"), utc);
        assert_eq!(parse_time("2026-11-21 18:00"), utc);
        assert_eq!(parse_time("yesterday"), None);
        assert_eq!(parse_time(""), None);
    }

    #[test]
    fn field_values_have_seconds_if_needed() {
        let whole = "2026-11-21T18:00:00Z".parse().unwrap();
        assert_eq!(datetime_local(whole), "2026-11-21T18:00");
        let odd = "2026-11-21T17:00:05.5Z".parse().unwrap();
        assert_eq!(datetime_local(odd), "2026-11-21T17:00:05");
    }
}
