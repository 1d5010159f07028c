//! What all pages share: layout, language, session, forms, errors, assets.

pub(super) mod assets;
pub(super) mod cookies;
mod csrf;
pub(super) mod current_user;
pub(super) mod error;
pub(super) mod flash;
pub(super) mod form_data;
pub(super) mod form_errors;
pub(super) mod json;
pub(super) mod language;
pub(super) mod layer;
pub(super) mod layout;
pub(super) mod live;
pub(super) mod page;
pub(super) mod paths;
pub(super) mod request_origin;
pub(super) mod session;
pub(super) mod texts;
pub(super) mod time;
pub(super) mod time_element;
pub(super) mod url_text;
