//! Each thread has its own switches, so that tests beside each other do not see them. The environment sets them at
//! first.

use std::{cell::Cell, env};

use super::Guard;

/// Environment variable with the guards that are off at the start, such as `compare_and_set`, separated by commas.
const OFF: &str = "CHARGEDECK_GUARDS_OFF";

thread_local! {
    /// A bit for each guard that is off.
    static SWITCHED_OFF: Cell<u32> = Cell::new(off_by_environment());
}

fn off_by_environment() -> u32 {
    let names = env::var(OFF).unwrap_or_default();
    let guard = |name: &str| {
        let plain = name.trim().replace('_', "");
        ALL.into_iter()
            .find(|guard| format!("{guard:?}").eq_ignore_ascii_case(&plain))
            .unwrap_or_else(|| panic!("{OFF}: no guard is called {name}"))
    };
    names.split(',').filter(|name| !name.is_empty()).fold(0, |off, name| off | bit(guard(name)))
}

/// Every guard.
pub const ALL: [Guard; 17] = [
    Guard::CompareAndSet,
    Guard::ClusterTimeFloor,
    Guard::LastIdCheck,
    Guard::EpochEquals,
    Guard::SubscribeBarrier,
    Guard::GapRule,
    Guard::FoldingRule,
    Guard::ReplaceOnFetch,
    Guard::ClosedPositions,
    Guard::ResetRecord,
    Guard::SnapshotTime,
    Guard::SnapshotCompareAndSet,
    Guard::PingLast,
    Guard::StreamOnward,
    Guard::StandingStream,
    Guard::TimeGoesOn,
    Guard::KnownPast,
];

const fn bit(guard: Guard) -> u32 {
    1 << guard as u32
}

/// Whether a guard is on in this thread.
pub fn on(guard: Guard) -> bool {
    SWITCHED_OFF.get() & bit(guard) == 0
}

/// Switches a guard off in this thread until the result is dropped.
#[must_use]
pub fn off(guard: Guard) -> Off {
    let before = SWITCHED_OFF.get();
    SWITCHED_OFF.set(before | bit(guard));
    Off(before)
}

/// See [`off`].
pub struct Off(u32);

impl Drop for Off {
    fn drop(&mut self) {
        SWITCHED_OFF.set(self.0);
    }
}
