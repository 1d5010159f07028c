//! A date and time up to the end of the year 9999.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A date and time in UTC, to the microsecond. Unlike [`Timestamp`], which ends on 9999-12-30 at 22:00, it has room for
/// 9999-12-31T23:59:59Z: what others write for "forever".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UtcDateTime(DateTime);

/// The text is no date and time with an offset, or not one of the years 0000 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date and time with an offset, in the years 0000 to 9999")]
pub struct NotUtcDateTime;

const UNIX_EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
const MIN_DATE_TIME: DateTime = DateTime::constant(0, 1, 1, 0, 0, 0, 0);

impl UtcDateTime {
    /// Microseconds since 1970.
    pub fn as_microsecond(self) -> i64 {
        let micros = self.0.duration_since(UNIX_EPOCH).as_micros();
        // The years that it spans are within the range by far.
        i64::try_from(micros).unwrap_or(i64::MAX)
    }

    /// The date and time so many microseconds after 1970.
    ///
    /// # Errors
    /// [`NotUtcDateTime`] outside of its years.
    pub fn from_microsecond(micros: i64) -> Result<Self, NotUtcDateTime> {
        UNIX_EPOCH
            .checked_add(SignedDuration::from_micros(micros))
            .map_err(|_| NotUtcDateTime)
            .and_then(Self::new)
    }

    fn new(date_time: DateTime) -> Result<Self, NotUtcDateTime> {
        let nanoseconds = date_time.subsec_nanosecond() / 1_000 * 1_000;
        let time = date_time.time().with().subsec_nanosecond(nanoseconds);
        let time = time.build().map_err(|_| NotUtcDateTime)?;
        let date_time = date_time.date().to_datetime(time);
        if date_time < MIN_DATE_TIME {
            return Err(NotUtcDateTime);
        }
        Ok(Self(date_time))
    }

    /// The date and time without the offset.
    pub fn date_time(self) -> DateTime {
        self.0
    }

    /// The instant, or the last one that a [`Timestamp`] has room for.
    pub fn to_timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.as_microsecond()).unwrap_or(Timestamp::MAX)
    }
}

impl TryFrom<DateTime> for UtcDateTime {
    type Error = NotUtcDateTime;

    /// A date and time that is in UTC.
    fn try_from(date_time: DateTime) -> Result<Self, NotUtcDateTime> {
        Self::new(date_time)
    }
}

impl From<Timestamp> for UtcDateTime {
    fn from(at: Timestamp) -> Self {
        let date_time = jiff::tz::Offset::UTC.to_datetime(at);
        Self::new(date_time).unwrap_or(Self(MIN_DATE_TIME))
    }
}

impl FromStr for UtcDateTime {
    type Err = NotUtcDateTime;

    fn from_str(text: &str) -> Result<Self, NotUtcDateTime> {
        if let Ok(at) = text.parse::<Timestamp>() {
            return Self::new(jiff::tz::Offset::UTC.to_datetime(at));
        }
        let pieces = Pieces::parse(text).map_err(|_| NotUtcDateTime)?;
        let (Some(time), Some(offset)) = (pieces.time(), pieces.offset()) else {
            return Err(NotUtcDateTime);
        };
        let offset = match offset {
            PiecesOffset::Zulu => SignedDuration::ZERO,
            PiecesOffset::Numeric(numeric) => {
                SignedDuration::from_secs(numeric.offset().seconds().into())
            }
            _ => return Err(NotUtcDateTime),
        };
        let local: DateTime = pieces.date().to_datetime(time);
        local
            .checked_sub(offset)
            .map_err(|_| NotUtcDateTime)
            .and_then(Self::new)
    }
}

/// RFC 3339 with `Z`, as a [`Timestamp`] is written.
impl fmt::Display for UtcDateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.0)
    }
}

impl Serialize for UtcDateTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcDateTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> UtcDateTime {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn the_last_second_of_the_year_9999_is_kept() {
        for text in [
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.999999Z",
            "9999-12-30T22:00:00.5Z",
            "2026-11-28T00:00:00Z",
            "0001-01-01T00:00:00Z",
        ] {
            let at = parse(text);
            assert_eq!(at.to_string(), text);
            assert_eq!(UtcDateTime::from_microsecond(at.as_microsecond()), Ok(at));
            assert_eq!(serde_json::to_string(&at).unwrap(), format!("\"{text}\""));
        }
        assert_eq!(
            parse("9999-12-31T23:59:59+02:00").to_string(),
            "9999-12-31T21:59:59Z"
        );
        assert!(
            parse("9999-12-31T23:59:59Z").to_timestamp()
                > parse("2026-01-01T00:00:00Z").to_timestamp()
        );
        assert_eq!(
            parse("2026-01-01T01:00:00+01:00").as_microsecond(),
            "2026-01-01T00:00:00Z"
                .parse::<Timestamp>()
                .unwrap()
                .as_microsecond()
        );
    }

    #[test]
    fn what_has_no_offset_or_lies_beyond_is_refused() {
        for text in [
            "",
            "9999-12-31",
            "9999-12-31T23:59:59",
            "9999-12-31T23:59:59-01:00",
            "10000-01-01T00:00:00Z",
            "9999-12-32T00:00:00Z",
        ] {
            assert_eq!(text.parse::<UtcDateTime>(), Err(NotUtcDateTime), "{text}");
        }
        assert!(UtcDateTime::from_microsecond(i64::MAX).is_err());
    }
}
