//! Whether the hosts of receivers can be reached, and whether their failures are an outage of our own.
//!
//! All sending threads record outcomes in one table. A lane keeps a reference to the row of its host, so that an outcome
//! that changes nothing takes no lock.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::domain::{HostCounts, OrganizerId};

/// Hosts in the table. Further ones are left out: these are enough to recognize an outage.
const MAX_HOSTS: usize = 10_000;
/// Hosts of one organizer in the table, so that an organizer with many names does not outvote the others.
const MAX_HOSTS_PER_ORGANIZER: usize = 50;
/// The shortest time between two counts because of outcomes.
const MIN_COUNT_INTERVAL: Duration = Duration::from_millis(50);
/// The longest time between two counts.
const MAX_COUNT_INTERVAL: Duration = Duration::from_secs(1);

/// Milliseconds since the table was made; negative for times before.
type Millis = i64;

/// A host that has responded.
#[derive(Debug)]
pub(crate) struct Host {
    /// The organizer that it counts for: the first whose request it responded to.
    organizer: OrganizerId,
    is_unreachable: AtomicBool,
    /// When it last responded.
    last_response_at: AtomicI64,
    /// When a request to it last ended.
    last_request_at: AtomicI64,
}

/// The hosts of all receivers that have responded lately.
#[derive(Debug)]
pub(crate) struct HostTable {
    started_at: Instant,
    hosts: Mutex<HashMap<String, Arc<Host>>>,
    /// The number of hosts of each organizer. Locked after `hosts`.
    by_organizer: Mutex<HashMap<OrganizerId, usize>>,
    has_outage: AtomicBool,
    /// An outcome has changed a row since the last count.
    is_changed: AtomicBool,
    counted_at: AtomicI64,
}

/// The outage has begun or ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutageChange {
    pub(crate) counts: HostCounts,
    pub(crate) has_outage: bool,
}

impl HostTable {
    pub(crate) fn new(started_at: Instant) -> Self {
        Self {
            started_at,
            hosts: Mutex::default(),
            by_organizer: Mutex::default(),
            has_outage: AtomicBool::new(false),
            is_changed: AtomicBool::new(false),
            counted_at: AtomicI64::new(0),
        }
    }

    pub(crate) fn has_outage(&self) -> bool {
        self.has_outage.load(Ordering::Relaxed)
    }

    /// The row of a host, if it is in the table.
    pub(crate) fn find(&self, host: &str) -> Option<Arc<Host>> {
        self.hosts.lock().get(host).cloned()
    }

    /// Adds a host that responded this long before the start.
    pub(crate) fn add_former(&self, host: &str, organizer: OrganizerId, age: Duration) {
        let at = -i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
        let row = self.find_or_add(host, organizer, at);
        row.last_response_at.fetch_max(at, Ordering::Relaxed);
        row.last_request_at.fetch_max(at, Ordering::Relaxed);
    }

    /// Records the end of a request to a host. `row` is the host's row as far as the lane knows it.
    pub(crate) fn record(
        &self,
        row: &mut Option<Arc<Host>>,
        host: &str,
        organizer: OrganizerId,
        is_unreachable: bool,
        instant: Instant,
    ) {
        let now = self.millis(instant);
        if row.is_none() {
            *row = if is_unreachable {
                self.find(host)
            } else {
                Some(self.find_or_add(host, organizer, now))
            };
        }
        // A host that has never responded says nothing about the network.
        let Some(row) = row else { return };
        row.last_request_at.store(now, Ordering::Relaxed);
        if !is_unreachable {
            row.last_response_at.store(now, Ordering::Relaxed);
        }
        if row.is_unreachable.swap(is_unreachable, Ordering::Relaxed) != is_unreachable {
            self.is_changed.store(true, Ordering::Relaxed);
        }
    }

    /// Counts the hosts, if that is due. Returns whether an outage has begun or ended with this count.
    pub(crate) fn count_if_due(&self, instant: Instant) -> Option<OutageChange> {
        let now = self.millis(instant);
        let interval = if self.is_changed.load(Ordering::Relaxed) {
            MIN_COUNT_INTERVAL
        } else {
            MAX_COUNT_INTERVAL
        };
        let before = self.counted_at.load(Ordering::Relaxed);
        let is_due = now.saturating_sub(before) >= to_millis(interval);
        let ordering = Ordering::Relaxed;
        // Of several threads, one counts.
        if !is_due
            || self
                .counted_at
                .compare_exchange(before, now, ordering, ordering)
                .is_err()
        {
            return None;
        }
        self.is_changed.store(false, Ordering::Relaxed);
        let mut hosts = self.hosts.lock();
        self.forget_old(&mut hosts, now);
        let counts = hosts.values().fold(HostCounts::default(), |counts, host| {
            let age = |at: &AtomicI64| now.saturating_sub(at.load(Ordering::Relaxed)).max(0);
            let (reached, tried) = (age(&host.last_response_at), age(&host.last_request_at));
            let is_unreachable = host.is_unreachable.load(Ordering::Relaxed);
            counts.with(to_duration(reached), to_duration(tried), is_unreachable)
        });
        let has_outage = counts.is_outage();
        // While the rows are locked: of two counts, the later decides.
        let before = self.has_outage.swap(has_outage, Ordering::Relaxed);
        (before != has_outage).then_some(OutageChange { counts, has_outage })
    }

    /// A row for a host that has responded. One for which there is no room is not in the table, and is not counted.
    fn find_or_add(&self, host: &str, organizer: OrganizerId, at: Millis) -> Arc<Host> {
        let mut hosts = self.hosts.lock();
        if let Some(row) = hosts.get(host) {
            return row.clone();
        }
        let row = Arc::new(Host {
            organizer,
            is_unreachable: AtomicBool::new(false),
            last_response_at: AtomicI64::new(at),
            last_request_at: AtomicI64::new(at),
        });
        let mut by_organizer = self.by_organizer.lock();
        let of_organizer = by_organizer.entry(organizer).or_default();
        if hosts.len() < MAX_HOSTS && *of_organizer < MAX_HOSTS_PER_ORGANIZER {
            *of_organizer += 1;
            hosts.insert(host.to_owned(), row.clone());
        }
        row
    }

    /// Forgets the hosts that no longer count and belong to no lane in memory.
    fn forget_old(&self, hosts: &mut HashMap<String, Arc<Host>>, now: Millis) {
        let mut by_organizer = self.by_organizer.lock();
        hosts.retain(|_, host| {
            let age = now.saturating_sub(host.last_response_at.load(Ordering::Relaxed));
            let keep = Arc::strong_count(host) > 1 || age <= to_millis(HostCounts::HOST_LIFETIME);
            if !keep && let Some(count) = by_organizer.get_mut(&host.organizer) {
                *count = count.saturating_sub(1);
            }
            keep
        });
        by_organizer.retain(|_, count| *count > 0);
    }

    fn millis(&self, instant: Instant) -> Millis {
        to_millis(instant.saturating_duration_since(self.started_at))
    }
}

fn to_millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

fn to_duration(millis: Millis) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock as _, SystemClock};

    fn table() -> (HostTable, Instant) {
        let now = SystemClock.instant();
        (HostTable::new(now), now)
    }

    fn record(table: &HostTable, host: &str, organizer: i64, is_unreachable: bool, at: Instant) {
        let organizer = OrganizerId(organizer);
        table.record(&mut None, host, organizer, is_unreachable, at);
    }

    #[test]
    fn one_organizer_with_many_names_is_no_outage() {
        let (table, start) = table();
        for name in 0..1_000 {
            record(&table, &format!("{name}.test"), 1, false, start);
        }
        for name in ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"] {
            record(&table, name, 2, false, start);
        }
        for name in 0..1_000 {
            record(&table, &format!("{name}.test"), 1, true, start);
        }
        let at = start + Duration::from_secs(2);
        assert_eq!(table.count_if_due(at), None);
        assert_eq!(table.hosts.lock().len(), MAX_HOSTS_PER_ORGANIZER + 6);
    }

    #[test]
    fn hosts_of_the_time_before_the_start_count() {
        let (table, start) = table();
        for name in ["a", "b", "c", "d", "e"] {
            table.add_former(name, OrganizerId(1), Duration::from_hours(3));
        }
        let at = start + Duration::from_secs(2);
        assert_eq!(table.count_if_due(at), None);
        for name in ["a", "b", "c", "d", "e", "never.test"] {
            record(&table, name, 1, true, at);
        }
        let change = table.count_if_due(at + MIN_COUNT_INTERVAL).unwrap();
        assert!(change.has_outage);
        assert_eq!(
            (change.counts.known_hosts, change.counts.unreachable_hosts),
            (5, 5)
        );
        let later = at + Duration::from_hours(25);
        assert!(!table.count_if_due(later).unwrap().has_outage);
        assert!(table.hosts.lock().is_empty());
        assert!(table.by_organizer.lock().is_empty());
    }
}
