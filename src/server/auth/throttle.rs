//! Clients with too many failed attempts have to wait. Redis holds the counts, so that all instances count together.
//! Only failures count, so that any number of correct logins at once makes nobody wait.
//!
//! No lock is by account alone, because an attacker who guesses from one place must not lock the owner out elsewhere.

use std::{net::IpAddr, sync::LazyLock, time::Duration};

use redis::{AsyncCommands, RedisResult, Script};
use sha2::{Digest, Sha256};

use super::{email::Email, user::UserId};
use crate::server::{hex::hex, net::line, redis::Redis};

/// How long failures are remembered, from the first one on.
pub const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Failures from one address, for any account: an office behind one address has people who mistype.
pub const PER_ADDRESS: u32 = 50;
/// Failures from one address for one account.
pub const PER_ACCOUNT: u32 = 10;

/// The counts of this installation.
#[derive(Clone)]
pub struct Throttles {
    redis: Redis,
}

/// An attempt that is refused without a look at the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Time until attempts are judged again.
    pub wait: Duration,
    /// How many attempts were refused for the same reason so far, this one included.
    pub tries: u32,
}

/// Recent links that did not work, the one just counted included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LinksRefused {
    pub from_there: u32,
    pub in_all: u32,
}

/// Whose failures are counted together.
#[derive(Clone)]
pub(super) struct Keys {
    address: String,
    account: String,
}

/// Returns the wait in milliseconds and the tries; the wait is zero if the attempt may go on. Refused attempts have a
/// counter of their own beside the one that refused them.
static LOOK: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
for i = 1, 2 do
  if tonumber(redis.call('GET', KEYS[i]) or 0) >= tonumber(ARGV[i]) then
    local wait = redis.call('PTTL', KEYS[i])
    local tries = redis.call('INCR', KEYS[i + 2])
    redis.call('PEXPIRE', KEYS[i + 2], wait)
    return {wait, tries}
  end
end
return {0, 0}
",
    )
});

/// Increments counters, which expire as failures are forgotten, and returns their new values.
static COUNT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local counts = {}
for i, key in ipairs(KEYS) do
  counts[i] = redis.call('INCR', key)
  if counts[i] == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
end
return counts
",
    )
});

/// # Errors of all methods
/// Redis is away: then nobody is let in.
impl Throttles {
    pub fn new(redis: Redis) -> Self {
        Self { redis }
    }

    /// Call it as late as possible, with the turn to hash in hand. Then at most as many guesses above the limit are
    /// judged as there are turns, and not as many as arrive at once.
    pub(super) async fn look(&self, keys: &Keys) -> RedisResult<Option<Throttled>> {
        let turned_away = |key: &str| format!("{key}:turned_away");
        let (wait, tries): (u64, u32) = LOOK
            .key(&keys.address)
            .key(&keys.account)
            .key(turned_away(&keys.address))
            .key(turned_away(&keys.account))
            .arg(PER_ADDRESS)
            .arg(PER_ACCOUNT)
            .invoke_async(&mut self.redis.connection())
            .await?;
        Ok((wait > 0).then_some(Throttled { wait: Duration::from_millis(wait), tries }))
    }

    /// Counts a link that did not work. Nobody has to wait for it, because a token cannot be guessed.
    pub(super) async fn link_refused(&self, address: Option<IpAddr>) -> RedisResult<LinksRefused> {
        let from_there = self.redis.key(&format!("links_refused_from:{}", network(address)));
        let in_all = self.redis.key("links_refused");
        let connection = &mut self.redis.connection();
        let (from_there, in_all) = COUNT.key(from_there).key(in_all).arg(window()).invoke_async(connection).await?;
        Ok(LinksRefused { from_there, in_all })
    }

    /// Counts an export that this account was refused. Returns how many there were lately.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn export_refused(&self, user: UserId) -> RedisResult<u32> {
        let key = self.redis.key(&format!("exports_refused:{user}"));
        let (tries,) = COUNT.key(key).arg(window()).invoke_async(&mut self.redis.connection()).await?;
        Ok(tries)
    }

    pub(super) async fn failed(&self, keys: &Keys) -> RedisResult<()> {
        let connection = &mut self.redis.connection();
        let _: (u32, u32) = COUNT.key(&keys.address).key(&keys.account).arg(window()).invoke_async(connection).await?;
        Ok(())
    }

    /// Forgets the account's failures from that address, but not the address's own: the owner of one account must not
    /// clear the way for guesses at others.
    pub(super) async fn passed(&self, keys: &Keys) -> RedisResult<()> {
        self.redis.connection().del(&keys.account).await
    }

    /// The keys for an address and an account. The account's e-mail is hashed, because keys are visible in Redis.
    pub(super) fn keys(&self, address: Option<IpAddr>, email: Option<&Email>) -> Keys {
        let network = network(address);
        let account = Sha256::digest(format!("{}\n{network}", email.map_or("", Email::as_str)));
        Keys {
            address: self.redis.key(&format!("failed_from:{network}")),
            account: self.redis.key(&format!("failed_for:{}", hex(&account))),
        }
    }
}

fn network(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "unknown".to_owned(), |address| line(address).to_string())
}

fn window() -> u64 {
    u64::try_from(WINDOW.as_millis()).unwrap_or(u64::MAX)
}
