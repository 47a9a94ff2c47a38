//! When an account cannot be looked up.

use std::time::Duration;

use redis::RedisError;
use tower_sessions::session_store;

use super::password::HashFailed;
use crate::server::problem::Problem;

/// Time limit for one question about an account, since every request asks it.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);

/// A backend is unavailable. Fail closed, but do not report a wrong password.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    #[error("MongoDB did not answer in time")]
    MongoTimeout,
    #[error("Redis: {0}")]
    Redis(#[from] RedisError),
    #[error("the process ends")]
    Stopping,
    #[error("session: {0}")]
    Session(#[from] tower_sessions::session::Error),
    #[error("session: {0}")]
    Store(#[from] session_store::Error),
    #[error("session: it has no id after it was saved")]
    NoSession,
    #[error(transparent)]
    Hash(#[from] HashFailed),
}

/// Logs the cause, because the answer must not hold it.
impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::error!(%error, "a request is not answered, because a backend is unavailable");
        Self::unavailable()
    }
}
