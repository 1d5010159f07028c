//! All action types that the organizer knows.

use askama::Template;
use axum::response::Response;
use sonnette::domain::Permission;

use super::{group, url};
use crate::dashboard::action_words::{about, label};
use crate::dashboard::error::PageError;
use crate::dashboard::frame::{Frame, Who, page};
use crate::dashboard::visitor::Desk;

struct Entry {
    url: String,
    label: String,
    name: String,
    description: String,
    registered: bool,
}

struct Group {
    name: String,
    entries: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "catalogue/list.html")]
struct ListPage {
    f: Frame,
    groups: Vec<Group>,
    /// Where one is registered, for those who may.
    register: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(desk: Desk) -> Result<Response, PageError> {
    let w = desk.frame.w;
    let mut groups: Vec<Group> = Vec::new();
    for spec in desk.tenant.catalogue.iter() {
        let name = group(w, spec);
        let mut registered = desk.tenant.catalogue.registered();
        let entry = Entry {
            url: url(&desk, spec.name.as_str()),
            label: label(w, spec),
            name: spec.name.to_string(),
            description: about(w, spec),
            registered: registered.any(|row| row.name == spec.name),
        };
        match groups.iter_mut().find(|known| known.name == name) {
            Some(known) => known.entries.push(entry),
            None => groups.push(Group {
                name,
                entries: vec![entry],
            }),
        }
    }
    let may_register = desk.may(Permission::Organizer);
    let register = may_register.then(|| desk.url("/action-types/new/"));
    page(&ListPage {
        f: desk.frame,
        groups,
        register,
    })
}
