//! Actions on a stored webhook: test it, send again, enable and disable it, clear its queue.

pub(super) mod change;
pub(super) mod confirm;
pub(in crate::dashboard) mod enable;
pub(in crate::dashboard) mod queue;
pub(in crate::dashboard) mod resend;
pub(in crate::dashboard) mod test;
pub(super) mod test_result;
