//! Without any one guard the histories go wrong. This proves that they can see what they check.

use super::histories;
use crate::guards::{ALL, Guard, off};

#[test]
fn without_any_one_guard_a_history_goes_wrong() {
    // Seven guards have their controls elsewhere. Two act in Redis, two before the log, two where a store was set
    // back (`tests/pipeline/controls.rs`), and one on the way out (`server/socket/line.rs`).
    let elsewhere = |g: &Guard| {
        use Guard::{
            CompareAndSet, KnownPast, PingLast, SnapshotCompareAndSet, StandingStream, StreamOnward, TimeGoesOn,
        };
        let in_redis = matches!(g, CompareAndSet | SnapshotCompareAndSet);
        in_redis || matches!(g, PingLast | StreamOnward | StandingStream | TimeGoesOn | KnownPast)
    };
    let guards = ALL.into_iter().filter(|g| !elsewhere(g));
    let not_missed = guards.filter(|guard| {
        let _off = off(*guard);
        !histories::goes_wrong(10_000)
    });
    assert_eq!(not_missed.collect::<Vec<_>>(), []);
}
