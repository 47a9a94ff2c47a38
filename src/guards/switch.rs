//! The guards, and the switch of each. Each thread has its own switches, so that tests beside each other do not see them.
//! The environment sets them at first.

use std::{cell::Cell, env};

/// What stands between a fault and a wrong row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The log takes an entry only after the one its writer saw last. Without it, two relays give one number twice.
    CompareAndSet,
    /// Changes that rows and counts already hold are not applied again. Without it, a row goes back, or counts twice.
    ClusterTimeFloor,
    /// Instances ask for the log's last id. Without it, a lost message leaves a page behind until the next change.
    LastIdCheck,
    /// A log of another epoch, even an older one, is read from its beginning. Without it, an instance waits for ever.
    EpochEquals,
    /// Between a subscription and its answer a topic takes no deltas. Without it, those of the place it left look
    /// like a gap.
    SubscribeBarrier,
    /// If a delta begins after what was received, the missing changes are requested. Without it, they are lost.
    GapRule,
    /// Changes of one document fold field by field. Without it, the last patch replaces the others.
    FoldingRule,
    /// Fetched rows come with their own position. Without it, the changes between theirs and the one before are lost.
    ReplaceOnFetch,
    /// Pages stop only where no transaction is cut. Without it, half of one is shown.
    ClosedPositions,
    /// A collection that was replaced is fetched again. Without it, its old rows stay.
    ResetRecord,
    /// Rows are read at a time that is not before their position. Without it, the changes between are lost.
    SnapshotTime,
    /// A snapshot never takes the place of a newer one in the cache.
    SnapshotCompareAndSet,
    /// A ping about a screen's freshness follows all that the screen lacks. Without it, the ping promises too much.
    PingLast,
    /// A change stream that goes back is opened again. Without it, the driver's second try to resume repeats what was
    /// read.
    StreamOnward,
    /// A change stream that fails at one event goes on behind it. Without it, the stream fails there for ever.
    StandingStream,
    /// Nothing is shown of an earlier time than what was shown. Without it, a Redis that was set back leads pages
    /// back.
    TimeGoesOn,
    /// Events that were seen in MongoDB must still be there. Without it, pages keep what a database that was set back
    /// has lost.
    KnownPast,
}

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
