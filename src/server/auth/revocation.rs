//! How open sockets learn within a second that their session, or their user, is out.
//!
//! The word goes over the Redis channel `ctl` to every instance. It only makes sooner what each socket finds out by
//! itself, since it asks [`AuthService::still_valid`](super::AuthService::still_valid) every ten seconds: a lost word opens nothing.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::StreamExt;
use redis::{AsyncCommands, RedisResult};
use serde::{Deserialize, Serialize};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::user::UserId;
use crate::server::redis::connection::TIMEOUT;
use crate::server::redis::{connection::Redis, sessions::SessionHash};

/// The channel for what every instance must hear at once.
pub const CHANNEL: &str = "ctl";

/// How long to wait before asking Redis again, and how often to see whether a silent subscription still lives.
const RETRY: Duration = Duration::from_secs(1);
const CHECK: Duration = Duration::from_secs(10);

/// What travels on [`CHANNEL`]. Messages of other types are for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Revoked {
    Session {
        session: SessionHash,
    },
    User {
        user: UserId,
    },
    /// The session goes on under another id: its browser may come back at once.
    Renewed {
        session: SessionHash,
    },
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Revoked,
    /// The session has another id, which its browser knows.
    Renewed,
}

/// The watches of this instance, and the ear that is kept on the channel.
#[derive(Clone)]
pub struct Revocations {
    redis: Redis,
    watches: Arc<Watches>,
    /// Ends with the last clone.
    _listener: Arc<AbortOnDropHandle<()>>,
}

#[derive(Default)]
struct Watches {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Watched>>,
}

struct Watched {
    session: SessionHash,
    user: UserId,
    ended: Arc<OnceLock<Ended>>,
    token: CancellationToken,
}

impl Revocations {
    /// Begins to listen, and goes on however often Redis leaves. Call it inside the runtime.
    pub fn subscribe(redis: Redis) -> Self {
        let watches = Arc::<Watches>::default();
        let listener = AbortOnDropHandle::new(tokio::spawn(listen_for_ever(redis.clone(), watches.clone())));
        Self { redis, watches, _listener: Arc::new(listener) }
    }

    /// Watches over one socket; hold it as long as the socket is open. Ask
    /// [`AuthService::still_valid`](super::AuthService::still_valid) once afterwards: what was revoked before is not heard.
    pub fn watch(&self, session: SessionHash, user: UserId) -> Watch {
        let key = self.watches.next.fetch_add(1, Ordering::Relaxed);
        let (ended, token) = (Arc::<OnceLock<_>>::default(), CancellationToken::new());
        let watched = Watched { session, user, ended: ended.clone(), token: token.clone() };
        self.watches.lock().insert(key, watched);
        Watch { key, ended, token, watches: self.watches.clone() }
    }

    /// Ends the watches here at once, and tells the other instances.
    ///
    /// # Errors
    /// Redis is away: the others find out by themselves, within ten seconds.
    pub async fn publish(&self, revoked: &Revoked) -> RedisResult<()> {
        self.watches.end(revoked);
        publish(&self.redis, revoked).await
    }
}

/// Tells all instances from a process that has no sockets of its own.
///
/// # Errors
/// Redis is away.
pub async fn publish(redis: &Redis, revoked: &Revoked) -> RedisResult<()> {
    let message = serde_json::to_string(revoked).map_err(std::io::Error::other)?;
    redis.connection().publish(redis.key(CHANNEL), message).await
}

/// One watched socket.
pub struct Watch {
    key: u64,
    ended: Arc<OnceLock<Ended>>,
    token: CancellationToken,
    watches: Arc<Watches>,
}

impl Watch {
    /// Returns when the session or its user is out.
    pub async fn revoked(&self) -> Ended {
        self.token.cancelled().await;
        self.ended.get().copied().unwrap_or(Ended::Revoked)
    }

    pub fn token(&self) -> &CancellationToken {
        &self.token
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watches.lock().remove(&self.key);
    }
}

impl Watches {
    fn end(&self, revoked: &Revoked) {
        for Watched { session, user, ended, token } in self.lock().values() {
            let why = match revoked {
                Revoked::Session { session: named } if named == session => Ended::Revoked,
                Revoked::User { user: named } if named == user => Ended::Revoked,
                Revoked::Renewed { session: named } if named == session => Ended::Renewed,
                _ => continue,
            };
            ended.get_or_init(|| why);
            token.cancel();
        }
    }

    /// No code that holds the lock can leave the map half changed.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Watched>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn listen_for_ever(redis: Redis, watches: Arc<Watches>) {
    loop {
        if let Err(error) = listen(&redis, &watches).await {
            // The connection's heartbeat says that Redis is away; once is enough.
            tracing::debug!(%error, "not listening for revocations; trying again");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen(redis: &Redis, watches: &Watches) -> RedisResult<()> {
    let (mut sink, mut messages) = redis.pubsub().await?.split();
    sink.subscribe(redis.key(CHANNEL)).await?;
    let mut check = tokio::time::interval(CHECK);
    loop {
        tokio::select! {
            message = messages.next() => match message {
                Some(message) => {
                    if let Ok(revoked) = serde_json::from_slice(message.get_payload_bytes()) {
                        watches.end(&revoked);
                    }
                }
                None => return Ok(()),
            },
            // A machine that vanished ends no stream.
            _ = check.tick() => match tokio::time::timeout(TIMEOUT, sink.ping::<()>()).await {
                Ok(answered) => answered?,
                Err(_) => return Ok(()),
            },
        }
    }
}
