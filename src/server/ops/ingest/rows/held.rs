//! Counts the rows that are in memory, so that a test can check that they are few however long the file is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[derive(Clone, Debug, Default)]
pub struct HeldTally(Arc<HeldCounts>);

#[derive(Debug, Default)]
struct HeldCounts {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Counts its owner as held until it is dropped.
#[derive(Debug)]
pub struct HeldMark(HeldTally);

impl HeldTally {
    pub fn hold(&self) -> HeldMark {
        let now = self.0.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        HeldMark(self.clone())
    }

    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }
}

impl Drop for HeldMark {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}
