//! The response of actions on several deliveries.

use serde::Serialize;
use utoipa::ToSchema;

/// The number of deliveries of an action.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountJson {
    /// Deliveries.
    #[schema(example = 3)]
    pub(super) count: u64,
}
