//! Times that people fill in.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A time with its offset, or as a browser's field gives it, which is taken to be in UTC.
pub(crate) fn parse_time(text: &str) -> Option<Timestamp> {
    // An unescaped `+` of an offset arrives as a blank.
    let escaped = text.replace(' ', "+");
    let civil = || {
        let time: DateTime = text.parse().ok()?;
        Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    escaped.parse().ok().or_else(civil)
}

/// A time as a browser's field takes it, in UTC; seconds where there are any.
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
    fn times_are_utc_unless_they_say_otherwise() {
        let utc = "2026-11-21T18:00:00Z".parse().ok();
        assert_eq!(parse_time("2026-11-21T18:00"), utc);
        assert_eq!(parse_time("2026-11-21T19:00:00+01:00"), utc);
        assert_eq!(parse_time("2026-11-21T19:00:00 01:00"), utc);
        assert_eq!(parse_time("2026-11-21 18:00"), utc);
        assert_eq!(parse_time("yesterday"), None);
        assert_eq!(parse_time(""), None);
    }

    #[test]
    fn fields_take_minutes_or_seconds() {
        let whole = "2026-11-21T18:00:00Z".parse().unwrap();
        assert_eq!(datetime_local(whole), "2026-11-21T18:00");
        let odd = "2026-11-21T17:00:05.5Z".parse().unwrap();
        assert_eq!(datetime_local(odd), "2026-11-21T17:00:05");
    }
}
