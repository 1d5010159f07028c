//! The catalogue of action types.

use askama::Template;
use axum::response::Response;
use sonnette::domain::Permission;

use super::lookup::{group_name, url};
use crate::dashboard::action_types::labels::{description, label};
use crate::dashboard::shell::error::PageError;
use crate::dashboard::shell::layout::{Layout, LayoutUser, render};
use crate::dashboard::shell::page::OrganizerPage;

struct Entry {
    url: String,
    label: String,
    name: String,
    description: String,
    is_registered: bool,
}

struct Group {
    name: String,
    entries: Vec<Entry>,
}

#[derive(Template)]
#[template(path = "action_types/list.html")]
struct ListTemplate {
    layout: Layout,
    groups: Vec<Group>,
    /// The URL of the form that registers one, for users who may do that.
    register_url: Option<String>,
}

/// Lists the action types.
pub(crate) async fn show(page: OrganizerPage) -> Result<Response, PageError> {
    let texts = page.layout.texts;
    let mut groups: Vec<Group> = Vec::new();
    for catalogue_entry in page.organizer.catalogue.iter() {
        let name = group_name(texts, catalogue_entry);
        let mut registered = page.organizer.catalogue.registered();
        let entry = Entry {
            url: url(&page, catalogue_entry.name.as_str()),
            label: label(texts, catalogue_entry),
            name: catalogue_entry.name.to_string(),
            description: description(texts, catalogue_entry),
            is_registered: registered.any(|row| row.name == catalogue_entry.name),
        };
        match groups.iter_mut().find(|known| known.name == name) {
            Some(known) => known.entries.push(entry),
            None => groups.push(Group {
                name,
                entries: vec![entry],
            }),
        }
    }
    let may_register = page.has_permission(Permission::Organizer);
    let register_url = may_register.then(|| page.url("/action-types/new/"));
    render(&ListTemplate {
        layout: page.layout,
        groups,
        register_url,
    })
}
