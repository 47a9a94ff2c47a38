//! The pace of heavy work, so that it leaves room for live work. One piece runs at a time. The next begins after a
//! rest, in proportion to the time that the piece took.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own clock"))]

use std::{
    collections::HashMap,
    hash::Hash,
    pin::pin,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::{Instant, sleep, sleep_until},
};

/// Time after which another piece has its turn. A piece that waits for nothing keeps its turn until it waits.
const PIECE: Duration = Duration::from_millis(4);
/// How many times as long as its turn an account rests, so that what it asks for takes up a quarter of the time.
const ACCOUNT_RESTS: u32 = 3;
/// The longest rest after a turn, as long as no more than [`OWED_MAX`] is owed.
const REST_MAX: Duration = Duration::from_secs(1);
/// How much rest may be owed. An account that reads for ten seconds has used it up.
const OWED_MAX: Duration = Duration::from_secs(30);
/// A rest that is shorter is owed until later, because a timer rounds up to the next millisecond.
const REST_MIN: Duration = Duration::from_millis(1);

/// The rest after turns. In the long run it is in proportion to them. Who needs a long turn now and then gets the next
/// one soon.
#[derive(Clone, Copy, Debug)]
struct Rest {
    /// When the last turn ended.
    ended: Instant,
    /// When all rest will have been taken.
    owed_until: Instant,
}

impl Rest {
    const fn over(now: Instant) -> Self {
        Self { ended: now, owed_until: now }
    }

    /// When the next turn may begin.
    fn ends(self) -> Instant {
        let owed = self.owed_until.checked_sub(OWED_MAX).unwrap_or(self.ended);
        self.owed_until.min(self.ended + REST_MAX).max(owed)
    }

    /// The rest after a turn, `rests` times as long.
    fn after(self, began: Instant, ended: Instant, rests: u32) -> Self {
        let cost = (ended - began).saturating_mul(rests.saturating_add(1));
        let owed_until = self.owed_until.max(began).checked_add(cost).unwrap_or(self.owed_until);
        Self { ended, owed_until }
    }
}

/// A turn at work. When it is dropped, the next turn begins after a rest.
#[derive(Debug)]
pub struct Turn {
    /// The rest after the turns before. Locked while the turn lasts.
    rest: OwnedMutexGuard<Rest>,
    began: Instant,
    /// How many times as long as the turn the rest is.
    rests: u32,
}

impl Turn {
    /// Waits until the turns before have ended, in the order in which they were asked for, and for the rest.
    async fn after(rest: Arc<Mutex<Rest>>, rests: u32) -> Self {
        let rest = rest.lock_owned().await;
        if rest.ends() > Instant::now() + REST_MIN {
            sleep_until(rest.ends()).await;
        }
        Self { rest, began: Instant::now(), rests }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *self.rest = self.rest.after(self.began, Instant::now(), self.rests);
    }
}

/// One turn that all work shares, with as much rest as work; clones share it.
#[derive(Clone, Debug)]
pub struct FairShare(Arc<Mutex<Rest>>);

impl Default for FairShare {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Rest::over(Instant::now()))))
    }
}

impl FairShare {
    /// Does the work in pieces of a few milliseconds. Work that waits, for example for MongoDB, keeps its turn no
    /// longer than other work. The future must be polled to its end or dropped, because others wait for its turn.
    pub async fn of<W: Future>(&self, work: W) -> W::Output {
        let mut work = pin!(work);
        loop {
            let _turn = self.turn().await;
            let done = tokio::select! {
                biased;
                done = &mut work => Some(done),
                () = sleep(PIECE) => None,
            };
            if let Some(done) = done {
                return done;
            }
        }
    }

    /// The turn, for work that cannot be cut into pieces.
    pub async fn turn(&self) -> Turn {
        Turn::after(self.0.clone(), 1).await
    }
}

/// A turn for each account, or whatever `K` names. An account does one thing at a time and rests after it. No account
/// waits for another. Clones share the turns.
#[derive(Clone, Debug)]
pub struct Turns<K>(Arc<StdMutex<HashMap<K, Arc<Mutex<Rest>>>>>);

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash> Turns<K> {
    /// Waits for the account's turn.
    pub async fn of(&self, account: K) -> Turn {
        Turn::after(self.own(account), ACCOUNT_RESTS).await
    }

    fn own(&self, account: K) -> Arc<Mutex<Rest>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        // Forgets accounts that neither work nor wait nor owe a rest.
        all.retain(|_, rest| Arc::get_mut(rest).is_none_or(|rest| rest.get_mut().owed_until > now));
        all.entry(account).or_insert_with(|| Arc::new(Mutex::new(Rest::over(now)))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::poll;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::{sync::oneshot, task::yield_now, time::timeout};

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
        let (heard, sent) = timeout(Duration::from_secs(10), both).await.unwrap();
        assert_eq!((heard, sent), (Ok(7), Ok(())));
    }

    #[test]
    fn a_rest_is_in_proportion_to_the_turn_and_has_a_limit() {
        let began = Instant::now();
        let rest = |millis, rests| {
            let ended = began + Duration::from_millis(millis);
            Rest::over(began).after(began, ended, rests).ends() - ended
        };
        assert_eq!(rest(100, 1), Duration::from_millis(100));
        assert_eq!(rest(100, ACCOUNT_RESTS), Duration::from_millis(300));
        assert_eq!(rest(2000, ACCOUNT_RESTS), REST_MAX);
    }

    #[test]
    fn an_account_that_reads_all_the_time_is_read_for_a_quarter_of_it_whatever_a_turn_takes() {
        for took in [Duration::from_micros(50), Duration::from_millis(200), Duration::from_secs(3)] {
            let (began, turns) = (Instant::now(), 1000);
            let (mut rest, mut now) = (Rest::over(began), began);
            for _ in 0..turns {
                now = now.max(rest.ends());
                rest = rest.after(now, now + took, ACCOUNT_RESTS);
                now += took;
            }
            // The rest of the last turn is still to come, beside all that may be owed.
            let all = (now - began + OWED_MAX + took * ACCOUNT_RESTS).as_secs_f64();
            let share = (took * turns).as_secs_f64() / all;
            assert!(share <= 1.0 / f64::from(ACCOUNT_RESTS + 1) + 1e-9, "{took:?}: {share}");
        }
    }

    #[tokio::test]
    async fn an_account_waits_for_its_own_turn_and_rest_and_for_no_other() {
        const WORK: Duration = Duration::from_millis(20);
        let turns = Turns::default();
        let turn = turns.of("ada").await;
        let mut next = pin!(turns.of("ada"));
        assert!(poll!(next.as_mut()).is_pending());
        assert!(poll!(pin!(turns.of("bob"))).is_ready());
        sleep(WORK).await;
        let ended = Instant::now();
        drop(turn);
        drop(timeout(Duration::from_secs(10), next).await.expect("a rest ends"));
        assert!(ended.elapsed() + REST_MIN >= WORK * ACCOUNT_RESTS, "{:?}", ended.elapsed());
    }

    #[tokio::test]
    async fn an_account_that_rests_is_remembered_and_one_that_has_rested_is_forgotten() {
        let turns = Turns::default();
        let known = |turns: &Turns<&'static str>| {
            let mut known: Vec<&'static str> = turns.0.lock().unwrap().keys().copied().collect();
            known.sort_unstable();
            known
        };
        let mut ada = turns.of("ada").await;
        ada.began -= Duration::from_millis(200);
        drop(ada);
        drop(turns.of("bob").await);
        assert_eq!(known(&turns), ["ada", "bob"]);
        drop(timeout(Duration::from_secs(10), turns.of("ada")).await.expect("a rest ends"));
        drop(turns.of("eve").await);
        assert!(!known(&turns).contains(&"bob"), "{:?}", known(&turns));
    }
}
