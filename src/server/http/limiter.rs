//! Limits how many of something may be open at once, in total and per opener.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The permits that are held; clones share them.
#[derive(Debug)]
pub struct Limiter<K>(Arc<Mutex<Taken<K>>>);

#[derive(Debug)]
struct Taken<K> {
    all: usize,
    by: HashMap<K, usize>,
}

/// One permit, which is released when dropped.
#[derive(Debug)]
pub struct Permit<K: Eq + Hash> {
    limiter: Limiter<K>,
    of: K,
}

impl<K> Default for Limiter<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Taken { all: 0, by: HashMap::new() })))
    }
}

impl<K> Clone for Limiter<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Clone + Eq + Hash> Limiter<K> {
    /// Takes a permit, unless `all` permits are held, or `each` of them by this opener.
    pub fn take(&self, of: &K, all: usize, each: usize) -> Option<Permit<K>> {
        let mut taken = self.lock();
        if taken.all >= all || taken.by.get(of).is_some_and(|by| *by >= each) {
            return None;
        }
        taken.all += 1;
        *taken.by.entry(of.clone()).or_default() += 1;
        Some(Permit { limiter: self.clone(), of: of.clone() })
    }
}

impl<K> Limiter<K> {
    /// No code can panic between the two counts while it holds the lock, so they always agree.
    fn lock(&self) -> MutexGuard<'_, Taken<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Permit<K> {
    fn drop(&mut self) {
        let mut taken = self.limiter.lock();
        taken.all -= 1;
        if let Some(by) = taken.by.get_mut(&self.of) {
            *by -= 1;
            if *by == 0 {
                taken.by.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_are_bounded_in_all_and_for_each_and_free_again() {
        let limiter = Limiter::default();
        let take = |of| limiter.take(&of, 3, 2);
        let (first, second) = (take("a"), take("a"));
        assert!(first.is_some() && second.is_some());
        assert!(take("a").is_none(), "two for each");
        let other = take("b");
        assert!(other.is_some() && take("c").is_none(), "three in all");
        drop((first, other));
        assert!(take("a").is_some());
        drop(second);
        assert!(limiter.lock().by.is_empty() && limiter.lock().all == 0, "nobody is remembered who has none");
    }
}
