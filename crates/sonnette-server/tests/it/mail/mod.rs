//! Mail about webhooks that were switched off, handed to a real mail server.

mod alerts;
mod doctor;
mod letters;
mod server;
