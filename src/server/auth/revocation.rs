//! How open sockets learn within a second that their session or their user was revoked.
//!
//! The message goes over the Redis channel `ctl` to every instance. It only speeds up what each socket finds out by
//! itself, since it asks [`AuthService::still_valid`](super::AuthService::still_valid) every ten seconds. So a lost
//! message gives nobody access, be it lost by Redis or because more waited than [`Subscription`] has room for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{AsyncCommands, RedisResult};
use serde::{Deserialize, Serialize};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::user::UserId;
use crate::server::redis::{
    connection::{Redis, TIMEOUT},
    sessions::SessionHash,
    subscription::Subscription,
};

/// The channel for messages that every instance must receive at once.
pub const CHANNEL: &str = "ctl";

/// How long to wait before asking Redis again, and how often to check that a silent subscription is still alive.
const RETRY: Duration = Duration::from_secs(1);
const CHECK: Duration = Duration::from_secs(10);

/// A message on [`CHANNEL`]. Messages of other types are for other receivers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Revoked {
    Session {
        session: SessionHash,
    },
    User {
        user: UserId,
    },
    /// The session continues under another id, so its browser may reconnect at once.
    Renewed {
        session: SessionHash,
    },
}

/// Why a watch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Revoked,
    /// The session has a new id, which its browser knows.
    Renewed,
}

/// The watches of this instance, and the listener on the channel.
#[derive(Clone)]
pub struct Revocations {
    redis: Redis,
    watches: Arc<Watches>,
    /// Stops with the last clone.
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
    /// Subscribes, and subscribes again whenever Redis disconnects. Call it inside the runtime.
    pub fn subscribe(redis: Redis) -> Self {
        let watches = Arc::<Watches>::default();
        let listener = AbortOnDropHandle::new(tokio::spawn(listen_for_ever(redis.clone(), watches.clone())));
        Self { redis, watches, _listener: Arc::new(listener) }
    }

    /// Watches one socket; hold the watch as long as the socket is open. Ask
    /// [`AuthService::still_valid`](super::AuthService::still_valid) once afterwards: earlier revocations are missed.
    pub fn watch(&self, session: SessionHash, user: UserId) -> Watch {
        let key = self.watches.next.fetch_add(1, Ordering::Relaxed);
        let (ended, token) = (Arc::<OnceLock<_>>::default(), CancellationToken::new());
        let watched = Watched { session, user, ended: ended.clone(), token: token.clone() };
        self.watches.lock().insert(key, watched);
        Watch { key, ended, token, watches: self.watches.clone() }
    }

    /// Ends the watches of this instance at once, and notifies the other instances.
    ///
    /// # Errors
    /// Redis is away. The other instances find out by themselves, within ten seconds.
    pub async fn publish(&self, revoked: &Revoked) -> RedisResult<()> {
        self.watches.end(revoked);
        publish(&self.redis, revoked).await
    }
}

/// Notifies all instances from a process that has no sockets of its own.
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
    /// Returns when the session or its user was revoked, or the session got a new id.
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
            // The connection's heartbeat logs that Redis is away; once is enough.
            tracing::debug!(%error, "not listening for revocations; trying again");
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn listen(redis: &Redis, watches: &Watches) -> RedisResult<()> {
    let (mut sink, messages) = redis.pubsub().await?.split();
    sink.subscribe(redis.key(CHANNEL)).await?;
    let mut messages = Subscription::new(messages);
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
            // When the other machine vanishes, the stream does not end, so ping it.
            _ = check.tick() => match tokio::time::timeout(TIMEOUT, sink.ping::<()>()).await {
                Ok(answered) => answered?,
                Err(_) => return Ok(()),
            },
        }
    }
}
