//! All guards, always.

use super::Guard;

/// Whether a guard is on.
pub const fn on(_: Guard) -> bool {
    true
}
