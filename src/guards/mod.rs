//! The guards of the pipeline, each with what goes wrong without it.
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

/// What stands between a fault and a wrong row.
#[cfg(feature = "guards")]
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
