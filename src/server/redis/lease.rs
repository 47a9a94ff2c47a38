//! Leases, by which one of all instances does a task. They only save work. What must not be done twice is guarded
//! where it is done, as by the log's compare-and-set.

use std::{sync::LazyLock, time::Duration};

use redis::{AsyncCommands, ExistenceCheck, RedisResult, Script, SetExpiry, SetOptions};
use tokio_util::sync::CancellationToken;

use super::Redis;

/// How long a holder that vanished keeps others waiting.
const TERM: Duration = Duration::from_secs(3);
/// How long after a lease was taken over nobody takes it over again.
const TAKEN_OVER: Duration = Duration::from_secs(60);
/// How often the lease is asked for or renewed.
pub const RENEW: Duration = Duration::from_secs(1);

/// One instance's claim to the task of this name.
#[derive(Clone)]
pub struct Lease {
    redis: Redis,
    key: String,
    /// Random, so that nobody ends another's lease.
    holder: String,
}

static RENEWAL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) else return 0 end",
    )
});
static RELEASE: LazyLock<Script> = LazyLock::new(|| {
    Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end")
});

impl Lease {
    pub fn new(redis: Redis, name: &str) -> Self {
        Self { key: redis.key(&format!("lease:{name}")), redis, holder: format!("{:032x}", rand::random::<u128>()) }
    }

    /// Takes the lease if it is free. Returns whether it was.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn take(&self) -> RedisResult<bool> {
        let options = SetOptions::default()
            .conditional_set(ExistenceCheck::NX)
            .with_expiration(SetExpiry::PX(u64::try_from(TERM.as_millis()).unwrap_or(u64::MAX)));
        let taken: Option<String> = self.redis.connection().set_options(&self.key, &self.holder, options).await?;
        Ok(taken.is_some())
    }

    /// Whether anyone has it.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn is_held(&self) -> RedisResult<bool> {
        self.redis.connection().exists(&self.key).await
    }

    /// Takes the lease from its holder, which notices at its next renewal. Works at most once in [`TAKEN_OVER`], for
    /// all instances together.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn take_over(&self) -> RedisResult<bool> {
        let options = |term: Duration| {
            SetOptions::default().with_expiration(SetExpiry::PX(u64::try_from(term.as_millis()).unwrap_or(u64::MAX)))
        };
        let mut connection = self.redis.connection();
        let once = options(TAKEN_OVER).conditional_set(ExistenceCheck::NX);
        let may: Option<String> =
            connection.set_options(format!("{}:taken_over", self.key), &self.holder, once).await?;
        if may.is_some() {
            let () = connection.set_options(&self.key, &self.holder, options(TERM)).await?;
        }
        Ok(may.is_some())
    }

    /// Renews the lease for another term. Returns whether it is still ours.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn renew(&self) -> RedisResult<bool> {
        let term = u64::try_from(TERM.as_millis()).unwrap_or(u64::MAX);
        RENEWAL.key(&self.key).arg(&self.holder).arg(term).invoke_async(&mut self.redis.connection()).await
    }

    /// Renews the lease until it is lost or `term` ends; then ends `term`.
    pub async fn keep(&self, term: &CancellationToken) {
        let mut failures = 0;
        while !term.is_cancelled() {
            term.run_until_cancelled(tokio::time::sleep(RENEW)).await;
            match self.renew().await {
                Ok(true) => failures = 0,
                Ok(false) => break,
                // Redis may be away for everyone; what is done is guarded where it is done.
                Err(_) if failures < 2 => failures += 1,
                Err(_) => break,
            }
        }
        term.cancel();
    }

    /// Gives the lease back.
    ///
    /// # Errors
    /// Redis is away; the lease then ends by itself.
    pub async fn release(&self) -> RedisResult<()> {
        RELEASE.key(&self.key).arg(&self.holder).invoke_async(&mut self.redis.connection()).await
    }
}
