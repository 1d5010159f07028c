//! The bytes of request bodies in memory, in all and by client.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::client_key::ClientKey;
use super::limits::LimitExceeded;

/// Counts the bytes of the request bodies that are in memory.
#[derive(Debug)]
pub(crate) struct BodyMemory {
    max_bytes: usize,
    max_client_bytes: usize,
    reserved: Mutex<ReservedBytes>,
}

#[derive(Debug, Default)]
struct ReservedBytes {
    bytes: usize,
    /// Clients without a byte have no entry.
    by_client: HashMap<ClientKey, usize>,
}

/// The bytes of one body; dropping it releases them.
#[derive(Debug)]
pub(crate) struct BodyReservation {
    memory: Arc<BodyMemory>,
    client: ClientKey,
    bytes: usize,
}

impl BodyMemory {
    /// Allows `max_bytes` in all and `max_client_bytes` for one client.
    pub(crate) fn new(max_bytes: usize, max_client_bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            max_bytes,
            max_client_bytes,
            reserved: Mutex::default(),
        })
    }

    /// The charge of a body of which nothing has been read.
    pub(crate) fn reserve(self: &Arc<Self>, client: ClientKey) -> BodyReservation {
        BodyReservation {
            memory: self.clone(),
            client,
            bytes: 0,
        }
    }
}

impl BodyReservation {
    /// Adds bytes of the body.
    ///
    /// # Errors
    /// There is no room for them; nothing is added.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), LimitExceeded> {
        let mut held = self.memory.reserved.lock();
        let by_client = held.by_client.get(&self.client).copied().unwrap_or(0);
        if by_client.saturating_add(bytes) > self.memory.max_client_bytes {
            return Err(LimitExceeded::Client);
        }
        if held.bytes.saturating_add(bytes) > self.memory.max_bytes {
            return Err(LimitExceeded::Total);
        }
        held.bytes += bytes;
        held.by_client.insert(self.client, by_client + bytes);
        self.bytes += bytes;
        Ok(())
    }
}

impl Drop for BodyReservation {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut held = self.memory.reserved.lock();
        held.bytes -= self.bytes;
        match held.by_client.get_mut(&self.client) {
            Some(bytes) if *bytes > self.bytes => *bytes -= self.bytes,
            _ => drop(held.by_client.remove(&self.client)),
        }
    }
}

#[cfg(test)]
mod tests {
    use sonnette::domain::TokenId;

    use super::*;

    #[test]
    fn bytes_are_bounded_for_one_and_for_all() {
        let memory = BodyMemory::new(100, 60);
        let mut first = memory.reserve(ClientKey::Token(TokenId(1)));
        let mut second = memory.reserve(ClientKey::Token(TokenId(2)));
        assert_eq!(first.add(60), Ok(()));
        assert_eq!(first.add(1), Err(LimitExceeded::Client));
        assert_eq!(second.add(41), Err(LimitExceeded::Total));
        assert_eq!(second.add(40), Ok(()));
        drop(first);
        assert_eq!(second.add(20), Ok(()));
        drop(second);
        let held = memory.reserved.lock();
        assert_eq!((held.bytes, held.by_client.len()), (0, 0));
    }
}
