//! Verifies and hashes passwords. Hashing is slow on purpose, so it runs on blocking threads, a few at a time.

use std::sync::LazyLock;

use sonnette::domain::{EmailAddress, User};

use crate::credentials::{hash_password, verify_password};
use crate::dashboard::shell::error::PageError;
use crate::edge::AppState;
use crate::edge::login_throttle::Throttles;

/// The hash that is verified for unknown addresses, so that they take as long as known ones.
static DUMMY_HASH: LazyLock<String> =
    LazyLock::new(|| hash_password("a password of nobody").unwrap_or_default());

/// A user whose password was correct.
pub(super) struct VerifiedUser {
    pub(super) user: User,
    /// The hash of the password, by which a change in the meantime is detected.
    pub(super) password_hash: String,
}

/// The user with this address, if the password is correct.
pub(super) async fn verify(
    state: &AppState,
    email: &str,
    password: &str,
) -> Result<Option<VerifiedUser>, PageError> {
    let found = match email.parse::<EmailAddress>() {
        Ok(email) => state.read(move |store| store.user_by_email(&email)).await?,
        Err(_) => None,
    };
    let found = found.and_then(|(user, hash)| {
        Some(VerifiedUser {
            user,
            password_hash: hash?,
        })
    });
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let password = password.to_owned();
    let is_correct = run_hashing(&state.throttles, move || {
        verify_password(&password, hash.as_deref().unwrap_or(&DUMMY_HASH))
    })
    .await?;
    Ok(found.filter(|_| is_correct))
}

/// The hash of a new password.
pub(super) async fn hash(state: &AppState, password: &str) -> Result<String, PageError> {
    let password = password.to_owned();
    let hashed = run_hashing(&state.throttles, move || hash_password(&password)).await?;
    hashed.map_err(|error| {
        tracing::error!(%error, "a password cannot be hashed: {error}");
        PageError::Internal
    })
}

/// Runs `work` on a blocking thread. The permit is held until the work ends, even if the client disconnects.
async fn run_hashing<T: Send + 'static>(
    throttles: &Throttles,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PageError> {
    let _queue_permit = throttles
        .hashing_queue
        .try_acquire()
        .map_err(|_| PageError::Unavailable)?;
    let permit = throttles.hashing_permits.clone().acquire_owned().await;
    let result = tokio::task::spawn_blocking(move || {
        let result = work();
        drop(permit);
        result
    });
    result.await.map_err(|_| PageError::Internal)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::task::Poll;

    use super::*;

    #[tokio::test]
    async fn two_passwords_are_hashed_at_a_time_and_eighteen_wait() {
        let throttles = Throttles::default();
        let (start, started) = mpsc::channel();
        let (releases, mut requests): (Vec<_>, Vec<_>) = (0..20)
            .map(|_| {
                let (release, released) = mpsc::channel::<()>();
                let start = start.clone();
                let work = move || {
                    start.send(()).unwrap();
                    // Ends with an error when the sender is dropped.
                    let _ = released.recv();
                };
                (release, Box::pin(run_hashing(&throttles, work)))
            })
            .unzip();
        for request in &mut requests {
            let polled =
                std::future::poll_fn(|context| Poll::Ready(request.as_mut().poll(context)));
            assert!(polled.await.is_pending());
        }
        started.recv().unwrap();
        started.recv().unwrap();
        assert_eq!(throttles.hashing_permits.available_permits(), 0);
        let refused = run_hashing(&throttles, || ()).await;
        assert!(matches!(refused, Err(PageError::Unavailable)));
        // The others begin only when one of the two has ended.
        assert!(started.try_recv().is_err());
        drop(releases);
        for request in requests {
            assert!(request.await.is_ok());
        }
        assert_eq!(started.try_iter().count(), 18);
    }
}
