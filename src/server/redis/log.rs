//! The log: a Redis stream whose entry ids are positions, appended by compare-and-set and published as appended.
//!
//! Long, because all commands on the log's keys stand here, so that no other file knows how it is stored.

use std::{sync::LazyLock, time::Instant};

use redis::{AsyncCommands, FromRedisValue, RedisError, Script, streams::StreamRangeReply};
use serde::{Deserialize, Serialize};

use super::Redis;
use crate::{
    domain::{
        collections::schema::Schema,
        protocol::{
            log::Entry,
            position::{Position, Seq},
        },
        time::UtcMs,
    },
    guards::guarded,
};

/// Entries of a page.
pub const PAGE: usize = 500;
/// Bytes, as stored, after which a page ends. Parsed they may take 28 times as much, because the smallest object takes
/// room for eleven fields.
pub const PAGE_BYTES: usize = 1 << 20;
/// Entries asked for at once. One has [at most 64 KiB](crate::server::relay), or is one row.
const ASKED: usize = 32;
/// Seconds after which an entry can be trimmed.
const KEEP_S: i64 = 15 * 60;
/// Bytes the log may take in Redis before its oldest entries go early.
pub const MAX_BYTES: u64 = 256 << 20;

/// What an append must know of the last entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    pub position: Position,
    /// Resume token of the entry's last event; empty for the entry that opens an epoch.
    pub token: String,
}

/// Entries that follow each other.
pub struct LogPage {
    pub entries: Vec<Entry>,
    /// Whether it ends because no more fits.
    pub is_full: bool,
}

/// The result of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    Done,
    /// Nothing was written, because the log ends elsewhere; `None` if it is empty.
    Chain(Option<Tail>),
}

/// The relay's message that nothing happened after `position` until `at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub position: Position,
    /// MongoDB's operation time.
    pub at: UtcMs,
    /// Resume token of the idle stream, good as long as `position` is the log's end.
    pub token: String,
    /// When the relay asked MongoDB for it; other versions do not send it.
    #[serde(default)]
    pub sent: Option<Sent>,
}

/// A moment of one process, by a clock that never jumps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Random number of the process.
    pub relay: u64,
    /// Microseconds since some moment of the process.
    pub us: i64,
}

impl Sent {
    /// The moment `at` by this process's clock.
    pub fn now(at: Instant) -> Self {
        static BEGINNING: LazyLock<(u64, Instant)> = LazyLock::new(|| (rand::random(), Instant::now()));
        let (relay, beginning) = *BEGINNING;
        let us = at.saturating_duration_since(beginning).as_micros();
        Self { relay, us: i64::try_from(us).unwrap_or(i64::MAX) }
    }
}

/// # Errors of all methods
/// Redis is away or refuses. A lost reply is an error too; appending again settles it.
#[derive(Clone)]
pub struct Log {
    redis: Redis,
    key: String,
    schema: Schema,
}

/// What went wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("an entry of the log cannot be read: {0}")]
    Unreadable(String),
}

type Result<T> = std::result::Result<T, LogError>;

/// Appends with one write, and only if the log ends as the caller believes. So nothing can be half done, and two
/// relays do no harm.
static APPEND: LazyLock<Script> = LazyLock::new(|| Script::new(APPEND_TEXT));

const APPEND_TEXT: &str = r"
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local id, token = '', ''
if last then
  id = last[1]
  for i = 1, #last[2], 2 do
    if last[2][i] == 'token' then token = last[2][i + 1] end
  end
end
if id ~= ARGV[1] or token ~= ARGV[2] then return {0, id, token} end
local added = redis.pcall('XADD', KEYS[1], ARGV[3], 'token', ARGV[4], 'entry', ARGV[5])
if added.err then return added end
redis.call('PUBLISH', KEYS[2], ARGV[5])
return {1, '', ''}
";

/// Appends whatever the log ends with. Redis refuses an id that is not above the last, which is half of the guard, so
/// the entry then gets the next number. Redis before 7.0 does not choose it.
#[cfg(feature = "guards")]
static APPEND_UNGUARDED: LazyLock<Script> = LazyLock::new(|| {
    let compared = "if id ~= ARGV[1] or token ~= ARGV[2] then return {0, id, token} end";
    let refused = "if added.err then return added end";
    let again = r"if added.err then -- unguarded
  local next = string.format('%d', string.match(id, '%d+$') + 1)
  added = redis.pcall('XADD', KEYS[1], string.gsub(ARGV[3], '%d+$', next), 'token', ARGV[4], 'entry', ARGV[5])
end
";
    Script::new(&APPEND_TEXT.replace(compared, "").replace(refused, &[again, refused].concat()))
});

#[expect(clippy::missing_errors_doc, reason = "the type says it for all methods")]
impl Log {
    pub fn new(redis: Redis) -> Self {
        Self::of(redis, Schema::OURS)
    }

    /// The log as a build with this schema reads and writes it.
    pub fn of(redis: Redis, schema: Schema) -> Self {
        Self { key: redis.key("log"), redis, schema }
    }

    /// The schema of the entries that it appends, and the only one that it reads.
    pub const fn schema(&self) -> Schema {
        self.schema
    }

    /// The channel on which each entry is published as appended.
    pub fn live_channel(&self) -> String {
        self.redis.key("live")
    }

    /// The channel of [`Checked`].
    pub fn checked_channel(&self) -> String {
        self.redis.key("checked")
    }

    /// Appends `entry` if the log ends with `expected`; `None` stands for an empty log.
    pub async fn append(&self, expected: Option<&Tail>, entry: &Entry, token: &str) -> Result<Appended> {
        let stored = StoredEntry { version: self.schema, entry };
        let body = serde_json::to_string(&stored).map_err(|e| LogError::Unreadable(e.to_string()))?;
        let (id, last) = expected.map_or((String::new(), ""), |tail| (tail.position.to_string(), tail.token.as_str()));
        let script = guarded!(CompareAndSet: &APPEND, else &APPEND_UNGUARDED);
        let (done, id, token): (u8, String, String) = script
            .key(&self.key)
            .key(self.live_channel())
            .arg(id)
            .arg(last)
            .arg(entry.position().to_string())
            .arg(token)
            .arg(body)
            .invoke_async(&mut self.redis.connection())
            .await?;
        Ok(match (done, id.parse()) {
            (1, _) => Appended::Done,
            (_, Ok(position)) => Appended::Chain(Some(Tail { position, token })),
            (_, Err(_)) => Appended::Chain(None),
        })
    }

    /// Whether a build of our schema wrote the last entry; `None` if the log is empty.
    pub async fn is_ours(&self) -> Result<Option<bool>> {
        let reply: StreamRangeReply = self.redis.connection().xrevrange_count(&self.key, "+", "-", 1).await?;
        let Some(last) = reply.ids.first() else { return Ok(None) };
        Ok(Some(version(field(&last.map, "entry")?.as_bytes())? == self.schema))
    }

    /// The last entry with its token. The entry is `None` if a build of another schema wrote it.
    pub async fn last(&self) -> Result<Option<(Tail, Option<Entry>)>> {
        let reply: StreamRangeReply = self.redis.connection().xrevrange_count(&self.key, "+", "-", 1).await?;
        let Some(last) = reply.ids.into_iter().next() else { return Ok(None) };
        let tail = Tail { position: position(&last.id)?, token: field(&last.map, "token")? };
        Ok(Some((tail, self.parse(field(&last.map, "entry")?.as_bytes())?)))
    }

    /// Parses an entry as it was stored or published. Returns `None` for one of another schema, whatever its shape.
    pub fn parse(&self, entry: &[u8]) -> Result<Option<Entry>> {
        if version(entry)? != self.schema {
            return Ok(None);
        }
        serde_json::from_slice(entry).map(Some).map_err(|e| LogError::Unreadable(e.to_string()))
    }

    /// How many entries it has, the bytes they take, and the seconds from the first to the last.
    pub async fn extent(&self) -> Result<(i64, i64, i64)> {
        let mut connection = self.redis.connection();
        let entries: i64 = connection.xlen(&self.key).await?;
        let bytes: Option<i64> = redis::cmd("MEMORY").arg("USAGE").arg(&self.key).query_async(&mut connection).await?;
        let first: StreamRangeReply = connection.xrange_count(&self.key, "-", "+", 1).await?;
        let first = match first.ids.first() {
            Some(first) => self.parse(field(&first.map, "entry")?.as_bytes())?,
            None => None,
        };
        let last = self.last().await?.and_then(|(_, entry)| entry);
        let seconds = |entry: &Entry| i64::from(entry.ct.seconds());
        let window = first.zip(last).map_or(0, |(first, last)| seconds(&last) - seconds(&first));
        Ok((entries, bytes.unwrap_or(0), window))
    }

    /// The log's last position.
    pub async fn head(&self) -> Result<Option<Position>> {
        let reply: StreamRangeReply = self.redis.connection().xrevrange_count(&self.key, "+", "-", 1).await?;
        Ok(reply.ids.first().and_then(|last| last.id.parse().ok()))
    }

    /// A page of the entries after `position`, or from the oldest if it is `None`. Skips entries of another schema.
    pub async fn after(&self, position: Option<Position>) -> Result<LogPage> {
        self.page(position, PAGE).await
    }

    async fn page(&self, mut position: Option<Position>, count: usize) -> Result<LogPage> {
        let (mut entries, mut bytes) = (Vec::new(), 0);
        loop {
            let start = position.map_or_else(|| "-".to_owned(), |p| format!("({p}"));
            let reply: StreamRangeReply =
                self.redis.connection().xrange_count(&self.key, start, "+", count.min(ASKED)).await?;
            for id in &reply.ids {
                let entry = field(&id.map, "entry")?;
                position = Some(self::position(&id.id)?);
                let Some(parsed) = self.parse(entry.as_bytes())? else { continue };
                entries.push(parsed);
                bytes += entry.len();
                if entries.len() == count || bytes >= PAGE_BYTES {
                    return Ok(LogPage { entries, is_full: true });
                }
            }
            if reply.ids.len() < ASKED {
                return Ok(LogPage { entries, is_full: false });
            }
        }
    }

    /// Publishes to all instances that nothing happened, and keeps the idle token.
    pub async fn checked(&self, checked: &Checked) -> Result<()> {
        let body = serde_json::to_string(checked).map_err(|e| LogError::Unreadable(e.to_string()))?;
        let mut connection = self.redis.connection();
        let () = connection.set(self.redis.key("idle"), &body).await?;
        let () = connection.publish(self.checked_channel(), body).await?;
        Ok(())
    }

    /// The fingerprint of the field mapping with which the log's rows were read; empty if none is stored.
    pub async fn fields(&self) -> Result<String> {
        let fields: Option<String> = self.redis.connection().get(self.redis.key("fields")).await?;
        Ok(fields.unwrap_or_default())
    }

    /// Stores the fingerprint of the mapping with which rows are read from here on.
    pub async fn set_fields(&self, fingerprint: &str) -> Result<()> {
        Ok(self.redis.connection().set(self.redis.key("fields"), fingerprint).await?)
    }

    /// The newest event that a relay has seen in MongoDB.
    pub async fn past(&self) -> Result<Option<Position>> {
        let past: Option<String> = self.redis.connection().get(self.redis.key("past")).await?;
        Ok(past.and_then(|past| past.parse().ok()))
    }

    /// Stores the newest event for later relays.
    pub async fn set_past(&self, newest: Position) -> Result<()> {
        Ok(self.redis.connection().set(self.redis.key("past"), newest.to_string()).await?)
    }

    /// The last message of an idle stream, if nothing was appended since.
    pub async fn idle(&self, tail: &Tail) -> Result<Option<Checked>> {
        let body: Option<String> = self.redis.connection().get(self.redis.key("idle")).await?;
        let idle: Option<Checked> = body.and_then(|text| serde_json::from_str(&text).ok());
        Ok(idle.filter(|c| c.position == tail.position))
    }

    /// Approximate bytes of Redis' memory that the log takes.
    pub async fn bytes(&self) -> Result<u64> {
        let mut connection = self.redis.connection();
        let bytes: Option<u64> = redis::cmd("MEMORY").arg("USAGE").arg(&self.key).query_async(&mut connection).await?;
        Ok(bytes.unwrap_or(0))
    }

    /// Removes entries that are older than [`KEEP_S`] at `now` and not after `written`, up to which events are
    /// written. Removes the oldest entries in any case while the log takes more than `max_bytes` ([`MAX_BYTES`]).
    /// Never removes the last entry.
    pub async fn trim(&self, now: UtcMs, written: Option<Position>, max_bytes: u64) -> Result<()> {
        let mut connection = self.redis.connection();
        let young = |entry: &Entry| now.seconds() - i64::from(entry.ct.seconds()) <= KEEP_S;
        let needed = |entry: &Entry| written.is_none_or(|written| entry.position() > written);
        // Mostly the oldest entry alone shows that there is nothing to do.
        let mut count = 1;
        loop {
            let too_much = self.bytes().await? > max_bytes;
            let Some(last) = self.head().await? else { return Ok(()) };
            let oldest = self.page(None, count).await?.entries;
            let keep = oldest.iter().find(|entry| !too_much && (young(entry) || needed(entry)));
            let behind = |entry: &Entry| Position::new(entry.epoch, Seq(entry.last.0.saturating_add(1)));
            let first_kept = keep.map(Entry::position).or(oldest.last().map(behind)).unwrap_or(last).min(last);
            let removed: usize = redis::cmd("XTRIM")
                .arg(&self.key)
                .arg("MINID")
                .arg(first_kept.to_string())
                .query_async(&mut connection)
                .await?;
            if keep.is_some() || removed == 0 && count == PAGE {
                return Ok(());
            }
            count = PAGE;
        }
    }
}

/// The number before the first of an entry's records.
pub const fn before(entry: &Entry) -> Seq {
    Seq(entry.first.0.saturating_sub(1))
}

fn field(map: &std::collections::HashMap<String, redis::Value>, name: &str) -> Result<String> {
    let value = map.get(name).ok_or_else(|| LogError::Unreadable(format!("no field {name}")))?;
    String::from_redis_value_ref(value).map_err(|e| LogError::Unreadable(e.to_string()))
}

fn position(id: &str) -> Result<Position> {
    id.parse().map_err(|_| LogError::Unreadable(format!("its id is {id}")))
}

/// An entry as the log stores it.
#[derive(Serialize)]
struct StoredEntry<'a> {
    version: Schema,
    #[serde(flatten)]
    entry: &'a Entry,
}

fn version(entry: &[u8]) -> Result<Schema> {
    #[derive(Deserialize)]
    struct WrittenEntry {
        version: Schema,
    }
    serde_json::from_slice(entry)
        .map(|WrittenEntry { version }| version)
        .map_err(|e| LogError::Unreadable(e.to_string()))
}
