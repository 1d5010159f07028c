//! Bounds what the checks of a request may cost.
//!
//! A check cannot be interrupted from outside. So each access to a value costs steps (see
//! [`metered_json`](super::metered_json)), and once no steps are left the value looks empty, which ends the check soon.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde_json::Value;

/// Steps of one check. A step takes from ten to thirty nanoseconds.
pub(super) const MAX_CHECK_STEPS: u64 = 3_000_000;
/// Steps of all checks of a request.
const MAX_REQUEST_STEPS: u64 = 30_000_000;
/// Steps that a thread spends that also serves other requests.
const MAX_INLINE_STEPS: u64 = 30_000;
/// CPU time of one check. Bounds what steps measure too low: slow machines, and patterns that backtrack.
const MAX_CHECK_CPU: Duration = Duration::from_millis(100);
/// The CPU time is read whenever so many steps are spent, and before each match that may backtrack.
const STEPS_BETWEEN_CLOCK_READS: u64 = 1 << 14;

/// What the checks of one request may cost.
#[derive(Debug)]
pub struct CheckBudget {
    steps: Cell<u64>,
    exceeded: Cell<bool>,
    is_inline: bool,
    /// Whether nobody waits for the result any more.
    abandoned: Arc<AtomicBool>,
}

impl CheckBudget {
    /// The budget on a thread that has no other work meanwhile.
    ///
    /// Once `abandoned` is true, the next check exceeds it.
    pub fn full(abandoned: Arc<AtomicBool>) -> Self {
        Self {
            steps: Cell::new(MAX_REQUEST_STEPS),
            exceeded: Cell::new(false),
            is_inline: false,
            abandoned,
        }
    }

    /// The budget on a thread that serves other requests as well. A schema that is not compiled yet exceeds it.
    pub fn inline() -> Self {
        Self {
            steps: Cell::new(MAX_INLINE_STEPS),
            exceeded: Cell::new(false),
            is_inline: true,
            abandoned: Arc::default(),
        }
    }

    /// Whether a check needed more. Its result says nothing then but that.
    pub fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    /// Whether the thread serves other requests as well: then no schema is compiled, and no pattern backtracks.
    pub(super) fn is_inline(&self) -> bool {
        self.is_inline
    }

    /// Notes that a check needs more than there is.
    pub(super) fn exceed(&self) {
        self.exceeded.set(true);
    }

    /// Runs one check within `limit` steps.
    ///
    /// # Errors
    /// [`BudgetExceeded`] if it needed more than that, or more than the request has left.
    pub(super) fn run<T>(
        &self,
        limit: u64,
        costs: AccessCosts,
        check: impl FnOnce() -> T,
    ) -> Result<T, BudgetExceeded> {
        let granted = if self.abandoned.load(Ordering::Relaxed) {
            0
        } else {
            limit.min(self.steps.get())
        };
        CHECK_METER.with(|meter| meter.start(granted, costs));
        let result = check();
        let (left, stopped_at) = CHECK_METER.with(Meter::stop);
        self.steps.set(self.steps.get() - (granted - left));
        match stopped_at {
            Some(address) => Err(BudgetExceeded(address)),
            None => Ok(result),
        }
    }
}

/// A check needed more steps than it was granted.
#[derive(Debug, Clone, Copy)]
pub(super) struct BudgetExceeded(
    /// The address of the value that it had come to.
    usize,
);

impl BudgetExceeded {
    /// Whether the check ended at this value.
    pub(super) fn is_at(self, value: &Value) -> bool {
        self.0 == address(value)
    }
}

/// What accesses cost under a schema.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct AccessCosts {
    /// For each byte of a text, in 1/16 steps.
    pub(super) text_byte: u64,
    /// For each byte of a key, in 1/16 steps.
    pub(super) key_byte: u64,
    /// Whether matching a text may take so long that the CPU time is read before each match.
    pub(super) is_timed: bool,
}

#[derive(Default)]
struct Meter {
    left: Cell<u64>,
    stopped_at: Cell<Option<usize>>,
    costs: Cell<AccessCosts>,
    /// The CPU time of the thread at which the check ends.
    deadline: Cell<Option<Duration>>,
}

impl Meter {
    fn start(&self, steps: u64, costs: AccessCosts) {
        self.left.set(steps);
        self.stopped_at.set(None);
        self.costs.set(costs);
        let is_long = steps > MAX_INLINE_STEPS;
        let deadline = is_long.then(|| thread_cpu_time() + MAX_CHECK_CPU);
        self.deadline.set(deadline);
    }

    fn stop(&self) -> (u64, Option<usize>) {
        (self.left.get(), self.stopped_at.get())
    }

    fn charge(&self, steps: u64, at: usize) -> bool {
        if self.stopped_at.get().is_some() {
            return false;
        }
        let left = self.left.get();
        if left >= steps {
            let rest = left - steps;
            self.left.set(rest);
            let is_same_span = left / STEPS_BETWEEN_CLOCK_READS == rest / STEPS_BETWEEN_CLOCK_READS;
            return is_same_span || self.is_in_time(at);
        }
        self.left.set(0);
        self.stopped_at.set(Some(at));
        false
    }

    /// Charges for a text that may be matched against patterns.
    fn charge_bytes(&self, bytes: usize, byte_cost: u64, at: usize) -> bool {
        let steps = 1 + (bytes as u64 * byte_cost).div_ceil(16);
        self.charge(steps, at) && (!self.costs.get().is_timed || self.is_in_time(at))
    }

    fn is_in_time(&self, at: usize) -> bool {
        if self
            .deadline
            .get()
            .is_some_and(|end| thread_cpu_time() > end)
        {
            self.stopped_at.set(Some(at));
            return false;
        }
        true
    }
}

thread_local! {
    static CHECK_METER: Meter = Meter::default();
}

/// Charges a number of steps for an access to `value`. False: there are none left.
pub(super) fn charge(steps: u64, value: &Value) -> bool {
    CHECK_METER.with(|meter| meter.charge(steps, address(value)))
}

/// Charges for reading a text of this many bytes, which a pattern may match against.
pub(super) fn charge_text(bytes: usize, value: &Value) -> bool {
    CHECK_METER.with(|meter| meter.charge_bytes(bytes, meter.costs.get().text_byte, address(value)))
}

/// Charges for a key of this many bytes, which the patterns of `patternProperties` may match against.
pub(super) fn charge_key(bytes: usize, value: &Value) -> bool {
    CHECK_METER.with(|meter| meter.charge_bytes(bytes, meter.costs.get().key_byte, address(value)))
}

fn address(value: &Value) -> usize {
    std::ptr::from_ref(value).addr()
}

fn thread_cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        time.tv_sec.try_into().unwrap_or_default(),
        time.tv_nsec.try_into().unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checks_of_a_request_share_their_steps() {
        let budget = CheckBudget::full(Arc::default());
        let value = Value::Null;
        let check = |steps| {
            budget.run(MAX_CHECK_STEPS, AccessCosts::default(), || {
                charge(steps, &value)
            })
        };
        for _ in 0..9 {
            assert!(matches!(check(3_000_000), Ok(true)));
        }
        assert!(matches!(check(2_999_999), Ok(true)));
        assert!(matches!(check(1), Ok(true)));
        assert!(check(1).is_err_and(|exceeded| exceeded.is_at(&value)));
    }

    #[test]
    fn one_check_has_a_number_of_steps() {
        let budget = CheckBudget::full(Arc::default());
        let value = Value::Null;
        let check = |steps| {
            budget.run(MAX_CHECK_STEPS, AccessCosts::default(), || {
                charge(steps, &value)
            })
        };
        assert!(matches!(check(3_000_000), Ok(true)));
        assert!(check(3_000_001).is_err_and(|exceeded| exceeded.is_at(&value)));
    }
}
