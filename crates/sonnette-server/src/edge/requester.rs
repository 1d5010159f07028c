//! For whom a request uses the store.

use sonnette::domain::OrganizerId;

use super::client_key::ClientKey;

tokio::task_local! {
    /// For whom the request of this task is answered.
    static REQUESTER: Requester;
}

/// For whom the store is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Requester {
    /// The organizer of the token.
    Organizer(OrganizerId),
    /// A client without the token of an organizer.
    Client(ClientKey),
    /// The server itself.
    Server,
}

impl Requester {
    /// Runs `request` on behalf of this requester.
    pub(super) async fn scope<F: Future>(self, request: F) -> F::Output {
        REQUESTER.scope(self, request).await
    }

    /// For whom the current task runs.
    pub(super) fn current() -> Self {
        REQUESTER
            .try_with(|requester| *requester)
            .unwrap_or(Self::Server)
    }
}
