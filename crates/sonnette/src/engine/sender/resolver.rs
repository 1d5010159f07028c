//! Name lookups.
//!
//! The system's resolver blocks its thread, for as long as a name server does not answer. So each lookup has a thread of
//! its own and not one of those that the store uses, and their number is bounded, in total and per organizer. Requests to
//! the same host share a lookup.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::LazyLock;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::error::shortage;
use crate::domain::{OrganizerId, SendFailure};
use crate::engine::keyed_semaphore::KeyedSemaphore;

/// The most lookups at a time in this process.
const MAX_LOOKUPS: usize = 256;
/// The most lookups at a time for the webhooks of one organizer.
const MAX_LOOKUPS_PER_ORGANIZER: usize = 160;
/// The stack of a lookup's thread, in bytes.
const STACK_BYTES: usize = 256 * 1024;

type LookupResult = Result<Vec<IpAddr>, SendFailure>;

static LOOKUPS: LazyLock<Lookups> = LazyLock::new(|| Lookups {
    permits: KeyedSemaphore::new(MAX_LOOKUPS, MAX_LOOKUPS_PER_ORGANIZER),
    running: Mutex::default(),
});

/// The lookups that are running.
struct Lookups {
    permits: KeyedSemaphore<OrganizerId>,
    running: Mutex<HashMap<String, watch::Receiver<Option<LookupResult>>>>,
}

/// The addresses of `host`, which may be an address itself.
pub(super) async fn resolve(
    host: &str,
    port: u16,
    organizer: OrganizerId,
) -> Result<Vec<SocketAddr>, SendFailure> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let mut result = join_or_start(host, organizer)?;
    let addresses = match result.wait_for(Option::is_some).await {
        Ok(found) => found.clone().unwrap_or_else(|| Ok(Vec::new()))?,
        // The thread panicked.
        Err(_) => return Err(SendFailure::InternalError),
    };
    Ok(addresses
        .into_iter()
        .map(|ip| SocketAddr::new(ip, port))
        .collect())
}

fn join_or_start(
    host: &str,
    organizer: OrganizerId,
) -> Result<watch::Receiver<Option<LookupResult>>, SendFailure> {
    let (sender, receiver) = watch::channel(None);
    let permit = {
        let mut running = LOOKUPS.running.lock();
        if let Some(lookup) = running.get(host) {
            return Ok(lookup.clone());
        }
        let Some(permit) = LOOKUPS.permits.try_acquire(organizer) else {
            let what = "too many name lookups are running".to_owned();
            return Err(SendFailure::Shortage { what });
        };
        running.insert(host.to_owned(), receiver.clone());
        permit
    };
    // Not under the lock, which dropping it takes.
    let end = RunningLookup(host.to_owned());
    let refusal = sender.clone();
    let thread = std::thread::Builder::new()
        .name("sonnette-lookup".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let _permit = permit;
            let result = look_up(&end.0);
            drop(end);
            sender.send_replace(Some(result));
        });
    if let Err(error) = thread {
        let what = format!("no thread for a name lookup: {error}");
        // Others may have joined meanwhile.
        refusal.send_replace(Some(Err(SendFailure::Shortage { what })));
    }
    Ok(receiver)
}

/// Removes a lookup from those that can be joined when dropped.
struct RunningLookup(String);

impl Drop for RunningLookup {
    fn drop(&mut self) {
        LOOKUPS.running.lock().remove(&self.0);
    }
}

fn look_up(host: &str) -> LookupResult {
    let error = match (host, 0).to_socket_addrs() {
        Ok(found) => {
            let addresses: Vec<_> = found.map(|address| address.ip()).collect();
            if !addresses.is_empty() {
                return Ok(addresses);
            }
            None
        }
        Err(error) => Some(error),
    };
    tracing::debug!(host, ?error, "the lookup of {host} failed");
    Err(
        descriptor_shortage().unwrap_or_else(|| SendFailure::NoAddress {
            host: host.to_owned(),
        }),
    )
}

/// Without file descriptors the resolver reports an unknown name.
fn descriptor_shortage() -> Option<SendFailure> {
    let error: io::Error = std::fs::File::open("/dev/null").err()?;
    shortage(&error)
}
