//! Snapshots in Redis, kept for five minutes: of a list's rows, of the figures' cells, and of reports.

use redis::{AsyncCommands, RedisResult};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::Redis;
use crate::model::{
    cells::Cells,
    ids::Collection,
    position::{ClusterTime, Epoch, Position},
    selection::Selection,
    snapshot::Snapshot,
};

/// How long a snapshot is kept.
const KEEP_S: u64 = 300;

/// All documents folded, at a closed position.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Count {
    pub position: Position,
    pub ct: ClusterTime,
    pub cells: Cells,
}

/// The cached rows of a list in an epoch. What cannot be read counts as not cached.
///
/// # Errors
/// Redis is away.
pub async fn cached(
    redis: &Redis,
    epoch: Epoch,
    topic: Collection,
    selection: &Selection,
) -> RedisResult<Option<Snapshot>> {
    get(redis, &key(epoch, &name(topic, selection))).await
}

/// Caches the rows of a list.
///
/// # Errors
/// Redis is away.
pub async fn cache(redis: &Redis, snapshot: &Snapshot) -> RedisResult<()> {
    set(redis, &key(snapshot.position.epoch, &name(snapshot.topic, &snapshot.selection)), snapshot).await
}

/// What a list is cached under, and read once under by all who ask for it: equal selections have equal names.
pub fn name(topic: Collection, selection: &Selection) -> String {
    if selection.is_everything() { topic.to_string() } else { format!("{topic}?{selection}") }
}

/// The count that an instance kept in an epoch.
///
/// # Errors
/// Redis is away.
pub async fn kept_count(redis: &Redis, epoch: Epoch) -> RedisResult<Option<Count>> {
    get(redis, &key(epoch, "cells")).await
}

/// Keeps a count for instances that start.
///
/// # Errors
/// Redis is away.
pub async fn keep_count(redis: &Redis, count: &Count) -> RedisResult<()> {
    set(redis, &key(count.position.epoch, "cells"), count).await
}

/// Anything else that was read in an epoch, by its name.
///
/// # Errors
/// Redis is away.
pub async fn kept<T: DeserializeOwned>(redis: &Redis, epoch: Epoch, name: &str) -> RedisResult<Option<T>> {
    get(redis, &key(epoch, name)).await
}

/// Keeps what was read.
///
/// # Errors
/// Redis is away.
pub async fn keep<T: Serialize>(redis: &Redis, epoch: Epoch, name: &str, value: &T) -> RedisResult<()> {
    set(redis, &key(epoch, name), value).await
}

fn key(epoch: Epoch, name: &str) -> String {
    format!("snap:{}:{name}", epoch.0)
}

async fn get<T: DeserializeOwned>(redis: &Redis, key: &str) -> RedisResult<Option<T>> {
    let body: Option<Vec<u8>> = redis.connection().get(redis.key(key)).await?;
    Ok(body.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

async fn set<T: Serialize>(redis: &Redis, key: &str, value: &T) -> RedisResult<()> {
    let body = serde_json::to_vec(value)
        .map_err(|e| (redis::ErrorKind::Client, "a snapshot cannot be written", e.to_string()))?;
    redis.connection().set_ex(redis.key(key), body, KEEP_S).await
}
