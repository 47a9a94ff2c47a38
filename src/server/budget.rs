//! What an account may ask for. Every question has a price, which is the documents that MongoDB looks at and the rows
//! that are sent. Over all instances an account may spend the dearest page's price each second, with a burst of ten.
//!
//! A question is charged the most that it may cost. What it did not use is given back, as estimated by the time that
//! reading took. MongoDB reports how many documents a query examined only if the query runs a second time.
//!
//! What is heavy is answered in the account's turn: on each instance one question at a time, whatever it is, with a
//! rest after it. So no account waits for another, and a flood waits for itself.

#![cfg_attr(not(test), expect(clippy::arithmetic_side_effects, reason = "its own clock"))]

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use redis::{RedisResult, Script};
use tokio::{
    task::JoinError,
    time::{Instant, sleep, timeout},
};
use tracing::Instrument;

use crate::{
    domain::{cells::Cell, collections::Collection},
    server::{
        auth::user::UserId,
        hub::Hub,
        pace::{Turn, Turns},
        redis::Redis,
    },
};

/// Least price of the dearest page, as in a small network. It is about a tenth of a second of MongoDB's time.
const LEAST: u64 = 100_000;
/// Number of dearest pages that may be asked for at once.
const BURST: u64 = 10;
/// How long a question waits for its account's turn. The usual rest is shorter, so an account that asks one thing after
/// another is not refused, unless it has owed rest for long.
const TURN_WITHIN: Duration = Duration::from_secs(5);
/// How long an account without budget waits for its refusal. So a client that keeps asking at once cannot fill the
/// processor with refusals. For the same time a refusal holds for all questions of the same cost, and Redis is not
/// asked again.
const REFUSED_AFTER: Duration = Duration::from_secs(1);
/// A read that took this long, or longer, counts as having looked at all documents that it may look at. One that took a
/// tenth of it counts as having looked at a tenth of them.
const LOOKS_AT_ALL: Duration = Duration::from_millis(100);
/// An answer from the figures' cells costs the price of the dearest page, divided by this. It examines no document, but
/// takes processor time.
const OF_CELLS: u64 = 5;

/// Takes a price if that much is left, or if the budget is full. Else returns the milliseconds until there is enough.
/// What is left refills at the rate since the last time.
static SPEND: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local price, rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', KEYS[1], 'left', 'at')
local left = burst
if known[1] then left = math.min(burst, known[1] + (now - known[2]) * rate / 1000) end
local wait = math.ceil((math.min(price, burst) - left) * 1000 / rate)
if wait > 0 then return wait end
left = math.min(burst, left - price)
redis.call('HSET', KEYS[1], 'left', left, 'at', now)
redis.call('PEXPIRE', KEYS[1], math.ceil((burst - left) * 1000 / rate) + 1000)
return 0
",
    )
});

/// The budgets of an installation's accounts; clones share them.
#[derive(Clone)]
pub struct Budgets {
    redis: Redis,
    hub: Hub,
    turns: Turns<UserId>,
    refusals: Arc<Mutex<Refusals>>,
}

/// An account that asks.
#[derive(Clone)]
pub struct Asker {
    budgets: Budgets,
    user: UserId,
}

/// Why a question is not answered now.
#[derive(Debug, thiserror::Error)]
pub enum Unaffordable {
    #[error("the account has asked for too much; again in {0:?}")]
    Wait(Duration),
    #[error("Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("the answer: {0}")]
    Ended(#[from] JoinError),
}

/// The last refusal of each account that Redis gave less than [`REFUSED_AFTER`] ago.
#[derive(Default)]
struct Refusals(HashMap<UserId, BudgetRefusal>);

struct BudgetRefusal {
    at: Instant,
    price: i64,
    /// When that much will be left.
    until: Instant,
}

impl Refusals {
    /// How long to wait for so much, if that is known without asking.
    fn wait(&self, user: UserId, price: i64, now: Instant) -> Option<Duration> {
        let last = self.0.get(&user).filter(|last| now < last.at + REFUSED_AFTER && price >= last.price)?;
        Some(last.until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    fn note(&mut self, user: UserId, price: i64, wait: Duration, now: Instant) {
        self.0.retain(|_, last| now < last.at + REFUSED_AFTER);
        self.0.insert(user, BudgetRefusal { at: now, price, until: now + wait });
    }
}

impl Budgets {
    pub fn new(redis: Redis, hub: Hub) -> Self {
        Self { redis, hub, turns: Turns::default(), refusals: Arc::default() }
    }

    pub fn of(&self, user: UserId) -> Asker {
        Asker { budgets: self.clone(), user }
    }

    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The price of the dearest page: a list for which MongoDB looks at all documents of the largest collection.
    fn dearest(&self) -> u64 {
        Collection::ALL.into_iter().map(|collection| self.documents(collection)).max().unwrap_or(0).max(LEAST)
    }

    fn documents(&self, collection: Collection) -> u64 {
        let counted = self.hub.cell(&Cell::Documents(collection)).unwrap_or(0);
        u64::try_from(counted).unwrap_or(0)
    }
}

impl Asker {
    /// Pays what a question may cost. If too little is left, it waits a little, and then pays or is refused.
    ///
    /// # Errors
    /// See [`Unaffordable`]. Nothing was paid then.
    pub async fn pay(&self, price: u64) -> Result<(), Unaffordable> {
        let price = i64::try_from(price).unwrap_or(i64::MAX);
        let wait = self.wait_for(price).await?;
        if wait.is_zero() {
            return Ok(());
        }
        sleep(wait.min(REFUSED_AFTER)).await;
        let wait = self.wait_for(price).await?;
        if wait.is_zero() { Ok(()) } else { Err(Unaffordable::Wait(wait)) }
    }

    /// Pays what a question may cost, and waits for the account's turn. The turn lasts until it is dropped.
    ///
    /// # Errors
    /// See [`Unaffordable`], also if the turn does not come soon. Nothing was paid then.
    pub async fn turn(&self, price: u64) -> Result<Turn, Unaffordable> {
        self.pay(price).await?;
        if let Ok(turn) = timeout(TURN_WITHIN, self.budgets.turns.of(self.user)).await {
            return Ok(turn);
        }
        self.get_back(price).await?;
        Err(Unaffordable::Wait(TURN_WITHIN))
    }

    /// Pays what a question may cost, and has it answered in the account's turn. It is answered to its end even if
    /// its client has gone, because MongoDB goes on with it, too.
    ///
    /// # Errors
    /// As [`turn`](Self::turn), and if `answer` panics.
    pub async fn in_turn<T: Send + 'static>(
        &self,
        price: u64,
        answer: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Unaffordable> {
        let turn = self.turn(price).await?;
        let answer = async move {
            let _turn = turn;
            answer.await
        };
        Ok(tokio::spawn(answer.in_current_span()).await?)
    }

    /// The most that a question costs that no index answers, which is all documents of a collection.
    pub fn all_of(&self, collection: Collection) -> u64 {
        self.budgets.documents(collection)
    }

    /// The price of an answer that is made of the figures' cells.
    pub fn of_cells(&self) -> u64 {
        self.budgets.dearest() / OF_CELLS
    }

    /// Gives back what a read did not use. It was charged for looking at `documents`, took this long, and sends so many
    /// `unsent` rows fewer than it was charged for. While Redis is away, it stays paid.
    pub async fn settle(&self, documents: u64, took: Duration, unsent: u64) {
        let unused = documents.saturating_sub(looked_at(documents, took)).saturating_add(unsent);
        if let Err(error) = self.get_back(unused).await {
            tracing::debug!(%error, "what a read did not come to stays paid");
        }
    }

    /// Gives back what was paid but not used.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn get_back(&self, price: u64) -> RedisResult<()> {
        if price == 0 {
            return Ok(());
        }
        self.budgets.refusals().0.remove(&self.user);
        self.spend(i64::try_from(price).map_or(0, i64::saturating_neg)).await.map(drop)
    }

    /// Pays a price if so much is left. Otherwise returns how long to wait for it.
    async fn wait_for(&self, price: i64) -> RedisResult<Duration> {
        let known = self.budgets.refusals().wait(self.user, price, Instant::now());
        if let Some(wait) = known {
            return Ok(wait);
        }
        let wait = Duration::from_millis(self.spend(price).await?);
        if !wait.is_zero() {
            self.budgets.refusals().note(self.user, price, wait, Instant::now());
        }
        Ok(wait)
    }

    /// Returns the milliseconds until so much is left, or zero if it was paid.
    async fn spend(&self, price: i64) -> RedisResult<u64> {
        let rate = self.budgets.dearest();
        SPEND
            .key(self.budgets.redis.key(&format!("budget:{}", self.user)))
            .arg(price)
            .arg(rate)
            .arg(rate.saturating_mul(BURST))
            .invoke_async(&mut self.budgets.redis.connection())
            .await
    }
}

/// How many of the documents a read has looked at, by the time that it took.
fn looked_at(documents: u64, took: Duration) -> u64 {
    let parts = u128::from(documents).saturating_mul(took.min(LOOKS_AT_ALL).as_micros()) / LOOKS_AT_ALL.as_micros();
    u64::try_from(parts).unwrap_or(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_costs_by_the_time_that_it_took_and_never_more_than_it_was_charged() {
        let of_a_thousand = |took| looked_at(1000, took);
        assert_eq!(of_a_thousand(Duration::ZERO), 0);
        assert_eq!(of_a_thousand(LOOKS_AT_ALL / 10), 100);
        assert_eq!((of_a_thousand(LOOKS_AT_ALL), of_a_thousand(Duration::MAX)), (1000, 1000));
        assert_eq!(looked_at(u64::MAX, Duration::MAX), u64::MAX);
    }

    #[test]
    fn a_refusal_holds_for_a_while_for_what_costs_as_much() {
        let [ada, bob] = ["a", "b"].map(|digit| digit.repeat(24).parse::<UserId>().unwrap());
        let (seconds, now) = (Duration::from_secs, Instant::now());
        let half = REFUSED_AFTER / 2;
        let mut refusals = Refusals::default();
        refusals.note(ada, 100, seconds(7), now);
        assert_eq!(refusals.wait(ada, 100, now + half), seconds(7).checked_sub(half));
        assert_eq!(refusals.wait(ada, 99, now + half), None, "so much may be there");
        assert_eq!(refusals.wait(bob, 100, now + half), None);
        assert_eq!(refusals.wait(ada, 100, now + REFUSED_AFTER), None, "more may have been given back by now");
        refusals.note(ada, 100, half, now);
        assert_eq!(refusals.wait(ada, 100, now + half), None, "so much is there by now");
        refusals.note(bob, 100, seconds(7), now + REFUSED_AFTER);
        assert!(!refusals.0.contains_key(&ada), "what no longer holds is forgotten");
    }
}
