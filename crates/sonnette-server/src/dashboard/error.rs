//! Why there is no page. Which words it is told in, [`dress`](super::dress) knows.

use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sonnette::domain::Permission;
use sonnette::engine::ControlError;
use sonnette::store::StoreError;

use crate::admin::error::AdminError;
use crate::edge::error::ApiError;

/// Why there is no page.
#[derive(Debug, Clone)]
pub(crate) enum PageError {
    /// There is none, or none for whoever asks.
    NotFound,
    /// Somebody has to log in first; then on to this path.
    LogIn(String),
    /// Whoever was brought here by a link has to ask for another.
    PortalOver,
    /// They lack a permission; these people can give it.
    Forbidden {
        /// What is lacking; none: operators only.
        lacks: Option<Permission>,
        /// E-mail addresses.
        ask: Vec<String>,
    },
    /// A form that did not come from our page, or from one too old.
    Stale,
    /// A form that cannot be read, or is too long.
    Unreadable,
    /// What was asked for cannot be, as things are now: the key of a message.
    Conflict(&'static str),
    /// The store cannot be reached now.
    Unavailable,
    /// Our own fault.
    Internal,
}

impl PageError {
    /// The status it is answered with.
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::LogIn(_) => StatusCode::SEE_OTHER,
            Self::PortalOver => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. } | Self::Stale => StatusCode::FORBIDDEN,
            Self::Unreadable => StatusCode::BAD_REQUEST,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let Self::LogIn(next) = &self {
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
                lacks: None,
                ask: Vec::new(),
            },
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
        tracing::error!(%error, "nothing can be drawn");
        Self::Internal
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page cannot be written");
        Self::Internal
    }
}
