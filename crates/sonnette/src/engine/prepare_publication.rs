//! Prepares publications: on the thread of the request if that costs little, else where nobody waits for the thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{OrganizerSnapshot, PublishError, PublishRequest, Sonnette, publisher};
use crate::dialect::CheckBudget;
use crate::domain::TokenHash;
use crate::store::PublicationGroup;

/// Bytes of `data` that are prepared on the thread of the request.
const MAX_INLINE_BYTES: usize = 256 << 10;

impl Sonnette {
    /// Checks and composes the publications of one request.
    pub(super) async fn prepare(
        &self,
        organizer_snapshot: Arc<OrganizerSnapshot>,
        token: Option<TokenHash>,
        requests: Vec<PublishRequest>,
    ) -> Result<PublicationGroup, PublishError> {
        let now = self.now();
        let bytes: usize = requests
            .iter()
            .map(|request| request.data.get().len())
            .sum();
        if bytes <= MAX_INLINE_BYTES {
            let budget = CheckBudget::inline();
            let prepared = publisher::prepare(&organizer_snapshot, token, &requests, now, &budget);
            if !budget.is_exceeded() {
                return prepared;
            }
        }
        let permit = self.checks.acquire(organizer_snapshot.organizer.id).await;
        let permit = permit.ok_or(PublishError::Unavailable)?;
        let cancel_on_drop = CancelOnDrop::default();
        let is_cancelled = cancel_on_drop.is_cancelled.clone();
        let work = move || {
            let _permit = permit;
            let budget = CheckBudget::full(is_cancelled);
            Ok(publisher::prepare(
                &organizer_snapshot,
                token,
                &requests,
                now,
                &budget,
            ))
        };
        // Fails only if the work was lost.
        let prepared = self.context.run_blocking(work).await;
        drop(cancel_on_drop);
        prepared.unwrap_or(Err(PublishError::Unavailable))
    }
}

/// Whoever waits for the result. Dropping it ends the work.
#[derive(Default)]
struct CancelOnDrop {
    is_cancelled: Arc<AtomicBool>,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.is_cancelled.store(true, Ordering::Relaxed);
    }
}
