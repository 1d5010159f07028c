//! Times in form fields.

use jiff::Timestamp;
use jiff::civil::DateTime;
use sonnette::domain::UtcDateTime;

/// Parses a time with an offset, or the value of a `datetime-local` field, which is in UTC.
pub(crate) fn parse_date_time(text: &str) -> Option<UtcDateTime> {
    // An unescaped `+` of an offset is decoded as a space.
    let escaped = text.replace(' ', "+");
    let civil = || UtcDateTime::try_from(text.parse::<DateTime>().ok()?).ok();
    escaped.parse().ok().or_else(civil)
}

/// The same; a time beyond the last [`Timestamp`] becomes that.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    parse_date_time(text).map(UtcDateTime::to_timestamp)
}

/// The value of a `datetime-local` field in UTC; with seconds only if they are not zero.
pub(crate) fn datetime_local(at: impl Into<UtcDateTime>) -> String {
    let date_time = at.into().date_time();
    let format = match date_time.second() {
        0 => "%Y-%m-%dT%H:%M",
        _ => "%Y-%m-%dT%H:%M:%S",
    };
    date_time.strftime(format).to_string()
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
        let whole: Timestamp = "2026-11-21T18:00:00Z".parse().unwrap();
        assert_eq!(datetime_local(whole), "2026-11-21T18:00");
        let odd: Timestamp = "2026-11-21T17:00:05.5Z".parse().unwrap();
        assert_eq!(datetime_local(odd), "2026-11-21T17:00:05");
    }
}
