//! How many requests a sending thread has in flight, and which lane may send the next one.
//!
//! A request counts in three limits: of the thread, of its organizer and of its target host. Each has a maximum, and a
//! lower one for lanes that do not respond well: a receiver that never answers, however many webhooks or organizers point
//! at it, leaves room for the others. A lane that finds no room waits for the limit that is reached.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::ops::Bound;
use std::rc::{Rc, Weak};

use crate::domain::{OrganizerId, TargetUrl};

/// The limits of one sending thread. `L` is a lane that can wait.
pub(super) struct ConcurrencyLimits<L> {
    thread: Rc<ConcurrencyLimit<L>>,
    organizers: RefCell<HashMap<OrganizerId, Weak<ConcurrencyLimit<L>>>>,
    hosts: RefCell<HashMap<String, Weak<ConcurrencyLimit<L>>>>,
}

/// Requests that are counted together.
pub(super) struct ConcurrencyLimit<L> {
    /// The most requests in flight.
    max: usize,
    /// The most requests in flight of lanes that do not respond well.
    max_unresponsive: usize,
    in_flight: Cell<usize>,
    unresponsive: Cell<usize>,
    /// Lanes that wait for room: those that respond well, and the others.
    waiting: [RefCell<FairQueue<L>>; 2],
    /// Counts the turns of waiting lanes.
    turns: Cell<usize>,
}

/// The three limits that the requests of a lane count in.
pub(super) struct LaneLimits<L> {
    organizer: OrganizerId,
    all: [Rc<ConcurrencyLimit<L>>; 3],
}

/// The room of one request in flight. Dropping it frees the room; [`ConcurrencyLimits::next_lane`] then returns the
/// lanes that were waiting for it.
pub(super) struct RequestPermit<L> {
    pub(super) limits: Rc<LaneLimits<L>>,
    is_responsive: bool,
}

/// Lanes that wait, with equal turns for each organizer.
struct FairQueue<L> {
    lanes: BTreeMap<OrganizerId, VecDeque<Rc<L>>>,
    /// The organizer of the last turn.
    last: Option<OrganizerId>,
}

impl<L> ConcurrencyLimits<L> {
    /// `max` is the most requests that the thread has in flight. Lanes that do not respond well get three quarters of it,
    /// an organizer or a target host half, and a quarter for its lanes that do not respond well.
    pub(super) fn new(max: usize) -> Self {
        Self {
            thread: ConcurrencyLimit::new(max, max * 3 / 4),
            organizers: RefCell::default(),
            hosts: RefCell::default(),
        }
    }

    /// The limits of a webhook.
    pub(super) fn limits_of(
        &self,
        organizer: OrganizerId,
        target: &TargetUrl,
    ) -> Rc<LaneLimits<L>> {
        let (max, max_unresponsive) = (self.thread.max / 2, self.thread.max / 4);
        let host = format!("{}:{}", target.host(), target.port().unwrap_or(0));
        let all = [
            self.thread.clone(),
            find_or_add(&self.organizers, organizer, max, max_unresponsive),
            find_or_add(&self.hosts, host, max, max_unresponsive),
        ];
        Rc::new(LaneLimits { organizer, all })
    }

    /// A lane that was waiting for room in one of these limits, and now has it there.
    pub(super) fn next_lane(freed: &LaneLimits<L>) -> Option<Rc<L>> {
        freed.all.iter().find_map(|limit| limit.next_waiting())
    }

    /// The requests in flight of the thread.
    pub(super) fn in_flight(&self) -> usize {
        self.thread.in_flight.get()
    }

    /// Forgets the limits that no lane in memory uses.
    pub(super) fn forget_unused(&self) {
        self.organizers
            .borrow_mut()
            .retain(|_, limit| limit.strong_count() > 0);
        self.hosts
            .borrow_mut()
            .retain(|_, limit| limit.strong_count() > 0);
    }
}

fn find_or_add<K: Hash + Eq, L>(
    limits: &RefCell<HashMap<K, Weak<ConcurrencyLimit<L>>>>,
    key: K,
    max: usize,
    max_unresponsive: usize,
) -> Rc<ConcurrencyLimit<L>> {
    let mut limits = limits.borrow_mut();
    let known = limits.entry(key).or_default();
    known.upgrade().unwrap_or_else(|| {
        let limit = ConcurrencyLimit::new(max, max_unresponsive);
        *known = Rc::downgrade(&limit);
        limit
    })
}

impl<L> LaneLimits<L> {
    /// Takes room for one request. None: one of the limits is reached, and the lane waits for it unless it `is_waiting`
    /// already. A lane waits for one limit at a time.
    pub(super) fn acquire(
        self: &Rc<Self>,
        lane: &Rc<L>,
        is_responsive: bool,
        is_waiting: &Cell<bool>,
    ) -> Option<RequestPermit<L>> {
        if let Some(full) = self.all.iter().find(|limit| !limit.has_room(is_responsive)) {
            if !is_waiting.replace(true) {
                full.wait(self.organizer, lane, is_responsive);
            }
            return None;
        }
        for limit in &self.all {
            limit.count(is_responsive, 1);
        }
        Some(RequestPermit {
            limits: self.clone(),
            is_responsive,
        })
    }

    /// Has a lane that has just sent wait for its next turn, if others wait too. Returns whether it does.
    pub(super) fn yield_turn(
        &self,
        lane: &Rc<L>,
        is_responsive: bool,
        is_waiting: &Cell<bool>,
    ) -> bool {
        let [thread, ..] = &self.all;
        let others_wait = self.all.iter().any(|limit| limit.has_waiting());
        if others_wait && !is_waiting.replace(true) {
            thread.wait(self.organizer, lane, is_responsive);
        }
        others_wait
    }
}

impl<L> Drop for RequestPermit<L> {
    fn drop(&mut self) {
        for limit in &self.limits.all {
            limit.count(self.is_responsive, -1);
        }
    }
}

impl<L> ConcurrencyLimit<L> {
    fn new(max: usize, max_unresponsive: usize) -> Rc<Self> {
        Rc::new(Self {
            max: max.max(1),
            max_unresponsive: max_unresponsive.max(1),
            in_flight: Cell::new(0),
            unresponsive: Cell::new(0),
            waiting: Default::default(),
            turns: Cell::new(0),
        })
    }

    fn has_room(&self, is_responsive: bool) -> bool {
        self.in_flight.get() < self.max
            && (is_responsive || self.unresponsive.get() < self.max_unresponsive)
    }

    fn count(&self, is_responsive: bool, change: isize) {
        let add = |cell: &Cell<usize>| cell.set(cell.get().saturating_add_signed(change));
        add(&self.in_flight);
        if !is_responsive {
            add(&self.unresponsive);
        }
    }

    fn wait(&self, organizer: OrganizerId, lane: &Rc<L>, is_responsive: bool) {
        let mut waiting = self.waiting[usize::from(!is_responsive)].borrow_mut();
        waiting.push(organizer, lane);
    }

    fn has_waiting(&self) -> bool {
        let is_empty = |queue: &RefCell<FairQueue<L>>| queue.borrow().lanes.is_empty();
        !self.waiting.iter().all(is_empty)
    }

    fn next_waiting(&self) -> Option<Rc<L>> {
        let turn = self.turns.get();
        self.turns.set(turn.wrapping_add(1));
        // Every fourth turn is for the lanes that do not respond well: a new lane is one of them.
        let responsive_first = turn % 4 != 3;
        [responsive_first, !responsive_first]
            .into_iter()
            .filter(|is_responsive| self.has_room(*is_responsive))
            .find_map(|is_responsive| self.waiting[usize::from(!is_responsive)].borrow_mut().pop())
    }
}

impl<L> Default for FairQueue<L> {
    fn default() -> Self {
        Self {
            lanes: BTreeMap::new(),
            last: None,
        }
    }
}

impl<L> FairQueue<L> {
    fn push(&mut self, organizer: OrganizerId, lane: &Rc<L>) {
        let waiting = self.lanes.entry(organizer).or_default();
        waiting.push_back(lane.clone());
    }

    fn pop(&mut self) -> Option<Rc<L>> {
        let after = self.last.map_or(Bound::Unbounded, Bound::Excluded);
        let later = self.lanes.range((after, Bound::Unbounded)).next();
        let organizer = *later.or_else(|| self.lanes.iter().next())?.0;
        let waiting = self.lanes.get_mut(&organizer)?;
        let lane = waiting.pop_front();
        if waiting.is_empty() {
            self.lanes.remove(&organizer);
        }
        self.last = Some(organizer);
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The default of the server.
    const MAX_IN_FLIGHT: usize = 2_048;

    /// Begins requests of one lane until it has to wait.
    fn fill(
        limits: &ConcurrencyLimits<i64>,
        organizer: i64,
        host: &str,
        is_responsive: bool,
    ) -> Vec<RequestPermit<i64>> {
        let target = format!("https://{host}.example/").parse().unwrap();
        let limits = limits.limits_of(OrganizerId(organizer), &target);
        let (lane, is_waiting) = (Rc::new(organizer), Cell::new(false));
        let acquire = || limits.acquire(&lane, is_responsive, &is_waiting);
        let permits = std::iter::from_fn(acquire).collect();
        assert!(is_waiting.get());
        permits
    }

    #[test]
    fn an_organizer_has_half_of_the_requests_of_a_thread() {
        let limits = ConcurrencyLimits::new(MAX_IN_FLIGHT);
        let first = fill(&limits, 1, "a", false);
        assert_eq!(first.len(), 512, "a quarter until it has responded well");
        let second = fill(&limits, 1, "b", true);
        assert_eq!(second.len(), 512);
        assert_eq!(fill(&limits, 1, "c", true).len(), 0);
        assert_eq!(fill(&limits, 2, "c", true).len(), 1_024);
    }

    #[test]
    fn a_host_has_half_of_the_requests_of_a_thread() {
        let limits = ConcurrencyLimits::new(MAX_IN_FLIGHT);
        let first = fill(&limits, 1, "a", false);
        assert_eq!(first.len(), 512, "a quarter until it has responded well");
        let second = fill(&limits, 2, "a", true);
        assert_eq!(second.len(), 512);
        assert_eq!(fill(&limits, 3, "a", true).len(), 0);
        assert_eq!(fill(&limits, 3, "b", true).len(), 1_024);
    }

    #[test]
    fn a_thread_has_a_number_of_requests_in_flight() {
        let limits = ConcurrencyLimits::new(MAX_IN_FLIGHT);
        let first = fill(&limits, 1, "a", true);
        let second = fill(&limits, 2, "b", true);
        assert_eq!((first.len(), second.len()), (1_024, 1_024));
        assert_eq!(limits.in_flight(), MAX_IN_FLIGHT);
        assert_eq!(fill(&limits, 3, "c", true).len(), 0);
        let freed = first[0].limits.clone();
        drop(first);
        let next = || ConcurrencyLimits::next_lane(&freed).map(|lane| *lane);
        let waiting: Vec<_> = std::iter::from_fn(next).collect();
        assert_eq!(waiting, [2, 3, 1], "the last one waits for its own room");
    }

    #[test]
    fn lanes_that_do_not_respond_well_leave_a_quarter_of_a_thread() {
        let limits = ConcurrencyLimits::new(MAX_IN_FLIGHT);
        let slow: Vec<_> = [(1, "a"), (2, "b"), (3, "c")]
            .into_iter()
            .flat_map(|(organizer, host)| fill(&limits, organizer, host, false))
            .collect();
        assert_eq!(slow.len(), 1_536);
        assert_eq!(fill(&limits, 4, "d", false).len(), 0);
        assert_eq!(fill(&limits, 4, "d", true).len(), 512);
    }
}
