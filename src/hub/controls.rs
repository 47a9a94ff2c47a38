//! Without a guard the histories go wrong: what they check, they can see.

use super::histories;
use crate::guards::{Guard, off};

#[test]
fn without_any_one_guard_a_history_goes_wrong() {
    let guards = [
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
    ];
    let not_missed = guards.into_iter().filter(|guard| {
        let _off = off(*guard);
        histories::run(10_000).is_ok()
    });
    assert_eq!(not_missed.collect::<Vec<_>>(), []);
}
