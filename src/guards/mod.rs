//! The guards of the pipeline, each with what goes wrong without it.
//!
//! A build with the feature `guards`, which only tests use, can switch each off, to see that the tests find what it
//! prevents: `docs/guarantees.md`. In every other build [`on`] is `true` and costs nothing.

#[cfg(not(feature = "guards"))]
#[path = "no_switch.rs"]
mod switch;
#[cfg(feature = "guards")]
mod switch;

pub use switch::*;

/// What stands between a fault and a wrong row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The log takes an entry only after the one its writer saw last; else two relays give one number twice.
    CompareAndSet,
    /// What rows and counts hold already is not done again; else a row goes back, or counts twice.
    ClusterTimeFloor,
    /// The log's last id is asked for; else a lost message leaves a page behind until the next change.
    LastIdCheck,
    /// A log of another epoch, also of an older one, is read from its beginning; else an instance waits for ever.
    EpochEquals,
    /// From its subscription until the answer a topic takes no deltas; else those of the place it left look like a gap.
    SubscribeBarrier,
    /// What begins after what was received is asked for anew; else what lies between is lost.
    GapRule,
    /// Changes of one document become one by all their fields; else the last patch takes the others' place.
    FoldingRule,
    /// Fetched rows come with their own position; else what lies between theirs and the one before is lost.
    ReplaceOnFetch,
    /// Pages stand only where no transaction is cut; else half of one is shown.
    ClosedPositions,
    /// A collection that was replaced is fetched anew; else its old rows stay.
    ResetRecord,
    /// Rows are read at a time that is not before their position; else what lies between is lost.
    SnapshotTime,
    /// A snapshot never takes the place of a newer one in the cache.
    SnapshotCompareAndSet,
    /// What is told of a screen's freshness comes after everything that the screen lacks; else it says too much.
    PingLast,
    /// A stream that goes back is opened anew; else the driver's second try to resume doubles what was read.
    StreamOnward,
    /// A stream that fails at one event goes on behind it; else it stands there for ever.
    StandingStream,
    /// Nothing is shown of an earlier time than what was shown; else a Redis that was set back leads pages back.
    TimeGoesOn,
    /// What was seen to be written must still be there; else pages keep what a database that was set back no longer has.
    KnownPast,
}
