//! The pace of long work, so that it leaves room for live work. One piece of it goes on at a time, for a few
//! milliseconds, and then all of it rests for as long.

use std::{pin::pin, sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until},
};

/// Time after which another piece has its turn. A piece that waits for nothing keeps its turn until it waits.
const TURN: Duration = Duration::from_millis(4);

/// Turns to work; clones share them. The instant inside is when the common rest ends.
#[derive(Clone, Debug)]
pub struct FairShare(Arc<Mutex<Instant>>);

impl Default for FairShare {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }
}

impl FairShare {
    /// Does the work in turns. Work that waits, for example for MongoDB, keeps its turn no longer than other work.
    /// The future must be polled to its end or dropped, because others wait for its turn.
    pub async fn of<W: Future>(&self, work: W) -> W::Output {
        let mut work = pin!(work);
        loop {
            let mut rest = self.0.lock().await;
            sleep_until(*rest).await;
            let began = Instant::now();
            let done = tokio::select! {
                biased;
                done = &mut work => Some(done),
                () = sleep(TURN) => None,
            };
            *rest = Instant::now() + began.elapsed();
            if let Some(done) = done {
                return done;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{sync::oneshot, task::yield_now};

    #[tokio::test]
    async fn one_works_at_a_time() {
        let pace = FairShare::default();
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
        let pace = FairShare::default();
        let (sender, waited_for) = oneshot::channel();
        let both = async { tokio::join!(pace.of(waited_for), pace.of(async { sender.send(7) })) };
        let (heard, sent) = tokio::time::timeout(Duration::from_secs(10), both).await.unwrap();
        assert_eq!((heard, sent), (Ok(7), Ok(())));
    }
}
