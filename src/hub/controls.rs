//! Without a guard the histories go wrong: what they check, they can see.

use super::histories;
use crate::guards::{ALL, Guard, off};

#[test]
fn without_any_one_guard_a_history_goes_wrong() {
    // These two stand in Redis: `tests/road/controls.rs`.
    let guards = ALL.into_iter().filter(|g| !matches!(g, Guard::CompareAndSet | Guard::SnapshotCompareAndSet));
    let not_missed = guards.filter(|guard| {
        let _off = off(*guard);
        !histories::goes_wrong(10_000)
    });
    assert_eq!(not_missed.collect::<Vec<_>>(), []);
}
