//! The pace of work that nobody watches, so that it leaves room for what somebody does: one piece of it goes on at a time,
//! for a few milliseconds, and then all of it rests for as long.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::sleep,
};

/// After so long another piece has its turn. A piece that does not wait for anything goes on until it does.
const TURN: Duration = Duration::from_millis(4);

/// Turns to work; clones share them.
#[derive(Clone, Debug)]
pub struct Pace(Arc<Semaphore>);

impl Default for Pace {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Pace {
    /// Does the work in turns. What waits, for MongoDB say, keeps its turn no longer than another would.
    pub async fn of<W: Future>(&self, work: W) -> W::Output {
        let mut work = pin!(work);
        loop {
            let turn = self.turn().await;
            let began = Instant::now();
            let done = tokio::select! {
                biased;
                done = &mut work => Some(done),
                () = sleep(TURN) => None,
            };
            rest(turn, began.elapsed());
            if let Some(done) = done {
                return done;
            }
        }
    }

    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // It is never closed; without a turn the work would only be quicker.
        self.0.clone().acquire_owned().await.ok()
    }
}

/// Whoever worked need not wait until the rest is over, but the next one.
fn rest(turn: Option<OwnedSemaphorePermit>, long: Duration) {
    tokio::spawn(async move {
        sleep(long).await;
        drop(turn);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{sync::oneshot, task::yield_now};

    #[tokio::test]
    async fn one_works_at_a_time() {
        let pace = Pace::default();
        let (at_work, most, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let pieces = async || {
            for _ in 0..10 {
                pace.of(async {
                    most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    yield_now().await;
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                })
                .await;
            }
        };
        tokio::join!(pieces(), pieces(), pieces());
        assert_eq!((most.into_inner(), done.into_inner()), (1, 30));
    }

    #[tokio::test]
    async fn what_waits_lets_others_work() {
        let pace = Pace::default();
        let (sender, waited_for) = oneshot::channel();
        let both = async { tokio::join!(pace.of(waited_for), pace.of(async { sender.send(7) })) };
        let (heard, sent) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
        assert_eq!((heard, sent), (Ok(7), Ok(())));
    }
}
