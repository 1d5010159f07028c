//! Errors of pages. [`layer`](super::layer) renders them in the user's language.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::domain::Permission;
use sonnette::engine::ControlError;
use sonnette::store::StoreError;

use crate::admin::error::AdminError;
use crate::edge::error::ApiError;

/// Why a request for a page fails.
#[derive(Debug, Clone)]
pub(crate) enum PageError {
    /// The page does not exist, or the user has no access to the organizer.
    NotFound,
    /// The organizer of this slug does not exist, or the user has no access to it.
    UnknownOrganizer(String),
    /// The user has to log in; then they are redirected to this path.
    LoginRequired(String),
    /// The session of the portal has expired; the platform can give another link.
    PortalSessionExpired,
    /// The user lacks a permission.
    Forbidden {
        /// The permission; `None`: the page is for operators only.
        permission: Option<Permission>,
        /// E-mail addresses of users who can grant it.
        contacts: Vec<String>,
    },
    /// The form was not sent from a page of this server, or the page was too old.
    InvalidCsrfToken,
    /// The form cannot be read, or is too large.
    UnreadableForm,
    /// The action is not possible in the current state; the key of the text that says why.
    Conflict(&'static str),
    /// The store is not available.
    Unavailable,
    /// An error of the server; the log has the cause.
    Internal,
}

impl PageError {
    /// The status of the response.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound | Self::UnknownOrganizer(_) => StatusCode::NOT_FOUND,
            Self::LoginRequired(_) => StatusCode::SEE_OTHER,
            Self::PortalSessionExpired => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::InvalidCsrfToken => StatusCode::FORBIDDEN,
            Self::UnreadableForm => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let Self::LoginRequired(next) = &self {
            let next = utf8_percent_encode(next, NON_ALPHANUMERIC);
            return Redirect::to(&format!("/login/?next={next}")).into_response();
        }
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        ApiError::from(error).into()
    }
}

impl From<ApiError> for PageError {
    fn from(error: ApiError) -> Self {
        match error.into_response().status() {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            _ => Self::Internal,
        }
    }
}

impl From<AdminError> for PageError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Forbidden => Self::Forbidden {
                permission: None,
                contacts: Vec::new(),
            },
            AdminError::SecretsOverlap { .. } => Self::Conflict("conflict-secrets-overlap"),
            error => ApiError::from(error).into(),
        }
    }
}

impl From<ControlError> for PageError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Missing => Self::NotFound,
            ControlError::Disabled => Self::Conflict("conflict-disabled"),
            ControlError::Erased => Self::Conflict("conflict-erased"),
            ControlError::NothingToTest => Self::Conflict("conflict-nothing-to-test"),
            ControlError::Stopping | ControlError::Busy => Self::Unavailable,
            ControlError::Store(error) => error.into(),
        }
    }
}

impl From<crate::credentials::NoRandomBytes> for PageError {
    fn from(error: crate::credentials::NoRandomBytes) -> Self {
        tracing::error!(%error, "a page needs random bytes, but the system has none");
        Self::Internal
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be rendered");
        Self::Internal
    }
}
