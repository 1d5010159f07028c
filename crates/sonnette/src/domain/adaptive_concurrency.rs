//! How many requests a lane has under way at a time.

use std::time::Duration;

use jiff::Timestamp;

/// The concurrency of one lane: grows while answers are good and come slower than our own work, shrinks when not.
///
/// A receiver that can answer within [`AdaptiveConcurrency::FAST_RESPONSE`] is kept busy by a few requests at a time; more would only queue in
/// it, or on our side, where they look like slow answers. What it can do is told by its best answer of late, not by the
/// latest one. A receiver that takes longer is given one more for each good answer, so that the number doubles within
/// one round of answers. An answer far slower than the best says that the receiver is full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveConcurrency {
    window: u32,
    /// The best answer time of this stretch of [`AdaptiveConcurrency::BASELINE_PERIOD`], and of the one before it.
    best: Option<Duration>,
    best_before: Option<Duration>,
    began: Option<Timestamp>,
    /// When the first good answer came.
    since: Option<Timestamp>,
}

impl AdaptiveConcurrency {
    /// Where a lane begins and, for a quick receiver, stays.
    pub const INITIAL_WINDOW: u32 = 4;
    /// Where growth ends, unless the webhook's settings say otherwise.
    pub const MAX_WINDOW: u32 = 64;
    /// A receiver that can answer within this time needs no more than [`AdaptiveConcurrency::INITIAL_WINDOW`] at a time.
    pub const FAST_RESPONSE: Duration = Duration::from_millis(2);
    /// A receiver slower than this is not offered more than it has: each request would be held for long.
    pub const SLOW_RESPONSE: Duration = Duration::from_secs(1);
    /// The best answer is that of the last one to two times this.
    pub const BASELINE_PERIOD: Duration = Duration::from_secs(5);

    /// Growth waits so long for a first answer that shows what the receiver can do: the very first ones pay for connections.
    pub const WARM_UP: Duration = Duration::from_millis(100);

    /// A lane that has just opened after failing begins with one.
    pub fn after_recovery() -> Self {
        Self {
            window: 1,
            ..Self::default()
        }
    }

    /// How many requests may be under way.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// After a good answer at `now` that took `took`, with `in_flight` requests under way, itself included; never
    /// above `most`.
    pub fn succeeded(&mut self, took: Duration, in_flight: u32, most: u32, now: Timestamp) {
        let best = self.note(took, now);
        let tried = now
            .duration_since(*self.since.get_or_insert(now))
            .unsigned_abs()
            >= Self::WARM_UP;
        if self.window < Self::INITIAL_WINDOW {
            self.window += 1;
        } else if best <= Self::FAST_RESPONSE
            || took > (best * 4).max(Self::FAST_RESPONSE * 10)
            || took > Self::SLOW_RESPONSE
        {
            self.window = (self.window - 1).max(Self::INITIAL_WINDOW);
        } else if tried && in_flight >= self.window && self.window < most {
            self.window += 1;
        }
    }

    /// After a failed attempt.
    pub fn failed(&mut self) {
        self.window = (self.window / 2).max(1);
    }

    /// Remembers an answer time, and tells the best of late.
    fn note(&mut self, took: Duration, now: Timestamp) -> Duration {
        let fresh = self
            .began
            .is_some_and(|began| now.duration_since(began).unsigned_abs() < Self::BASELINE_PERIOD);
        if !fresh {
            self.best_before = self.best.take();
            self.began = Some(now);
        }
        let best = self.best.map_or(took, |best| best.min(took));
        self.best = Some(best);
        self.best_before.map_or(best, |before| before.min(best))
    }
}

impl Default for AdaptiveConcurrency {
    fn default() -> Self {
        Self {
            window: Self::INITIAL_WINDOW,
            best: None,
            best_before: None,
            began: None,
            since: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// Answers that take so long, one after the other, with the window always full.
    fn after(answers: u32, took: Duration, most: u32) -> AdaptiveConcurrency {
        let mut pace = AdaptiveConcurrency::default();
        for n in 0..answers {
            let now = at(1_000 + i64::from(n) * 10);
            pace.succeeded(took, pace.window(), most, now);
        }
        pace
    }

    #[test]
    fn a_quick_receiver_needs_no_more_than_the_first_few() {
        assert_eq!(
            after(
                500,
                AdaptiveConcurrency::FAST_RESPONSE,
                AdaptiveConcurrency::MAX_WINDOW
            )
            .window(),
            AdaptiveConcurrency::INITIAL_WINDOW
        );
    }

    #[test]
    fn a_receiver_far_away_is_given_more_up_to_the_bound() {
        let took = Duration::from_millis(80);
        assert_eq!(
            after(500, took, AdaptiveConcurrency::MAX_WINDOW).window(),
            AdaptiveConcurrency::MAX_WINDOW
        );
        assert_eq!(after(500, took, 10).window(), 10);
        assert_eq!(
            after(5, took, AdaptiveConcurrency::MAX_WINDOW).window(),
            AdaptiveConcurrency::INITIAL_WINDOW,
            "too early to tell"
        );
    }

    #[test]
    fn one_quick_answer_shows_that_the_slow_ones_were_our_own_doing() {
        let mut pace = after(
            40,
            Duration::from_millis(80),
            AdaptiveConcurrency::MAX_WINDOW,
        );
        let grown = pace.window();
        assert!(grown > AdaptiveConcurrency::INITIAL_WINDOW);
        pace.succeeded(
            AdaptiveConcurrency::FAST_RESPONSE,
            grown,
            AdaptiveConcurrency::MAX_WINDOW,
            at(1_500),
        );
        pace.succeeded(
            Duration::from_millis(80),
            grown,
            AdaptiveConcurrency::MAX_WINDOW,
            at(1_510),
        );
        assert!(pace.window() < grown);
    }

    #[test]
    fn a_receiver_that_is_full_or_very_slow_is_offered_less() {
        let mut pace = after(
            60,
            Duration::from_millis(50),
            AdaptiveConcurrency::MAX_WINDOW,
        );
        let grown = pace.window();
        pace.succeeded(
            Duration::from_millis(300),
            grown,
            AdaptiveConcurrency::MAX_WINDOW,
            at(1_700),
        );
        assert_eq!(pace.window(), grown - 1);
        assert_eq!(
            after(500, Duration::from_secs(2), AdaptiveConcurrency::MAX_WINDOW).window(),
            AdaptiveConcurrency::INITIAL_WINDOW
        );
    }

    #[test]
    fn failures_halve_it_and_one_always_goes() {
        let mut pace = AdaptiveConcurrency::default();
        pace.failed();
        assert_eq!(pace.window(), 2);
        pace.failed();
        pace.failed();
        assert_eq!(pace.window(), 1);
        assert_eq!(AdaptiveConcurrency::after_recovery().window(), 1);
    }
}
