//! How many name lookups run at a time, and whose.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::domain::OrganizerId;
use crate::engine::monotonic_clock;

/// The most lookups at a time.
pub(super) const MAX_LOOKUPS: usize = 256;
/// Those of them that are kept for an organizer's only lookup, and for known hosts.
const RESERVED_LOOKUPS: usize = 64;
/// The most reserved lookups of one organizer at a time.
const MAX_RESERVED_PER_ORGANIZER: usize = 4;
/// Hosts that are remembered as known.
const MAX_KNOWN_HOSTS: usize = 10_000;
/// How long a host is known after a lookup that found it.
const HOST_LIFETIME: Duration = Duration::from_hours(24);

/// An organizer may start a lookup as long as fewer of its lookups are running than further ones could: one gets half of
/// what is not reserved, two a third each, and so on. Beyond that, the reserve has room for the only lookup of an
/// organizer, and for hosts that were found lately: names that hang delay neither the names of other organizers nor the
/// known names of their own.
#[derive(Clone, Default)]
pub(super) struct LookupLimits(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    running_count: usize,
    /// Running lookups of each organizer that has some.
    by_organizer: HashMap<OrganizerId, RunningCounts>,
    /// When a lookup last found each of these hosts.
    known_hosts: HashMap<String, Instant>,
}

#[derive(Clone, Copy, Default)]
struct RunningCounts {
    lookups: usize,
    /// Those that use the reserve.
    reserved_lookups: usize,
}

/// The right to look up a name. It is returned when dropped.
pub(super) struct LookupPermit {
    organizer: OrganizerId,
    is_reserved: bool,
    limits: LookupLimits,
}

impl LookupLimits {
    /// A permit for a lookup of `host` for a webhook of `organizer`, if it may run now.
    pub(super) fn try_acquire(&self, organizer: OrganizerId, host: &str) -> Option<LookupPermit> {
        let mut state = self.0.lock();
        let running = state.by_organizer.get(&organizer).copied();
        let mut running = running.unwrap_or_default();
        let unreserved = MAX_LOOKUPS - RESERVED_LOOKUPS;
        let is_reserved = running.lookups >= unreserved.saturating_sub(state.running_count);
        if is_reserved && !state.can_use_reserve(running, host) {
            return None;
        }
        state.running_count += 1;
        running.lookups += 1;
        running.reserved_lookups += usize::from(is_reserved);
        state.by_organizer.insert(organizer, running);
        Some(LookupPermit {
            organizer,
            is_reserved,
            limits: self.clone(),
        })
    }
}

impl State {
    fn can_use_reserve(&self, running: RunningCounts, host: &str) -> bool {
        let known_since = self.known_hosts.get(host);
        let is_known = known_since.is_some_and(|at| at.elapsed() < HOST_LIFETIME);
        self.running_count < MAX_LOOKUPS
            && running.reserved_lookups < MAX_RESERVED_PER_ORGANIZER
            && (is_known || running.lookups == 0)
    }
}

impl LookupPermit {
    /// Records that the lookup has found the host.
    pub(super) fn record_success(&self, host: &str) {
        let now = monotonic_clock::now();
        let mut state = self.limits.0.lock();
        if let Some(at) = state.known_hosts.get_mut(host) {
            *at = now;
            return;
        }
        if state.known_hosts.len() >= MAX_KNOWN_HOSTS {
            state
                .known_hosts
                .retain(|_, at| at.elapsed() < HOST_LIFETIME / 24);
        }
        if state.known_hosts.len() < MAX_KNOWN_HOSTS {
            state.known_hosts.insert(host.to_owned(), now);
        }
    }
}

impl Drop for LookupPermit {
    fn drop(&mut self) {
        let mut state = self.limits.0.lock();
        state.running_count -= 1;
        match state.by_organizer.get_mut(&self.organizer) {
            Some(running) if running.lookups > 1 => {
                running.lookups -= 1;
                running.reserved_lookups -= usize::from(self.is_reserved);
            }
            _ => drop(state.by_organizer.remove(&self.organizer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acquire_all(limits: &LookupLimits, organizer: i64, host: &str) -> Vec<LookupPermit> {
        std::iter::from_fn(|| limits.try_acquire(OrganizerId(organizer), host)).collect()
    }

    #[test]
    fn there_is_room_for_the_next_organizer() {
        let limits = LookupLimits::default();
        let mut held = Vec::new();
        for organizer in 0..10 {
            let all = acquire_all(&limits, organizer, "hangs.test");
            assert!(!all.is_empty());
            if organizer == 0 {
                assert_eq!(all.len(), (MAX_LOOKUPS - RESERVED_LOOKUPS) / 2);
            }
            held.push(all);
        }
        let next = acquire_all(&limits, 10, "a.test");
        assert_eq!(next.len(), 1);
        drop(next);
        // As lookups end, the shares become equal.
        held[0].truncate(8);
        let next = acquire_all(&limits, 10, "a.test");
        assert!(next.len() > 16, "{}", next.len());
        drop((held, next));
        let state = limits.0.lock();
        assert_eq!((state.running_count, state.by_organizer.len()), (0, 0));
    }

    #[test]
    fn known_hosts_have_room_beside_others_of_their_organizer() {
        let limits = LookupLimits::default();
        let permit = limits.try_acquire(OrganizerId(1), "a.test").unwrap();
        permit.record_success("a.test");
        drop(permit);
        let held = acquire_all(&limits, 1, "hangs.test");
        assert!(limits.try_acquire(OrganizerId(1), "b.test").is_none());
        let known = acquire_all(&limits, 1, "a.test");
        assert_eq!(known.len(), MAX_RESERVED_PER_ORGANIZER);
        drop((held, known));
    }

    #[test]
    fn known_hosts_are_bounded() {
        let limits = LookupLimits::default();
        let permit = limits.try_acquire(OrganizerId(1), "a.test").unwrap();
        for host in 0..=MAX_KNOWN_HOSTS {
            permit.record_success(&format!("{host}.test"));
        }
        assert_eq!(limits.0.lock().known_hosts.len(), MAX_KNOWN_HOSTS);
    }
}
