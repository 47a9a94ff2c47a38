//! Snapshots in Redis, kept for five minutes: of a list's rows, of the figures' cells, and of reports. An older one never
//! takes the place of a newer one, however late its writer is.
//!
//! They are large, so they become text and are parsed again off the runtime's threads.

use std::sync::{Arc, LazyLock};

use redis::{AsyncCommands, ErrorKind, RedisError, RedisResult, Script};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::task::spawn_blocking;

use super::Redis;
use crate::{
    domain::{
        cells::Cells,
        collections::Collection,
        protocol::{
            position::{ClusterTime, Epoch, Position},
            snapshot::Snapshot,
        },
        selection::Selection,
    },
    guards::guarded,
};

/// How long a snapshot is kept.
const KEEP_S: u64 = 300;
/// Digits of [`stamp`].
const STAMP: usize = 40;

/// Bytes that all snapshots may take together. The limit is needed because everybody may ask for lists of their own,
/// and each is kept.
const BYTES_MAX: usize = 64 << 20;

/// Writes unless what is there is newer. Stamps are compared as texts, because Lua's numbers are doubles and would
/// take two positions beyond 2^53 for one. Removes the oldest snapshots while all together are too large.
static REPLACE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) > ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'EX', ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function forget(key)
  local bytes = redis.call('HGET', KEYS[3], key)
  if bytes then redis.call('HINCRBY', KEYS[3], 'all', '-' .. bytes) end
  redis.call('HDEL', KEYS[3], key)
  redis.call('ZREM', KEYS[2], key)
end
forget(KEYS[1])
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3] * 1000)) do forget(ended) end
redis.call('ZADD', KEYS[2], now, KEYS[1])
redis.call('HSET', KEYS[3], KEYS[1], #ARGV[1] + #ARGV[2])
local all = redis.call('HINCRBY', KEYS[3], 'all', #ARGV[1] + #ARGV[2])
while all > tonumber(ARGV[4]) do
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if oldest == KEYS[1] then break end
  redis.call('DEL', oldest)
  forget(oldest)
  all = tonumber(redis.call('HGET', KEYS[3], 'all'))
end
redis.call('EXPIRE', KEYS[2], ARGV[3] * 2)
redis.call('EXPIRE', KEYS[3], ARGV[3] * 2)
return 1
",
    )
});

const CELLS: &str = "cells";

/// All documents folded, at a closed position.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    pub position: Position,
    pub ct: ClusterTime,
    pub cells: Cells,
}

/// The cached rows of a list in an epoch. Rows that cannot be parsed count as not cached.
///
/// # Errors
/// Redis is away.
pub async fn cached(
    redis: &Redis,
    epoch: Epoch,
    topic: Collection,
    selection: &Selection,
) -> RedisResult<Option<Snapshot>> {
    kept(redis, epoch, &name(topic, selection)).await
}

/// Caches the rows of a list. Returns `false` if a newer snapshot is cached already.
///
/// # Errors
/// Redis is away.
pub async fn cache(redis: &Redis, snapshot: &Arc<Snapshot>) -> RedisResult<bool> {
    keep(redis, &name(snapshot.topic, &snapshot.selection), snapshot.position, snapshot.ct, snapshot).await
}

/// The name under which a list is cached, and under which all who ask for it share one read. Equal selections have
/// equal names.
pub fn name(topic: Collection, selection: &Selection) -> String {
    if selection.is_everything() { topic.to_string() } else { format!("{topic}?{selection}") }
}

/// The count that an instance kept in an epoch.
///
/// # Errors
/// Redis is away.
pub async fn kept_count(redis: &Redis, epoch: Epoch) -> RedisResult<Option<Count>> {
    kept(redis, epoch, CELLS).await
}

/// Keeps a count for instances that start. Returns `false` if a newer one is kept already.
///
/// # Errors
/// Redis is away.
pub async fn keep_count(redis: &Redis, count: &Arc<Count>) -> RedisResult<bool> {
    keep(redis, CELLS, count.position, count.ct, count).await
}

/// Anything that was kept in an epoch, by its name.
///
/// # Errors
/// Redis is away.
pub async fn kept<T: DeserializeOwned + Send + 'static>(
    redis: &Redis,
    epoch: Epoch,
    name: &str,
) -> RedisResult<Option<T>> {
    let value: Option<Vec<u8>> = redis.connection().get(redis.key(&key(epoch, name))).await?;
    let Some(bytes) = value else { return Ok(None) };
    let parsed = spawn_blocking(move || serde_json::from_slice(bytes.get(STAMP..)?).ok());
    parsed.await.map_err(|error| failed(&error))
}

/// Keeps what was read at a position and a cluster time. Returns `false` if something newer is kept already.
///
/// # Errors
/// Redis is away.
pub async fn keep<T: Serialize + Send + Sync + 'static>(
    redis: &Redis,
    name: &str,
    position: Position,
    ct: ClusterTime,
    value: &Arc<T>,
) -> RedisResult<bool> {
    let value = value.clone();
    let body = spawn_blocking(move || serde_json::to_vec(&*value)).await.map_err(|error| failed(&error))?;
    let body = body.map_err(|error| failed(&error))?;
    REPLACE
        .key(redis.key(&key(position.epoch, name)))
        .key(redis.key("snaps"))
        .key(redis.key("snap_bytes"))
        .arg(stamp(position, ct))
        .arg(body)
        .arg(KEEP_S)
        .arg(BYTES_MAX)
        .invoke_async(&mut redis.connection())
        .await
}

fn failed(error: &dyn std::error::Error) -> RedisError {
    (ErrorKind::Client, "a snapshot cannot be written or read", error.to_string()).into()
}

fn key(epoch: Epoch, name: &str) -> String {
    format!("snap:{}:{name}", epoch.0)
}

/// A text that is greater for a newer snapshot, which is later in the log or was read later at the same position. All
/// texts have one width, so that they compare as the numbers do. They are digits, because Redis compares by its
/// locale. Without its guard every snapshot says that it is the newest.
fn stamp(position: Position, ct: ClusterTime) -> String {
    guarded!(SnapshotCompareAndSet: format!("{:020}{:020}", position.seq.0, ct.0), else "9".repeat(STAMP))
}
