//! Mail about webhooks that were switched off, handed to a real mail server.

mod account_emails;
mod alerts;
mod doctor_mail_to;
mod smtp_server;
