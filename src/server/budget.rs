//! What an account may ask for. Every question has a price, which is the documents that MongoDB looks at and the rows
//! that are sent. Over all instances an account may spend the dearest page's price each second, with a burst of ten.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use redis::{RedisResult, Script};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    domain::{cells::Cell, collections::Collection},
    server::{auth::user::UserId, hub::Hub, redis::Redis},
};

/// Least price of the dearest page, as in a small network. It is about a tenth of a second of MongoDB's time.
const LEAST: u64 = 100_000;
/// Number of dearest pages that may be asked for at once.
const BURST: u64 = 10;
/// Lists of its own that an account has read at once by one instance. The next ones wait, because all accounts share
/// few lanes and MongoDB's processors.
const TURNS: usize = 1;
/// How long an account that has nothing left waits for its answer. So a client that asks again at once, without end,
/// cannot take up the processor with refusals.
const REFUSED_AFTER: Duration = Duration::from_secs(1);
/// An answer from the figures' cells costs one part in this many of the dearest page. No document is looked at, but
/// it takes its time.
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
    turns: Arc<Mutex<HashMap<UserId, Arc<Semaphore>>>>,
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
}

impl Budgets {
    pub fn new(redis: Redis, hub: Hub) -> Self {
        Self { redis, hub, turns: Arc::default() }
    }

    pub fn of(&self, user: UserId) -> Asker {
        Asker { budgets: self.clone(), user }
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
        let wait = self.spend(price, self.budgets.dearest()).await?;
        if wait == 0 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(wait).min(REFUSED_AFTER)).await;
        match self.spend(price, self.budgets.dearest()).await? {
            0 => Ok(()),
            wait => Err(Unaffordable::Wait(Duration::from_millis(wait))),
        }
    }

    /// Waits for the account's turn to have something read for it alone. `None` only if turns are no longer given.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut all = self.budgets.turns.lock().unwrap_or_else(PoisonError::into_inner);
            // Forgets accounts for which nothing is read.
            all.retain(|_, turns| Arc::strong_count(turns) > 1);
            all.entry(self.user).or_insert_with(|| Arc::new(Semaphore::new(TURNS))).clone()
        };
        turns.acquire_owned().await.ok()
    }

    /// The most that a question costs that no index answers, which is all documents of a collection.
    pub fn all_of(&self, collection: Collection) -> u64 {
        self.budgets.documents(collection)
    }

    /// Pays for an answer that is made of the figures' cells.
    ///
    /// # Errors
    /// See [`Unaffordable`].
    pub async fn pay_for_cells(&self) -> Result<(), Unaffordable> {
        self.pay(self.budgets.dearest() / OF_CELLS).await
    }

    /// Gives back what was paid but not used.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn get_back(&self, price: u64) -> RedisResult<()> {
        let rate = self.budgets.dearest();
        self.spend(i64::try_from(price).map_or(0, i64::saturating_neg), rate).await.map(drop)
    }

    async fn spend(&self, price: i64, rate: u64) -> RedisResult<u64> {
        SPEND
            .key(self.budgets.redis.key(&format!("budget:{}", self.user)))
            .arg(price)
            .arg(rate)
            .arg(rate.saturating_mul(BURST))
            .invoke_async(&mut self.budgets.redis.connection())
            .await
    }
}
