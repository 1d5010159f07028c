//! Alerts and account emails, sent to a scripted SMTP server.

mod account_emails;
mod alerts;
mod doctor_mail_to;
mod smtp_server;
