//! What a user does with a stored webhook: test it, send again, enable and disable it, clear its queue.

pub(super) mod confirm;
pub(crate) mod enable;
pub(crate) mod queue;
pub(crate) mod resend;
pub(crate) mod test;
pub(super) mod test_result;
