//! Stores sessions: one expiring key each, and an index per user, so that all sessions of a user can be ended.
//!
//! Keys and indexes name a session by the hash of its id, not by the id. What can be read in Redis, in a dump or in a
//! log therefore gives nobody a session.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use redis::{AsyncCommands, ExistenceCheck, RedisError, SetExpiry, SetOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tower_sessions::{
    SessionStore,
    cookie::time::OffsetDateTime,
    session::{Id, Record},
    session_store::{Error, Result},
};

use super::connection::Redis;
use crate::server::hex::hex;

/// The key in a session's data whose string names the user it belongs to.
pub const OWNER: &str = "user";

/// SHA-256 of a session's id, in hex: the name under which everything but the cookie knows a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionHash(String);

impl SessionHash {
    pub fn of(id: &Id) -> Self {
        Self(hex(&Sha256::digest(id.0.to_le_bytes())))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Sessions in Redis. An expired session is gone for every reader, by Redis' clock.
#[derive(Clone)]
pub struct RedisSessionStore {
    redis: Redis,
    /// The longest that any session lives. Its user's index lives as long.
    lifetime: Duration,
}

impl RedisSessionStore {
    pub fn new(redis: Redis, lifetime: Duration) -> Self {
        Self { redis, lifetime }
    }

    /// The data of a session that is still there.
    ///
    /// # Errors
    /// Redis is away, or the record is not one of ours.
    pub async fn peek(&self, session: &SessionHash) -> Result<Option<serde_json::Map<String, Value>>> {
        let text: Option<String> = self.redis.connection().get(self.session_key(session)).await.map_err(backend)?;
        Ok(match text {
            Some(text) => Some(decode(&text)?.data),
            None => None,
        })
    }

    /// The sessions of a user that are still there, with their data.
    ///
    /// # Errors
    /// Redis is away, or a record is not one of ours.
    pub async fn all_of(&self, owner: &str) -> Result<Vec<(SessionHash, serde_json::Map<String, Value>)>> {
        let sessions = self.names_of(owner).await?;
        if sessions.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = sessions.iter().map(|session| self.session_key(session)).collect();
        let texts: Vec<Option<String>> = self.redis.connection().mget(keys).await.map_err(backend)?;
        let found = sessions.into_iter().zip(texts).filter_map(|(session, text)| Some((session, text?)));
        found.map(|(session, text)| Ok((session, decode(&text)?.data))).collect()
    }

    /// Ends a session of a user. Returns false if the user has no such session.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn delete_one_of(&self, owner: &str, session: &SessionHash) -> Result<bool> {
        // A name outside this user's index is left alone, because it may be someone else's session, or another key.
        if !self.names_of(owner).await?.contains(session) {
            return Ok(false);
        }
        let mut connection = self.redis.connection();
        let (gone, _): (u64, u64) = redis::pipe()
            .atomic()
            .del(self.session_key(session))
            .zrem(self.index_key(owner), &session.0)
            .query_async(&mut connection)
            .await
            .map_err(backend)?;
        Ok(gone > 0)
    }

    /// Ends every session of a user.
    ///
    /// # Errors
    /// Redis is away.
    pub async fn delete_all_of(&self, owner: &str) -> Result<()> {
        let mut keys: Vec<String> =
            self.names_of(owner).await?.iter().map(|session| self.session_key(session)).collect();
        keys.push(self.index_key(owner));
        self.redis.connection().del::<_, ()>(keys).await.map_err(backend)
    }

    /// The sessions in the user's index, including those that have expired since.
    async fn names_of(&self, owner: &str) -> Result<Vec<SessionHash>> {
        let names: Vec<String> = self.redis.connection().zrange(self.index_key(owner), 0, -1).await.map_err(backend)?;
        Ok(names.into_iter().map(SessionHash).collect())
    }

    async fn put(&self, record: &Record, check: ExistenceCheck) -> Result<bool> {
        let session = SessionHash::of(&record.id);
        let Ok(lives @ 1..) = u64::try_from(time_left(record)) else {
            // Redis refuses an expiry of zero, and a session that is over needs no key.
            self.delete(&record.id).await?;
            return Ok(true);
        };
        let options = SetOptions::default().conditional_set(check).with_expiration(SetExpiry::PX(lives));
        let mut connection = self.redis.connection();
        let stored: Option<String> =
            connection.set_options(self.session_key(&session), encode(record)?, options).await.map_err(backend)?;
        if stored.is_some()
            && let Some(owner) = record.data.get(OWNER).and_then(Value::as_str)
        {
            self.index(owner, &session, record).await.map_err(backend)?;
        }
        Ok(stored.is_some())
    }

    /// Adds the session to the index with its expiry as score, and removes those that have expired.
    async fn index(&self, owner: &str, session: &SessionHash, record: &Record) -> std::result::Result<(), RedisError> {
        let index = self.index_key(owner);
        let lifetime = i64::try_from(self.lifetime.as_millis()).unwrap_or(i64::MAX);
        redis::pipe()
            .atomic()
            .zrembyscore(&index, "-inf", milliseconds(OffsetDateTime::now_utc()))
            .zadd(&index, &session.0, milliseconds(record.expiry_date))
            .pexpire(&index, lifetime)
            .exec_async(&mut self.redis.connection())
            .await
    }

    fn session_key(&self, session: &SessionHash) -> String {
        self.redis.key(&format!("session:{session}"))
    }

    fn index_key(&self, owner: &str) -> String {
        self.redis.key(&format!("sessions_of:{owner}"))
    }
}

#[async_trait]
impl SessionStore for RedisSessionStore {
    /// Writes only new keys, because the second of two equal ids would get the first one's session.
    async fn create(&self, record: &mut Record) -> Result<()> {
        while !self.put(record, ExistenceCheck::NX).await? {
            record.id = Id::default();
        }
        Ok(())
    }

    /// Saves only what still exists, because a request that outlasts its session must not bring it back.
    async fn save(&self, record: &Record) -> Result<()> {
        self.put(record, ExistenceCheck::XX).await.map(|_| ())
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let session = SessionHash::of(id);
        let text: Option<String> = self.redis.connection().get(self.session_key(&session)).await.map_err(backend)?;
        let Some(stored) = text.as_deref().map(decode).transpose()? else { return Ok(None) };
        let expiry_date =
            OffsetDateTime::from_unix_timestamp_nanos(i128::from(stored.expires_ms) * NANOS_PER_MS).map_err(foreign)?;
        Ok(Some(Record { id: *id, data: stored.data.into_iter().collect(), expiry_date }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        let session = SessionHash::of(id);
        let mut connection = self.redis.connection();
        let text: Option<String> = connection.get_del(self.session_key(&session)).await.map_err(backend)?;
        let owner = text
            .as_deref()
            .map(decode)
            .transpose()?
            .and_then(|stored| Some(stored.data.get(OWNER)?.as_str()?.to_owned()));
        if let Some(owner) = owner {
            connection.zrem::<_, _, ()>(self.index_key(&owner), &session.0).await.map_err(backend)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RedisSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisSessionStore")
    }
}

/// A record without its id.
#[derive(Serialize, Deserialize)]
struct StoredSession {
    data: serde_json::Map<String, Value>,
    expires_ms: i64,
}

const NANOS_PER_MS: i128 = 1_000_000;

fn encode(record: &Record) -> Result<String> {
    let data = record.data.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    let stored = StoredSession { data, expires_ms: milliseconds(record.expiry_date) };
    serde_json::to_string(&stored).map_err(|error| Error::Encode(error.to_string()))
}

fn decode(text: &str) -> Result<StoredSession> {
    serde_json::from_str(text).map_err(foreign)
}

fn time_left(record: &Record) -> i128 {
    (record.expiry_date - OffsetDateTime::now_utc()).whole_milliseconds()
}

/// Milliseconds since 1970. No session has a date beyond 64 bits.
fn milliseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / NANOS_PER_MS).unwrap_or(i64::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it")]
fn backend(error: RedisError) -> Error {
    Error::Backend(error.to_string())
}

fn foreign(error: impl fmt::Display) -> Error {
    Error::Decode(error.to_string())
}
