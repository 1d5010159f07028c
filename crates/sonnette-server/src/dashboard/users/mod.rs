//! Pages that list users and give them access: those of one organizer, and all users of the server.

mod access;
pub(super) mod organizer_users;
pub(super) mod server_users;
