//! What people do to deliveries and webhooks: recover, erase, test, look.

mod recover;
mod status;
mod test;
