//! Runs work on the store one piece at a time, and reports each result when the simulation says so.

use parking_lot::Mutex;

use crate::engine::blocking::{BlockingExecutor, BlockingWork, ReportResult};

/// Work that was asked for, and results that nobody has heard of yet.
#[derive(Default)]
pub(super) struct SteppedExecutor {
    work: Mutex<Vec<BlockingWork>>,
    reports: Mutex<Vec<ReportResult>>,
}

impl BlockingExecutor for SteppedExecutor {
    fn execute(&self, work: BlockingWork) {
        self.work.lock().push(work);
    }
}

impl SteppedExecutor {
    pub(super) fn work_count(&self) -> usize {
        self.work.lock().len()
    }

    pub(super) fn report_count(&self) -> usize {
        self.reports.lock().len()
    }

    /// Does the work at this place; its result is reported later.
    pub(super) fn run(&self, place: usize) {
        let work = self.work.lock().remove(place);
        let report = work();
        self.reports.lock().push(report);
    }

    /// Reports the result at this place.
    pub(super) fn report(&self, place: usize) {
        let report = self.reports.lock().remove(place);
        report();
    }

    /// Forgets everything, as a crash does.
    pub(super) fn clear(&self) {
        let work = std::mem::take(&mut *self.work.lock());
        drop(work);
        let reports = std::mem::take(&mut *self.reports.lock());
        drop(reports);
    }
}
