//! Name lookups.
//!
//! The system's resolver blocks its thread, for as long as a name server does not answer. So each lookup has a thread of
//! its own and not one of those that the store uses, and their number is bounded ([`LookupLimits`]). Requests to the same
//! host share a lookup.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::error::shortage_failure;
use super::lookup_limits::{LookupLimits, LookupPermit};
use crate::domain::{OrganizerId, SendFailure};
use crate::engine::lower_thread_priority;

/// The stack of a lookup's thread, in bytes.
const STACK_BYTES: usize = 256 * 1024;

type LookupResult = Result<Vec<IpAddr>, SendFailure>;
type LookupFn = dyn Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The resolver of this process.
static SYSTEM_RESOLVER: LazyLock<Resolver> = LazyLock::new(|| Resolver::new(look_up));

/// Finds the addresses of hosts. Clones share their limits.
#[derive(Clone)]
pub struct Resolver(Arc<Inner>);

struct Inner {
    look_up: Box<LookupFn>,
    limits: LookupLimits,
    /// The lookups that are running.
    running_lookups: Mutex<HashMap<String, watch::Receiver<Option<LookupResult>>>>,
}

impl Default for Resolver {
    /// The system's resolver, with limits for the whole process.
    fn default() -> Self {
        SYSTEM_RESOLVER.clone()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl Resolver {
    /// A resolver that finds addresses with `look_up`, which may block.
    pub fn new(look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            look_up: Box::new(look_up),
            limits: LookupLimits::default(),
            running_lookups: Mutex::default(),
        }))
    }

    /// The addresses of `host`, which may be an address itself.
    pub(super) async fn resolve(
        &self,
        host: &str,
        port: u16,
        organizer: OrganizerId,
    ) -> Result<Vec<SocketAddr>, SendFailure> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let mut result = self.join_or_start(host, organizer)?;
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
        &self,
        host: &str,
        organizer: OrganizerId,
    ) -> Result<watch::Receiver<Option<LookupResult>>, SendFailure> {
        let (sender, receiver) = watch::channel(None);
        let permit = {
            let mut running = self.0.running_lookups.lock();
            if let Some(lookup) = running.get(host) {
                return Ok(lookup.clone());
            }
            let Some(permit) = self.0.limits.try_acquire(organizer, host) else {
                return Err(SendFailure::LookupLimit);
            };
            running.insert(host.to_owned(), receiver.clone());
            permit
        };
        // Not under the lock, which dropping it takes.
        let lookup = RunningLookup {
            resolver: self.clone(),
            host: host.to_owned(),
            permit,
        };
        let refusal = sender.clone();
        let thread = std::thread::Builder::new()
            .name("sonnette-lookup".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                lower_thread_priority();
                let result = lookup.run();
                drop(lookup);
                sender.send_replace(Some(result));
            });
        if let Err(error) = thread {
            let what = format!("no thread for a name lookup: {error}");
            // Others may have joined meanwhile.
            refusal.send_replace(Some(Err(SendFailure::Shortage { what })));
        }
        Ok(receiver)
    }
}

/// A lookup that can be joined. It cannot any longer when this is dropped.
struct RunningLookup {
    resolver: Resolver,
    host: String,
    permit: LookupPermit,
}

impl RunningLookup {
    fn run(&self) -> LookupResult {
        let host = &self.host;
        let error = match (self.resolver.0.look_up)(host) {
            Ok(addresses) if !addresses.is_empty() => {
                self.permit.record_success(host);
                return Ok(addresses);
            }
            Ok(_) => None,
            Err(error) => Some(error),
        };
        tracing::debug!(host, ?error, "the lookup of {host} failed");
        Err(
            descriptor_shortage().unwrap_or_else(|| SendFailure::NoAddress {
                host: host.to_owned(),
            }),
        )
    }
}

impl Drop for RunningLookup {
    fn drop(&mut self) {
        self.resolver.0.running_lookups.lock().remove(&self.host);
    }
}

/// The system's resolver.
fn look_up(host: &str) -> io::Result<Vec<IpAddr>> {
    let found = (host, 0).to_socket_addrs()?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Without file descriptors the resolver reports an unknown name.
fn descriptor_shortage() -> Option<SendFailure> {
    let error: io::Error = std::fs::File::open("/dev/null").err()?;
    shortage_failure(&error)
}
