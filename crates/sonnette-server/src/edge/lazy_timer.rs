//! The timer for the heads of requests.
//!
//! hyper moves the deadline at each request. Each move of a tokio timer is a system call that wakes the runtime, while
//! nearly no deadline is ever reached. So a move only stores the new deadline; the tokio timer follows when it fires.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use sonnette::clock::{Clock as _, SystemClock};

/// A timer whose deadlines cost little to move to a later time.
#[derive(Debug, Clone, Copy)]
pub(super) struct LazyTimer;

impl Timer for LazyTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(LazySleep {
            deadline,
            timer: Box::pin(tokio::time::sleep_until(deadline.into())),
        })
    }

    fn now(&self) -> Instant {
        SystemClock.instant()
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, new_deadline: Instant) {
        if let Some(sleep) = sleep.as_mut().downcast_mut_pin::<LazySleep>() {
            sleep.get_mut().reset(new_deadline);
        }
    }
}

struct LazySleep {
    deadline: Instant,
    /// Fires at the deadline or before.
    timer: Pin<Box<tokio::time::Sleep>>,
}

impl LazySleep {
    fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if deadline < self.timer.deadline().into_std() {
            self.timer.as_mut().reset(deadline.into());
        }
    }
}

impl Future for LazySleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline.into();
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline);
        }
    }
}

impl Sleep for LazySleep {}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fires_at_the_last_deadline() {
        let now = || tokio::time::sleep(Duration::ZERO).deadline();
        for deadlines in [vec![10], vec![10, 15, 40], vec![40, 10], vec![10, 60, 20]] {
            let began = now();
            let at = |seconds| (began + Duration::from_secs(seconds)).into_std();
            let mut sleep = LazyTimer.sleep_until(at(deadlines[0]));
            for deadline in &deadlines[1..] {
                let waited = timeout(Duration::from_secs(1), sleep.as_mut()).await;
                assert!(waited.is_err(), "{deadlines:?}");
                LazyTimer.reset(&mut sleep, at(*deadline));
            }
            pin!(sleep).await;
            let last = Duration::from_secs(*deadlines.last().unwrap());
            let elapsed = now() - began;
            let accuracy = Duration::from_millis(5);
            assert!(elapsed >= last && elapsed < last + accuracy, "{elapsed:?}");
        }
    }
}
