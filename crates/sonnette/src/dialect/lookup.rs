//! Where each dialect is found.

use super::definition::DialectDefinition;
use super::{creads, custom, pretix, tibillet};
use crate::domain::DialectName;

/// The dialect of this name: the one line that a new dialect adds here, which the compiler asks for.
pub(super) fn dialect(name: DialectName) -> &'static DialectDefinition {
    match name {
        DialectName::Pretix => &pretix::DIALECT,
        DialectName::Tibillet => &tibillet::DIALECT,
        DialectName::Creads => &creads::DIALECT,
        DialectName::Custom => &custom::DIALECT,
    }
}
