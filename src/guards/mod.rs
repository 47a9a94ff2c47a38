//! The guards of the pipeline. `switch.rs` names each, with what goes wrong without it.
//!
//! A build with the feature `guards`, which only tests use, can switch each guard off. That shows whether the tests
//! find what the guard prevents; see `docs/guarantees.md`. Every other build has neither switches nor what happens
//! without a guard, because `guarded!` leaves that out.

#[cfg(feature = "guards")]
mod switch;

#[cfg(feature = "guards")]
pub use switch::*;

/// `guarded!(GapRule: what the guard does, else what happens without it)`. The shipped program is compiled from the
/// first expression alone, as if it stood there without the macro.
#[cfg(not(feature = "guards"))]
macro_rules! guarded {
    ($guard:ident: $safe:expr, else $without:expr) => {
        $safe
    };
}
#[cfg(feature = "guards")]
macro_rules! guarded {
    ($guard:ident: $safe:expr, else $without:expr) => {
        if $crate::guards::on($crate::guards::Guard::$guard) { $safe } else { $without }
    };
}
pub(crate) use guarded;
