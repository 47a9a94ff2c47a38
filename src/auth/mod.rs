//! Who is let in: accounts, passwords, sessions, and the guard in front of everything else.
//!
//! Deny by default. A request is let through only while its session is in Redis, and its user's document in MongoDB says
//! active admin and names the session's version; when either cannot be asked, the answer is 503 and never the page.

pub mod admin_cli;
pub mod administration;
pub mod audit_log;
pub mod guard;
pub mod local_path;
pub mod login;
mod lookup;
pub mod one_time;
pub mod own_account;
pub mod password;
pub mod place;
pub mod proof;
pub mod revocation;
pub mod session;
pub mod setup;
pub mod throttle;
pub mod users;

use std::sync::Arc;

use mongodb::Database;
use redis::RedisError;
use secrecy::SecretString;
use tower_sessions::session_store;

use crate::{
    cache::{connection::Redis, sessions::RedisSessionStore},
    config::{PublicOrigin, Settings, TrustedProxies},
};
use audit_log::AuditLog;
use lookup::Lookup;
use password::{HashFailed, PasswordRefused, Passwords};
use revocation::Revocations;
use session::SessionLimits;
pub use session::{ConfirmedAdmin, CurrentAdmin};
use throttle::Throttles;
use users::{Email, Users};

/// All that guards the doors; clones are cheap and share everything.
#[derive(Clone)]
pub struct Doors {
    pub users: Users,
    pub audit: AuditLog,
    /// Who is still entitled.
    pub lookup: Lookup,
    pub passwords: Passwords,
    pub throttles: Throttles,
    pub sessions: RedisSessionStore,
    pub revocations: Revocations,
    pub limits: SessionLimits,
    pub origin: PublicOrigin,
    pub proxies: TrustedProxies,
    /// The network's name: no password is made of it.
    network: Arc<str>,
}

impl Doors {
    /// Asks nothing of the two databases yet. Call it inside the runtime: it begins to listen for revocations and to look accounts up.
    pub fn new(own_db: &Database, redis: &Redis, settings: &Settings, limits: SessionLimits) -> Self {
        let users = Users::new(own_db);
        Self {
            lookup: Lookup::new(users.clone()),
            users,
            audit: AuditLog::new(own_db),
            passwords: Passwords::default(),
            throttles: Throttles::new(redis.clone()),
            sessions: RedisSessionStore::new(redis.clone(), limits.absolute),
            revocations: Revocations::subscribe(redis.clone()),
            limits,
            origin: settings.server.public_origin.clone(),
            network: settings.network.name.as_str().into(),
            proxies: settings.server.trusted_proxies.clone(),
        }
    }
}

impl Doors {
    /// Whether the password may be given to this account.
    ///
    /// # Errors
    /// It could not be judged.
    pub async fn check_new_password(
        &self,
        password: &SecretString,
        email: &Email,
    ) -> Result<Result<(), PasswordRefused>, Unavailable> {
        Ok(self.passwords.check_new(password, self.network.clone(), email).await?)
    }
}

/// Someone who should know cannot be asked: no reason to open, and none to say that a password is wrong.
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
