//! What each instance tells the others about itself, in one hash of Redis, timed by Redis' own clock.

use std::{sync::LazyLock, time::Duration};

use redis::{AsyncCommands, RedisResult, Script};

use super::Redis;

/// How long after its last message an instance is forgotten.
const FORGET: Duration = Duration::from_secs(60);

static EXCHANGE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local all, known = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #known, 2 do
  local at, body = known[i + 1]:match('^(%d+) (.*)$')
  local age = now - tonumber(at)
  if age > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[1], known[i]) else table.insert(all, {age, body}) end
end
return all
",
    )
});

/// Stores `body` for the instance `id`. Returns what each instance stored last, each with its age in milliseconds.
///
/// # Errors
/// Redis is away.
pub async fn exchange(redis: &Redis, id: &str, body: &str) -> RedisResult<Vec<(u64, String)>> {
    let forget = u64::try_from(FORGET.as_millis()).unwrap_or(u64::MAX);
    EXCHANGE.key(key(redis)).arg(id).arg(body).arg(forget).invoke_async(&mut redis.connection()).await
}

/// Removes an instance that ends.
///
/// # Errors
/// Redis is away; the instance is then forgotten later.
pub async fn forget(redis: &Redis, id: &str) -> RedisResult<()> {
    redis.connection().hdel(key(redis), id).await
}

fn key(redis: &Redis) -> String {
    redis.key("instances")
}
