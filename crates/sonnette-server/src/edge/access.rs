//! The permission that each route needs, and its methods.

use std::collections::HashMap;

use http::{HeaderValue, Method};
use sonnette::domain::{OrganizerId, Permission, Scope};
use utoipa::openapi::PathItem;

/// What a token needs for a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requirement {
    /// Any token.
    Token,
    /// A token of the organizer in the path, or an operator's.
    Member,
    /// One of these permissions for the organizer in the path.
    AnyOf(&'static [Permission]),
    /// An operator's token.
    Operator,
}

impl Requirement {
    /// Whether a token of this scope meets the requirement at a path of `organizer`.
    pub(crate) fn is_met_by(self, scope: Scope, organizer: Option<OrganizerId>) -> bool {
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

/// What the methods of a route need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RouteAccess {
    /// For GET, HEAD and OPTIONS.
    pub(crate) read: Requirement,
    /// For every other method.
    pub(crate) write: Requirement,
}

impl RouteAccess {
    /// The same requirement for all methods.
    pub(crate) const fn all(requirement: Requirement) -> Self {
        Self {
            read: requirement,
            write: requirement,
        }
    }
}

/// A route of the API.
#[derive(Debug)]
pub(crate) struct Route {
    /// `None`: no token is needed.
    pub(crate) access: Option<RouteAccess>,
    /// In the order of the `Allow` header, HEAD and OPTIONS included.
    pub(crate) methods: Vec<Method>,
    /// The `Allow` header.
    pub(crate) allow: HeaderValue,
    /// Whether OPTIONS has a handler of its own.
    pub(crate) has_options_handler: bool,
}

impl Route {
    fn new(access: Option<RouteAccess>, item: &PathItem) -> Self {
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
            has_options_handler: item.options.is_some(),
        }
    }

    /// What `method` needs on this route.
    pub(crate) fn requirement(&self, method: &Method) -> Option<Requirement> {
        let is_read = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        self.access
            .map(|access| if is_read { access.read } else { access.write })
    }
}

/// The routes of the API by their path templates.
#[derive(Debug, Default)]
pub(crate) struct RouteTable(HashMap<String, Route>);

impl RouteTable {
    /// Adds a route.
    pub(crate) fn add(&mut self, template: String, access: Option<RouteAccess>, item: &PathItem) {
        self.0.insert(template, Route::new(access, item));
    }

    /// The route with this template.
    pub(crate) fn get(&self, template: &str) -> Option<&Route> {
        self.0.get(template)
    }

    /// All routes with their templates.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Route)> {
        self.0
            .iter()
            .map(|(template, route)| (template.as_str(), route))
    }
}
