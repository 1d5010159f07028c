//! Pages that list users and give them access: those of one organizer, and all users of the server.

pub(super) mod organizer_users;
mod permissions;
pub(super) mod server_users;
