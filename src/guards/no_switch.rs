//! All guards are always on.

use super::Guard;

/// Whether a guard is on.
pub const fn on(_: Guard) -> bool {
    true
}
