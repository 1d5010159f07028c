//! How many requests a lane has under way at a time.

use std::time::Duration;

/// The concurrency of one lane: grows while answers are good and come slower than our own work, shrinks when not.
///
/// A receiver that answers within [`Pace::QUICK`] is kept busy by a few requests at a time; more would only queue
/// in it and cost us memory. One that takes longer is given one more for each good answer, so that the number
/// doubles within one round of answers. An answer far slower than the best seen says that the receiver is full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    window: u32,
    /// The best answer time seen, which slowly forgets.
    floor: Option<Duration>,
}

impl Pace {
    /// Where a lane begins and, for a quick receiver, stays.
    pub const FIRST: u32 = 4;
    /// Where growth ends, unless the webhook's settings say otherwise.
    pub const MOST: u32 = 64;
    /// A receiver that answers within this time needs no more than [`Pace::FIRST`] at a time.
    pub const QUICK: Duration = Duration::from_millis(2);
    /// A receiver slower than this is not offered more than it has: each request would be held for long.
    pub const SLOW: Duration = Duration::from_secs(1);

    /// A lane that has just opened after failing begins with one.
    pub fn cautious() -> Self {
        Self {
            window: 1,
            floor: None,
        }
    }

    /// How many requests may be under way.
    pub fn window(&self) -> u32 {
        self.window
    }

    /// After a good answer that took `took`, with `in_flight` requests under way, itself included; never above `most`.
    /// `busy`: our own thread has no time to spare, so that it is we who are slow, and more at a time would only queue
    /// here.
    pub fn succeeded(&mut self, took: Duration, in_flight: u32, most: u32, busy: bool) {
        let floor = self.floor.map_or(took, |f| (f + f / 64).min(took));
        self.floor = Some(floor);
        if self.window < Self::FIRST {
            self.window += 1;
        } else if busy || took > (floor * 4).max(Self::QUICK * 10) || took > Self::SLOW {
            self.window = (self.window - 1).max(Self::FIRST);
        } else if took > Self::QUICK && in_flight >= self.window && self.window < most {
            self.window += 1;
        }
    }

    /// After a failed attempt.
    pub fn failed(&mut self) {
        self.window = (self.window / 2).max(1);
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            window: Self::FIRST,
            floor: None,
        }
    }
}
