//! How many requests of a lane are in flight at a time.

use std::time::Duration;

use jiff::Timestamp;

/// The number of response times whose median is computed.
const BLOCK_RESPONSES: usize = 16;

/// The concurrency limit of one lane. It grows while responses succeed and are slower than our own work, and shrinks
/// otherwise.
///
/// A receiver that can respond within [`AdaptiveConcurrency::FAST_RESPONSE`] is kept busy by a few requests at a time.
/// More would only queue in the receiver, or on our side, where they look like slow responses. So the limit follows the
/// best recent median, not the latest response time: single responses may be much faster than usual, for example those
/// from a cache. For a slower receiver each success adds one, which doubles the limit in each round of responses. A
/// response much slower than the best median shows that the receiver is overloaded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AdaptiveConcurrency {
    window: u32,
    /// The response times of the current block, in microseconds.
    block: [u32; BLOCK_RESPONSES],
    /// How many of `block` are set.
    block_length: usize,
    /// The best median of a block in the current [`AdaptiveConcurrency::BASELINE_PERIOD`]; `best_before`: in the previous
    /// one.
    best: Option<Duration>,
    best_before: Option<Duration>,
    period_start: Option<Timestamp>,
    /// When the first success was recorded.
    first_success: Option<Timestamp>,
}

impl AdaptiveConcurrency {
    /// The initial limit. It stays the limit of a fast receiver.
    pub const INITIAL_WINDOW: u32 = 4;
    /// The highest limit, unless the webhook's settings set another.
    pub const MAX_WINDOW: u32 = 64;
    /// A receiver that can respond within this time needs no more than [`AdaptiveConcurrency::INITIAL_WINDOW`] requests.
    pub const FAST_RESPONSE: Duration = Duration::from_millis(2);
    /// The limit does not grow for a receiver slower than this.
    pub const SLOW_RESPONSE: Duration = Duration::from_secs(1);
    /// The best median is that of the last one to two periods of this length.
    pub const BASELINE_PERIOD: Duration = Duration::from_secs(5);

    /// The limit does not grow for this long after the first success, since the first requests also open connections.
    pub const WARM_UP: Duration = Duration::from_millis(100);

    /// The limit of a lane that has just recovered: one request.
    pub fn after_recovery() -> Self {
        Self {
            window: 1,
            ..Self::default()
        }
    }

    /// How many requests may be in flight.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// Records a success at `now` after `took`, with `in_flight` requests in flight, itself included. The limit does not
    /// grow above `max`.
    pub fn record_success(&mut self, took: Duration, in_flight: u32, max: u32, now: Timestamp) {
        let best = self.record_latency(took, now);
        let is_warm = now
            .duration_since(*self.first_success.get_or_insert(now))
            .unsigned_abs()
            >= Self::WARM_UP;
        if self.window < Self::INITIAL_WINDOW {
            self.window += 1;
        } else if best <= Self::FAST_RESPONSE
            || took > (best * 4).max(Self::FAST_RESPONSE * 10)
            || took > Self::SLOW_RESPONSE
        {
            self.window = (self.window - 1).max(Self::INITIAL_WINDOW);
        } else if is_warm && in_flight >= self.window && self.window < max {
            self.window += 1;
        }
    }

    /// Records a failure.
    pub fn record_failure(&mut self) {
        self.window = (self.window / 2).max(1);
    }

    /// Records a response time and returns the best recent median.
    fn record_latency(&mut self, took: Duration, now: Timestamp) -> Duration {
        self.block[self.block_length] = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.block_length += 1;
        let is_complete = self.block_length == BLOCK_RESPONSES;
        if is_complete || self.best.or(self.best_before).is_none() {
            let median = self.block_median();
            if !is_complete {
                return median;
            }
            self.block_length = 0;
            self.record_median(median, now);
        }
        let known = [self.best, self.best_before];
        known.into_iter().flatten().min().unwrap_or(took)
    }

    fn record_median(&mut self, median: Duration, now: Timestamp) {
        let is_current = self
            .period_start
            .is_some_and(|start| now.duration_since(start).unsigned_abs() < Self::BASELINE_PERIOD);
        if !is_current {
            self.best_before = self.best.take();
            self.period_start = Some(now);
        }
        self.best = Some(self.best.map_or(median, |best| best.min(median)));
    }

    fn block_median(&self) -> Duration {
        let mut block = self.block;
        let known = &mut block[..self.block_length];
        let middle = known.len() / 2;
        Duration::from_micros((*known.select_nth_unstable(middle).1).into())
    }
}

impl Default for AdaptiveConcurrency {
    fn default() -> Self {
        Self {
            window: Self::INITIAL_WINDOW,
            block: [0; BLOCK_RESPONSES],
            block_length: 0,
            best: None,
            best_before: None,
            period_start: None,
            first_success: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// The limit after responses that each take this long, with the limit always reached.
    fn after(answers: u32, took: Duration, max: u32) -> AdaptiveConcurrency {
        let mut limit = AdaptiveConcurrency::default();
        for n in 0..answers {
            let now = at(1_000 + i64::from(n) * 10);
            limit.record_success(took, limit.window(), max, now);
        }
        limit
    }

    #[test]
    fn the_limit_of_a_fast_receiver_stays() {
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
    fn single_fast_responses_do_not_shrink_the_limit_of_a_slow_receiver() {
        let (slow, fast) = (Duration::from_millis(200), Duration::from_micros(300));
        for first in [0, 7, 19] {
            let mut limit = AdaptiveConcurrency::default();
            for n in 0..400 {
                let took = if n % 20 == first { fast } else { slow };
                let now = at(1_000 + i64::from(n) * 10);
                limit.record_success(took, limit.window(), 64, now);
            }
            assert!(limit.window() >= 40, "{first}: {}", limit.window());
        }
    }

    #[test]
    fn the_limit_of_a_slower_receiver_grows_to_its_maximum() {
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
    fn a_receiver_that_becomes_fast_gets_the_initial_limit() {
        let mut limit = after(
            60,
            Duration::from_millis(80),
            AdaptiveConcurrency::MAX_WINDOW,
        );
        assert!(limit.window() > AdaptiveConcurrency::INITIAL_WINDOW);
        for n in 0..200 {
            let fast = AdaptiveConcurrency::FAST_RESPONSE;
            limit.record_success(fast, limit.window(), 64, at(1_700 + n));
        }
        assert_eq!(limit.window(), AdaptiveConcurrency::INITIAL_WINDOW);
    }

    #[test]
    fn an_overloaded_or_very_slow_receiver_gets_a_smaller_limit() {
        let mut limit = after(
            60,
            Duration::from_millis(50),
            AdaptiveConcurrency::MAX_WINDOW,
        );
        let grown = limit.window();
        limit.record_success(
            Duration::from_millis(300),
            grown,
            AdaptiveConcurrency::MAX_WINDOW,
            at(1_700),
        );
        assert_eq!(limit.window(), grown - 1);
        assert_eq!(
            after(500, Duration::from_secs(2), AdaptiveConcurrency::MAX_WINDOW).window(),
            AdaptiveConcurrency::INITIAL_WINDOW
        );
    }

    #[test]
    fn failures_halve_the_limit_down_to_one() {
        let mut limit = AdaptiveConcurrency::default();
        limit.record_failure();
        assert_eq!(limit.window(), 2);
        limit.record_failure();
        limit.record_failure();
        assert_eq!(limit.window(), 1);
        assert_eq!(AdaptiveConcurrency::after_recovery().window(), 1);
    }
}
