//! The definition of each dialect.

use super::definition::DialectDefinition;
use super::{creads, custom, pretix, tibillet};
use crate::domain::DialectName;

/// The definition of the dialect `name`. A new dialect adds its line here.
pub(super) fn dialect(name: DialectName) -> &'static DialectDefinition {
    match name {
        DialectName::Pretix => &pretix::DIALECT,
        DialectName::Tibillet => &tibillet::DIALECT,
        DialectName::Creads => &creads::DIALECT,
        DialectName::Custom => &custom::DIALECT,
    }
}
