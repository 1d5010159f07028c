//! The time that deliveries and the log grow old by.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::saturating_add;

/// A reading of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockReading {
    /// The time of day.
    pub now: Timestamp,
    /// The time that deliveries expire by. It is earlier than `now` for a while after the clock was set forward.
    pub trusted: Timestamp,
}

impl ClockReading {
    /// Whether the clock was set forward a short time ago.
    pub fn is_ahead(&self) -> bool {
        self.trusted < self.now
    }
}

impl From<Timestamp> for ClockReading {
    fn from(now: Timestamp) -> Self {
        Self { now, trusted: now }
    }
}

/// Follows the time of day, but not a jump forward, until the clock has stayed there for
/// [`CONFIRMATION_TIME`](Self::CONFIRMATION_TIME): a clock that is wrong for a moment must not expire a delivery or remove a log.
/// The machine's monotonic clock tells how much time has really passed.
#[derive(Debug, Clone, Copy)]
pub struct TrustedTime {
    trusted: Timestamp,
    observed_at: Instant,
    /// Since when the clock has been ahead, and by how much.
    ahead: Option<(Instant, SignedDuration)>,
}

impl TrustedTime {
    /// How long the clock must stay ahead before it is believed.
    pub const CONFIRMATION_TIME: Duration = Duration::from_mins(10);
    /// A difference between the two clocks up to this is no jump.
    pub const MAX_CLOCK_DRIFT: SignedDuration = SignedDuration::from_secs(60);
    /// After a stop up to this long the clock is believed at once: an error of so few hours expires and removes little.
    pub const MAX_STOP: SignedDuration = SignedDuration::from_hours(6);

    /// Trusts the time of day `now`.
    pub fn new(now: Timestamp, instant: Instant) -> Self {
        Self {
            trusted: now,
            observed_at: instant,
            ahead: None,
        }
    }

    /// Continues after a stop. `recorded` is what was trusted when it was last recorded. If the clock is far ahead of it,
    /// either the program was not running for long, or the clock is wrong: `now` is trusted after the same time as any jump.
    pub fn resume(recorded: Option<Timestamp>, now: Timestamp, instant: Instant) -> Self {
        let trusted = recorded
            .filter(|recorded| now > saturating_add(*recorded, Self::MAX_STOP))
            .unwrap_or(now);
        let mut time = Self::new(trusted, instant);
        time.read(now, instant);
        time
    }

    /// Reads the time of day `now` at the point `instant` of the monotonic clock.
    pub fn read(&mut self, now: Timestamp, instant: Instant) -> ClockReading {
        let elapsed = instant.saturating_duration_since(self.observed_at);
        self.observed_at = instant;
        let expected = saturating_add(self.trusted, elapsed);
        let is_ahead = now > saturating_add(expected, Self::MAX_CLOCK_DRIFT);
        let by = now.duration_since(expected);
        // After another jump the time of confirmation begins again.
        let is_same =
            |(_, before): &(Instant, SignedDuration)| (by - *before).abs() <= Self::MAX_CLOCK_DRIFT;
        let ahead = is_ahead.then(|| self.ahead.filter(is_same).unwrap_or((instant, by)));
        let is_confirmed = ahead.is_none_or(|(since, _)| {
            instant.saturating_duration_since(since) >= Self::CONFIRMATION_TIME
        });
        self.trusted = if is_confirmed { now } else { expected };
        self.ahead = ahead.filter(|_| !is_confirmed);
        ClockReading {
            now,
            trusted: self.trusted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Clocks {
        time: TrustedTime,
        now: Timestamp,
        instant: Instant,
    }

    impl Clocks {
        #[expect(clippy::disallowed_methods, reason = "any point will do")]
        fn new() -> Self {
            let (now, instant) = ("2026-03-01T12:00:00Z".parse().unwrap(), Instant::now());
            let time = TrustedTime::new(now, instant);
            Self { time, now, instant }
        }

        fn pass(&mut self, seconds: u64) -> ClockReading {
            self.instant += Duration::from_secs(seconds);
            self.jump(i64::try_from(seconds).unwrap())
        }

        fn jump(&mut self, seconds: i64) -> ClockReading {
            self.now = saturating_add(self.now, SignedDuration::from_secs(seconds));
            self.time.read(self.now, self.instant)
        }
    }

    #[test]
    fn passing_time_and_small_corrections_are_trusted() {
        let mut clocks = Clocks::new();
        assert!(!clocks.pass(100_000).is_ahead());
        assert!(!clocks.jump(59).is_ahead());
        assert!(!clocks.jump(-59).is_ahead());
    }

    #[test]
    fn a_jump_forward_is_trusted_after_ten_minutes() {
        let mut clocks = Clocks::new();
        let before = clocks.now;
        let reading = clocks.jump(400 * 86_400);
        assert_eq!(reading.trusted, before);
        let reading = clocks.pass(599);
        assert_eq!(
            reading.trusted,
            saturating_add(before, Duration::from_secs(599))
        );
        assert!(!clocks.pass(1).is_ahead());
        assert!(!clocks.pass(1).is_ahead());
    }

    #[test]
    fn a_moment_ahead_is_forgotten() {
        let mut clocks = Clocks::new();
        assert!(clocks.jump(7_200).is_ahead());
        clocks.pass(300);
        assert!(!clocks.jump(-7_200).is_ahead());
        assert!(clocks.jump(7_200).is_ahead());
        assert!(clocks.pass(599).is_ahead(), "the ten minutes begin again");
    }

    #[test]
    fn a_second_jump_begins_the_ten_minutes_again() {
        let mut clocks = Clocks::new();
        clocks.jump(120);
        clocks.pass(599);
        clocks.jump(400 * 86_400);
        assert!(clocks.pass(2).is_ahead());
        clocks.jump(-400 * 86_400);
        assert!(clocks.pass(599).is_ahead());
        assert!(!clocks.pass(1).is_ahead());
    }

    #[test]
    fn after_a_long_stop_the_clock_is_trusted_after_ten_minutes() {
        let mut clocks = Clocks::new();
        let stopped_at = clocks.now;
        clocks.now = saturating_add(stopped_at, SignedDuration::from_hours(7 * 24));
        clocks.time = TrustedTime::resume(Some(stopped_at), clocks.now, clocks.instant);
        assert_eq!(clocks.jump(0).trusted, stopped_at);
        assert!(clocks.pass(599).is_ahead());
        assert!(!clocks.pass(1).is_ahead());
        for recorded in [None, Some(stopped_at), Some(clocks.now)] {
            let now = saturating_add(stopped_at, TrustedTime::MAX_STOP);
            clocks.time = TrustedTime::resume(recorded, now, clocks.instant);
            clocks.now = now;
            assert!(!clocks.jump(0).is_ahead());
        }
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed() {
        let mut clocks = Clocks::new();
        let reading = clocks.jump(-7_200);
        assert_eq!(reading.trusted, reading.now);
        assert!(!clocks.pass(60).is_ahead());
    }
}
