//! Who may call what: one entry for each path, filled in while the routes are laid out.

use std::collections::HashMap;

use http::{HeaderValue, Method};
use sonnette::domain::{OrganizerId, Permission, Scope};
use utoipa::openapi::PathItem;

/// What a token needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing but to be a token.
    Token,
    /// To belong to the organizer of the path.
    Member,
    /// One of these permissions for the organizer of the path.
    AnyOf(&'static [Permission]),
    /// To be an operator's.
    Operator,
}

impl Need {
    /// Whether a token of this scope may, at a path of `organizer`.
    pub(crate) fn met_by(self, scope: Scope, organizer: Option<OrganizerId>) -> bool {
        match (self, organizer) {
            (Self::Token, _) => true,
            (Self::Operator, _) => scope == Scope::Operator,
            (_, None) => false,
            (Self::Member, Some(id)) => scope.can_view(id),
            (Self::AnyOf(permissions), Some(id)) => {
                permissions.iter().any(|p| scope.allows(id, *p))
            }
        }
    }
}

/// What the methods of a path need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Access {
    /// GET, HEAD and OPTIONS.
    pub(crate) read: Need,
    /// Everything else.
    pub(crate) write: Need,
}

impl Access {
    /// The same for all methods.
    pub(crate) const fn all(need: Need) -> Self {
        Self {
            read: need,
            write: need,
        }
    }
}

/// A path of the program.
#[derive(Debug)]
pub(crate) struct Entry {
    /// None: open to everybody.
    pub(crate) access: Option<Access>,
    /// In the order of the `Allow` header, HEAD and OPTIONS included.
    pub(crate) methods: Vec<Method>,
    /// The `Allow` header.
    pub(crate) allow: HeaderValue,
    /// Whether a handler of its own describes the path.
    pub(crate) describes_itself: bool,
}

impl Entry {
    fn new(access: Option<Access>, item: &PathItem) -> Self {
        let mut methods: Vec<Method> = [
            (&item.get, Method::GET),
            (&item.post, Method::POST),
            (&item.put, Method::PUT),
            (&item.patch, Method::PATCH),
            (&item.delete, Method::DELETE),
        ]
        .into_iter()
        .filter_map(|(operation, method)| operation.as_ref().map(|_| method))
        .collect();
        if item.get.is_some() {
            methods.push(Method::HEAD);
        }
        methods.push(Method::OPTIONS);
        let allow = methods
            .iter()
            .map(Method::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        Self {
            access,
            allow: HeaderValue::try_from(allow).unwrap_or(HeaderValue::from_static("OPTIONS")),
            methods,
            describes_itself: item.options.is_some(),
        }
    }

    /// What `method` needs here.
    pub(crate) fn need(&self, method: &Method) -> Option<Need> {
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        self.access
            .map(|access| if reads { access.read } else { access.write })
    }
}

/// Every path of the program.
#[derive(Debug, Default)]
pub(crate) struct Table(HashMap<String, Entry>);

impl Table {
    /// Adds a path.
    pub(crate) fn add(&mut self, template: String, access: Option<Access>, item: &PathItem) {
        self.0.insert(template, Entry::new(access, item));
    }

    /// The path that a request matched.
    pub(crate) fn get(&self, template: &str) -> Option<&Entry> {
        self.0.get(template)
    }

    /// Every path with what is known of it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0
            .iter()
            .map(|(template, entry)| (template.as_str(), entry))
    }
}
