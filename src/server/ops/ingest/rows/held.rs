//! Counts the rows that are in memory, so that a test can check that they are few however long the file is.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Counts its owner as held until it is dropped.
#[derive(Debug)]
pub struct Held(Tally);

impl Tally {
    pub fn hold(&self) -> Held {
        let now = self.0.now.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.most.fetch_max(now, Ordering::Relaxed);
        Held(self.clone())
    }

    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}
